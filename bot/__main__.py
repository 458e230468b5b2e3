"""`python -m bot`."""

from __future__ import annotations

import sys

from bot.doctor import report
from link import own_environment
from link.part_cli import PartProgram

PROGRAM = PartProgram(
    "bot",
    "Live chats of streaming platforms.",
    report,
)

if __name__ == "__main__":
    own_environment.enter("bot")
    sys.exit(PROGRAM.run(sys.argv[1:]))
