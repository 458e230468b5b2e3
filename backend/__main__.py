"""`python -m backend`: the hub; also `models` and `doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from link import own_environment
from link.version import VERSION

USAGE = """\
usage: python -m backend [serve] [--quiet]   run the hub until Ctrl-C
       python -m backend models ...          list, download and choose language models
       python -m backend doctor [--json]     check this machine: what works, what does not, how to mend it
       python -m backend --version

The hub is set up in settings.yaml in the data folder, or by variables such as ALISA_HUB__PORT=8001
(docs/SETTINGS.md lists them all). ALISA_DATA_DIR names the data folder.
"""


def main(argv: Sequence[str]) -> int:
    """Dispatch to the command; returns the exit code. What a command needs is imported only then."""
    command, rest = (argv[0], argv[1:]) if argv and not argv[0].startswith("-") else ("serve", argv)
    if "--version" in rest and command == "serve":
        print(f"Alisa {VERSION}")
        return 0
    if command == "serve":
        if {"-h", "--help"} & set(rest):
            print(USAGE, end="")
            return 0
        if unknown := [argument for argument in rest if argument != "--quiet"]:
            print(f"Unknown option {unknown[0]}.\n\n{USAGE}", end="", file=sys.stderr)
            return 2
        from backend.serve import serve

        return serve(console="--quiet" not in rest)
    if command == "models":
        from backend.models_cli import run as models

        return models(list(rest))
    if command == "doctor":
        from backend.doctor_cli import run as doctor

        return doctor(list(rest))
    print(f"There is no command {command}.\n\n{USAGE}", end="", file=sys.stderr)
    return 2


if __name__ == "__main__":
    own_environment.enter("backend")
    sys.exit(main(sys.argv[1:]))
