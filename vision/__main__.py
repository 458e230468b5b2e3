"""`python -m vision`."""

from __future__ import annotations

import sys

from link.part_cli import PartProgram
from vision.doctor import report

PROGRAM = PartProgram(
    "vision",
    "Her eyes: the camera and the screen.",
    report,
)

if __name__ == "__main__":
    sys.exit(PROGRAM.run(sys.argv[1:]))
