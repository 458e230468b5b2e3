#!/bin/sh
# Starts the hub alone and restarts it should it crash; arguments go to the hub.
set -eu
exec "$(dirname -- "$0")/start.sh" --only hub "$@"
