#!/bin/sh
# Starts her window alone; arguments go to it.
set -eu
exec "$(dirname -- "$0")/start.sh" --only overlay "$@"
