"""The chat on a terminal that can only print: no escape codes, no colours, one thing after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Literal, TextIO

from link.client import GaveUp, HubClient
from voice.chat.commands import help_text, local
from voice.chat.fragments import Ink, Line, Piece, text_of
from voice.chat.session import Session

PROMPT = "You: "


class Printer:
    """Writes ink as plain text. A line that comes in the middle of a reply breaks it, and the reply goes on below."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._at: Literal["start", "text", "prompt"] = "start"

    def show(self, ink: Iterable[Ink], *, prompt: bool) -> None:
        """Write it. prompt: the user may type now, so end with the prompt."""
        for thing in ink:
            if not isinstance(thing, Piece) or self._at == "prompt":
                self._begin_line()
            if isinstance(thing, Line):
                self._out.write(text_of(thing.fragments) + "\n")
            elif isinstance(thing, Piece):
                self._out.write(text_of(thing.fragments))
                self._at = "text"
        if prompt and self._at != "prompt":
            self._begin_line()
            self._out.write(PROMPT)
            self._at = "prompt"
        self._out.flush()

    def entered(self) -> None:
        """The user has pressed Enter, which put the terminal at the beginning of a line."""
        self._at = "start"

    def end(self) -> None:
        """Leave the terminal at the beginning of a line."""
        self._begin_line()
        self._out.flush()

    def _begin_line(self) -> None:
        if self._at != "start":
            self._out.write("\n")
        self._at = "start"


class PlainChat:
    """The chat itself. client: not yet asked for its events."""

    def __init__(self, client: HubClient, out: TextIO) -> None:
        self._client = client
        self._session = Session(client, echo=False)
        self._printer = Printer(out)
        self._leave = asyncio.Event()
        self._code = 0

    async def run(self, lines: AsyncIterator[str]) -> int:
        """Chat until the input ends or the user leaves; returns the exit code."""
        tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._read(lines))]
        leaving = asyncio.create_task(self._leave.wait())
        try:
            done, _ = await asyncio.wait([*tasks, leaving], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._client.close()
            for task in (*tasks, leaving):
                task.cancel()
            await asyncio.gather(*tasks, leaving, return_exceptions=True)
        self._printer.end()
        return self._code

    def leave(self) -> None:
        """End the chat."""
        self._leave.set()

    async def _follow(self) -> None:
        async for event in self._client.events():
            self._show(await self._session.on(event))
            if isinstance(event, GaveUp):
                self._code = 1
                return

    async def _read(self, lines: AsyncIterator[str]) -> None:
        async for line in lines:
            self._printer.entered()
            if (command := local(line)) == "quit":
                return
            if command == "help":
                self._show(self._session.transcript.tell(help_text()))
            elif line.strip():
                self._show(await self._session.enter(line.strip()))

    def _show(self, ink: list[Ink]) -> None:
        transcript = self._session.transcript
        idle = transcript.reply is None and not transcript.waiting
        self._printer.show(ink, prompt=idle and self._session.status.connected)
