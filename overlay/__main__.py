"""`python -m overlay`."""

from __future__ import annotations

import sys

from link import own_environment
from link.part_cli import PartProgram
from overlay.doctor import report

PROGRAM = PartProgram(
    "overlay",
    "Her window on the desktop.",
    report,
)

if __name__ == "__main__":
    own_environment.enter("overlay")
    sys.exit(PROGRAM.run(sys.argv[1:]))
