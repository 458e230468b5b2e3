"""`python -m vision`."""

from __future__ import annotations

import sys

from link import own_environment
from link.part_cli import PartProgram
from vision.doctor import report

PROGRAM = PartProgram(
    "vision",
    "Her eyes: the camera and the screen.",
    report,
)

if __name__ == "__main__":
    own_environment.enter("vision")
    sys.exit(PROGRAM.run(sys.argv[1:]))
