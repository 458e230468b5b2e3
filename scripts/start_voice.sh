#!/bin/sh
# Starts ears and voice alone; arguments go to them.
set -eu
exec "$(dirname -- "$0")/start.sh" --only voice "$@"
