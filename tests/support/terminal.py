"""A program on a pseudo-terminal, and the screen that a person would see (POSIX only).

async with Terminal([sys.executable, "-m", "voice.text_chat"], env) as terminal:
    await terminal.shows("connected")
    terminal.type("hello\r")
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Mapping, Sequence
from types import TracebackType

import pyte

from link.testing.waiting import eventually

ROWS, COLUMNS = 24, 80


class Terminal:
    """columns, rows: its size. raw: every byte that the program has written."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = COLUMNS, rows: int = ROWS
    ) -> None:
        self.raw = b""
        self._command, self._env = command, env
        self._screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self._size = (rows, columns)

    async def __aenter__(self) -> Terminal:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size, 0, 0))
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            env=dict(self._env),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal where it should be
        )
        os.close(theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        os.close(self._ours)

    def type(self, keys: str) -> None:
        """Press keys; "\\r" is Enter, "\\x03" is Ctrl-C."""
        os.write(self._ours, keys.encode())

    @property
    def text(self) -> str:
        """What can be seen, and above it what has scrolled away; lines without trailing spaces."""
        gone = ["".join(line[x].data for x in range(self._screen.columns)) for line in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*gone, *self._screen.display]).rstrip()

    async def shows(self, wanted: str, within: float = 10.0) -> str:
        """Wait until `wanted` stands on the screen and return the whole. Raises AssertionError with the screen."""
        try:
            await eventually(lambda: wanted in self.text, within)
        except AssertionError:
            raise AssertionError(f"{wanted!r} did not appear within {within:g} s; the screen:\n{self.text}") from None
        return self.text

    async def ends(self, within: float = 10.0) -> int:
        """Wait for the program's end; returns its exit code. Raises AssertionError with the screen."""
        try:
            return await asyncio.wait_for(self.process.wait(), within)
        except TimeoutError:
            raise AssertionError(f"the program did not end within {within:g} s; the screen:\n{self.text}") from None

    def _read(self) -> None:
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the program has gone, and its side of the terminal with it
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._ours)
            return
        self.raw += data
        self._stream.feed(data)
