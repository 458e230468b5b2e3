"""The program behind start.sh and start.ps1: checks the Python, then leaves the rest to scripts/starter.py.

This file must be understood by Pythons that are too old to run anything else of Alisa (3.6 and later), because it is
what tells people so.
"""

import os
import sys

OLDEST = (3, 11)


def main() -> int:
    """Set up and start. Returns the exit code."""
    if sys.version_info < OLDEST:
        sys.stderr.write(
            f"Alisa needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and this is {sys.version_info[0]}."
            f"{sys.version_info[1]}: install a newer one from python.org or your system's packages, or name it with "
            "the PYTHON variable (PYTHON=python3.12).\n"
        )
        return 2
    folder = os.path.dirname(os.path.abspath(__file__))
    # The packages live in the project's folder; scripts/ itself must not be where `import` looks first.
    sys.path[:] = [os.path.dirname(folder)] + [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    from scripts.starter import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
