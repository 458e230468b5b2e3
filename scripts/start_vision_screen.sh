#!/bin/sh
# Starts the screen reader alone; arguments go to it.
set -eu
exec "$(dirname -- "$0")/start.sh" --only vision-screen "$@"
