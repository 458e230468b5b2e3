"""The process of a managed llama.cpp server, seen from the hub: `backend.llama_child` and what it may have started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from backend.llama_child import GRACE, ServerSpec
from link.paths import PROJECT

if TYPE_CHECKING:
    import psutil

_TAIL = 16_384  # bytes kept of what the server said last
_KILL_AFTER = GRACE + 0.5  # seconds; the hub itself has to end within 2


class Child:
    """One run of the server. `spawn` makes it; `wait` tells when it has ended; `stop` ends it for certain."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said = b""
        self._server: psutil.Process | None = None
        self._readers = [asyncio.create_task(self._listen()), asyncio.create_task(self._learn_pid())]

    @classmethod
    async def spawn(cls, spec: ServerSpec) -> Child:
        """Start it. Raises OSError."""
        # In a group of its own, so that Ctrl-C in the hub's terminal reaches the hub alone, which then ends it.
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backend.llama_child",
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=sys.platform != "win32",
            creationflags=flags,
        )
        assert process.stdin is not None
        process.stdin.write(spec.to_line())
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """The end of what the server wrote to standard error."""
        return self._said.decode("utf-8", "replace")

    async def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):  # the last words may still be in the pipe
                await asyncio.wait(self._readers)
        return code

    async def stop(self) -> None:
        """End it: its input ends, and if that does not help it is killed, with the server it started."""
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                async with asyncio.timeout(_KILL_AFTER):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        self._kill_server()
        await self._process.wait()
        for reader in self._readers:
            reader.cancel()

    def _kill_server(self) -> None:
        """A server whose wrapper was killed would live on."""
        if self._server is None:
            return
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            self._server.kill()  # psutil makes sure that the number is still this process's
        self._server = None

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._said = (self._said + data)[-_TAIL:]

    async def _learn_pid(self) -> None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if line:
            import psutil

            with contextlib.suppress(psutil.NoSuchProcess):
                self._server = psutil.Process(int(json.loads(line)["pid"]))
