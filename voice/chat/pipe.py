"""The chat in a pipe: a line of input is a message, its reply is a line (or more) of output, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TextIO

from link.client import HubClient
from voice.chat.asking import Asking
from voice.chat.commands import help_text, local


async def talk(client: HubClient, lines: AsyncIterator[str], *, patience: float, out: TextIO, err: TextIO) -> int:
    """Answer line after line, each when the reply before it is complete, until the input ends.

    Returns the exit code: 0, or 1 if the hub could not be reached or any message failed; the reasons are on `err`.
    """

    def write(piece: str) -> None:
        out.write(piece)
        out.flush()

    failed = False
    async with Asking(client, write, patience) as asking:
        async for line in lines:
            if not line.strip():
                continue
            if (command := local(line)) == "quit":
                break
            if command == "help":
                write(help_text() + "\n")
                continue
            if fault := await asking.reach():
                err.write(f"{fault}\n")
                return 1
            exchange = await asking.ask(line)
            write("\n" if exchange.said else "")
            if exchange.state == "failed":
                failed = True
                err.write(f"{exchange.reason}\n")
                err.flush()
    return 1 if failed else 0
