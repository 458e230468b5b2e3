#!/bin/sh
# Sets up what the tests need and runs every check; arguments go to pytest.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/find_python.sh"
python=$(find_python) || exit 2
exec "$python" "$here/test.py" "$@"
