"""The command line of start.sh and start.ps1: what is to be started. Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.parts import PARTS, SATELLITES

DESCRIPTION = """\
Start Alisa: the first time this makes a virtual environment and installs what is needed, then it starts the hub
and opens the terminal chat. Quit the chat (/quit or Ctrl-D) and everything that was started ends."""

EPILOG = """\
examples:
  start.sh                         hub and terminal chat
  start.sh --with overlay,voice    her window and her voice as well
  start.sh --all --no-chat         all there is, without a chat in this terminal
  start.sh --only chat --say "Hi"  one part alone; what follows is for that part

environment:
  ALISA_HUB__PORT   port of the hub (8000)           ALISA_LLM__URL    a language model server that runs already
  ALISA_DATA_DIR    data folder (data/)              ALISA_MODELS_DIR  folder of model files (models/)
  ALISA_VENV        virtual environment (.venv/)     PYTHON            the Python to make it with"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be started.

    only: one part alone, with `arguments` for it; then `satellites` is empty and `chat` says whether it is the chat.
    satellites: names of PARTS, in the order of the table, each once.
    """

    satellites: tuple[str, ...] = ()
    chat: bool = True
    only: str | None = None
    arguments: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Every part of the plan, in the order of starting."""
        if self.only is not None:
            return (self.only,)
        return ("hub", *self.satellites, *(("chat",) if self.chat else ()))

    @property
    def runs_once(self) -> bool:
        """Whether the one part runs directly in the terminal and its exit code is the answer.

        So does the chat, and every command of a part (`--only hub doctor`, `--only hub --help`); a part that stays
        is supervised instead.
        """
        if self.only is None:
            return False
        first = self.arguments[0] if self.arguments else ""
        return self.only == "chat" or first in ("-h", "--help", "--version") or bool(first and first[0] != "-")


def parse(argv: Sequence[str]) -> Plan:
    """The plan of a command line. Ends the program with a usage message (exit code 2) when it makes no sense."""
    options, of_part = _split_only(argv)
    parser = argparse.ArgumentParser(
        prog="start", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--with", dest="satellites", metavar="PARTS", default="", help=", ".join(SATELLITES))
    parser.add_argument("--all", action="store_true", help="start every part that this version has")
    parser.add_argument("--no-chat", action="store_true", help="no terminal chat; Ctrl-C ends everything")
    parser.add_argument(
        "--only",
        metavar="PART [ARGUMENTS]",
        choices=tuple(PARTS),
        help=f"one part alone: {', '.join(PARTS)}; everything after its name is passed to it",
    )
    given = parser.parse_args(options)
    if given.only is not None:
        if given.satellites or given.all or given.no_chat:
            parser.error("--only starts one part alone: leave --with, --all and --no-chat away")
        return Plan(chat=given.only == "chat", only=given.only, arguments=of_part)
    asked = {name.strip().replace("_", "-") for name in given.satellites.split(",") if name.strip()}
    unknown = sorted(asked - set(SATELLITES))
    if unknown:
        parser.error(f"--with does not know {', '.join(unknown)}; there are: {', '.join(SATELLITES)}")
    chosen = tuple(name for name in SATELLITES if given.all or name in asked)
    return Plan(satellites=chosen, chat=not given.no_chat)


def _split_only(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Our options, and what follows `--only PART`. (argparse.REMAINDER would still take `--help` for ours.)"""
    words = list(argv)
    for index, word in enumerate(words):
        if word == "--only" and index + 1 < len(words):
            return words[: index + 2], tuple(words[index + 2 :])
        if word.startswith("--only="):
            return words[: index + 1], tuple(words[index + 1 :])
    return words, ()
