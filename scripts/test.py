"""The program behind test.sh and test.ps1: checks the Python, then leaves the rest to scripts/tester.py.

Like start.py it must be understood by Pythons that are too old (3.6 and later).
"""

import os
import sys

OLDEST = (3, 11)


def main() -> int:
    """Set up and test. Returns the exit code."""
    if sys.version_info < OLDEST:
        sys.stderr.write(
            f"Alisa's tests need Python {OLDEST[0]}.{OLDEST[1]} or newer, and this is {sys.version_info[0]}."
            f"{sys.version_info[1]}: install a newer one, or name it with the PYTHON variable (PYTHON=python3.12).\n"
        )
        return 2
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(folder)] + [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    from scripts.tester import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
