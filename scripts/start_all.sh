#!/bin/sh
# Starts everything that this version has; arguments as for start.
set -eu
exec "$(dirname -- "$0")/start.sh" --all "$@"
