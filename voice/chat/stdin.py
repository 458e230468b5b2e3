"""Lines from standard input without blocking the event loop, in a way that lets the program end at any time."""

from __future__ import annotations

import asyncio
import codecs
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress


async def stdin_lines() -> AsyncIterator[str]:
    """Yield each line without its line feed until the end of the input. Bytes that are no UTF-8 become U+FFFD.

    A daemon thread reads, since neither files nor the Windows console can be watched by an event loop. It reads
    from a raw file of its own: holding the lock of `sys.stdin` at exit would make the interpreter abort.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits for lines any longer
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=_read, args=(put,), name="stdin", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


def _read(put: Callable[[str | None], None]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    rest = ""
    try:
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as raw:
            while data := raw.read(65_536):
                *lines, rest = (rest + decoder.decode(data)).split("\n")
                for line in lines:
                    put(line.removesuffix("\r"))
    except OSError:
        pass  # a terminal that has gone away is the end of the input
    rest += decoder.decode(b"", final=True)
    if rest:
        put(rest)
    put(None)
