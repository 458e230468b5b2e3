#!/bin/sh
# Sets up what is needed and starts Alisa; --help lists the options.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/find_python.sh"
python=$(find_python) || exit 2
exec "$python" "$here/start.py" "$@"
