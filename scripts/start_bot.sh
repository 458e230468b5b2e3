#!/bin/sh
# Starts the live chat alone; arguments go to it.
set -eu
exec "$(dirname -- "$0")/start.sh" --only bot "$@"
