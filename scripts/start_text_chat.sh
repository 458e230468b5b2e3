#!/bin/sh
# Opens the terminal chat with a hub that runs already; arguments go to the chat.
set -eu
exec "$(dirname -- "$0")/start.sh" --only chat "$@"
