"""Progress of long steps: a line that is redrawn on a terminal, plain lines elsewhere. Standard library only."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TextIO


class Progress:
    """Says what is going on and for how long already. Thread-safe; `begin` and `end` come in pairs.

    On a terminal one line is kept up to date; elsewhere (a log, a pipe) each beginning and end gets a line, and a
    long step gets one every `quiet` seconds, so that nobody takes it for hung.
    """

    def __init__(self, stream: TextIO, *, quiet: float = 20.0) -> None:
        self._stream = stream
        self._tty = stream.isatty()
        self._interval = 0.5 if self._tty else quiet
        self._lock = threading.Lock()
        self._title = ""
        self._doing = ""
        self._since = 0.0
        self._done = threading.Event()
        self._ticker: threading.Thread | None = None

    def say(self, text: str) -> None:
        """A sentence on a line of its own."""
        with self._lock:
            self._write(f"{text}\n")

    def begin(self, title: str) -> None:
        """A long step begins."""
        with self._lock:
            self._title, self._doing, self._since = title, "", time.monotonic()
            self._write(self._line() if self._tty else f"{title} ...\n")
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, args=(self._done,), daemon=True)
        self._ticker.start()

    def step(self, doing: str) -> None:
        """What the step is doing now; shown at the next tick."""
        self._doing = doing

    def end(self, how: str) -> None:
        """The step is over: `done` or `failed`."""
        self._done.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._lock:
            self._doing = how
            self._write(self._line() + "\n")

    def _tick(self, done: threading.Event) -> None:
        while not done.wait(self._interval):
            with self._lock:
                self._write(self._line() + ("" if self._tty else "\n"))

    def _line(self) -> str:
        text = f"[{time.monotonic() - self._since:3.0f} s] {self._title}" + (f": {self._doing}" if self._doing else "")
        return text[: shutil.get_terminal_size().columns - 1] if self._tty else text

    def _write(self, text: str) -> None:
        if self._tty:
            # Spaces over the rest of the longer line before it: older Windows consoles know no escape sequences.
            body, newline = text.removesuffix("\n"), "\n" if text.endswith("\n") else ""
            text = "\r" + body.ljust(shutil.get_terminal_size().columns - 1) + newline
        self._stream.write(text)
        self._stream.flush()
