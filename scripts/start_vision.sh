#!/bin/sh
# Starts the camera's part alone; arguments go to it.
set -eu
exec "$(dirname -- "$0")/start.sh" --only vision "$@"
