"""`python -m overlay`."""

from __future__ import annotations

import sys

from link.part_cli import PartProgram
from overlay.doctor import report

PROGRAM = PartProgram(
    "overlay",
    "Her window on the desktop.",
    report,
)

if __name__ == "__main__":
    sys.exit(PROGRAM.run(sys.argv[1:]))
