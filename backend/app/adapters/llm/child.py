"""The process of a managed llama.cpp server, seen from the hub: `backend.llama_child` and what it may have started.

Plain `subprocess` with threads, not asyncio's: that one does not exist on every event loop of Windows, and an event
loop that is ended in the middle of a start then waits for ever (Python 3.11: the task that would wake it is cancelled).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

from backend.llama_child import GRACE, ServerSpec
from link.paths import PROJECT

if TYPE_CHECKING:
    import psutil

_TAIL = 16_384  # bytes kept of what the server said last
_LAST_WORDS = 1.0  # seconds to wait for them when the process has ended
_KILL_AFTER = GRACE + 0.5  # seconds; the hub itself has to end within 2


class Child:
    """One run of the server: starts it. `wait` tells when it has ended; `stop` ends it for certain. Raises OSError."""

    def __init__(self, spec: ServerSpec) -> None:
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        # In a group of its own, so that Ctrl-C in the hub's terminal reaches the hub alone, which then ends it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backend.llama_child"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=sys.platform != "win32",
            creationflags=flags,
        )
        self._said = b""
        self._server: psutil.Process | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        with contextlib.suppress(BrokenPipeError):  # ended already; `wait` will tell
            _pipe(self._process.stdin).write(spec.to_line())
        threading.Thread(target=self._attend, name="llama-child", daemon=True).start()

    @property
    def said(self) -> str:
        """The end of what the server wrote to standard error."""
        return self._said.decode("utf-8", "replace")

    async def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        await self._ended.wait()
        return self._process.returncode

    async def stop(self) -> None:
        """End it: its input ends, and if that does not help it is killed, with the server it started."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        try:
            async with asyncio.timeout(_KILL_AFTER):
                await self._ended.wait()
        except TimeoutError:
            self._process.kill()
        self._kill_server()
        await self._ended.wait()

    def _kill_server(self) -> None:
        """A server whose wrapper was killed would live on."""
        if self._server is None:
            return
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            self._server.kill()  # psutil makes sure that the number is still this process's
        self._server = None

    # ------------------------------------------------------------------------------------------------- in threads

    def _attend(self) -> None:
        readers = [threading.Thread(target=reader, daemon=True) for reader in (self._listen, self._learn_pid)]
        for reader in readers:
            reader.start()
        self._process.wait()
        for reader in readers:
            reader.join(_LAST_WORDS / len(readers))
        with contextlib.suppress(RuntimeError):  # the event loop has ended before the process
            self._loop.call_soon_threadsafe(self._ended.set)

    def _listen(self) -> None:
        with _pipe(self._process.stderr) as said:
            while data := os.read(said.fileno(), 4096):
                self._said = (self._said + data)[-_TAIL:]

    def _learn_pid(self) -> None:
        with _pipe(self._process.stdout) as report:
            line = report.readline()
        if line:
            import psutil

            with contextlib.suppress(psutil.NoSuchProcess):
                self._server = psutil.Process(int(json.loads(line)["pid"]))


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # asked for above
    return stream
