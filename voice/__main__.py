"""`python -m voice`."""

from __future__ import annotations

import sys

from link import own_environment
from link.part_cli import PartProgram
from voice.doctor import report

PROGRAM = PartProgram(
    "voice",
    "Her ears and her voice.",
    report,
    more="The terminal chat, which needs no sound, is a program of its own: python -m voice.text_chat.",
)

if __name__ == "__main__":
    own_environment.enter("voice")
    sys.exit(PROGRAM.run(sys.argv[1:]))
