"""Real processes in tests: started with an environment of their own, ended with everything they started.

async with hub_process(tmp_path / "data", ALISA_LLM__URL=fake.url) as hub:     # `python -m backend`, ready
    async with hub.connect() as chat:
        await chat.say("hello")
    await hub.kill()                                                          # kill -9
    await hub.start()                                                         # again, same folder and port

What a process said goes to files; when a test fails inside the context, the end of it is added to the failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
import psutil

from link.paths import PROJECT
from link.testing.waiting import eventually
from link.tokens import create_tokens
from tests.support.hub import HubUnderTest

T = TypeVar("T")

STARTS_WITHIN = 30.0
"""Seconds for a hub to answer; it needs about one, but tests share the machine."""
_SHOWN = 4_000


def environment(**variables: str) -> dict[str, str]:
    """The environment for a process: without the developer's own settings, and with these."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ALISA_")}
    return {**inherited, "PYTHONPATH": str(PROJECT), **variables}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(*processes: psutil.Process) -> list[psutil.Process]:
    """Those that still run. A zombie does not: its parent has only not asked for its exit code yet."""
    running = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running


async def becomes(ask: Callable[[], Awaitable[T]], within: float = 10.0, what: str = "the condition") -> T:
    """`link.testing.waiting.eventually` for a question that takes an answer of another process."""
    deadline = time.monotonic() + within
    while not (value := await ask()):
        assert time.monotonic() < deadline, f"{what} did not come true within {within:g} s; it was last {value!r}"
        await asyncio.sleep(0.005)
    return value


async def all_gone(processes: Sequence[psutil.Process], within: float = 5.0) -> None:
    """Wait until none of them runs any more. Raises AssertionError."""
    await eventually(lambda: not alive(*processes), within, f"the end of {[process.pid for process in processes]}")


def fail_with(error: BaseException, title: str, text: str) -> None:
    """Add what a process said to the failure of a test."""
    error.add_note(f"----- {title}\n{text[-_SHOWN:].rstrip()}")


class Running:
    """A process. `python`: arguments of this Python; out and err: what it has said so far."""

    def __init__(self, name: str, python: Sequence[str], env: dict[str, str], folder: Path, *, pipe: bool = False):
        self.name = name
        self._command = [sys.executable, "-P", *python]
        self._env = env
        self._pipe = pipe
        self._said = {kind: folder / f"{name}.{kind}" for kind in ("out", "err")}
        self._family: dict[int, psutil.Process] = {}
        self.process: asyncio.subprocess.Process

    async def __aenter__(self) -> Running:
        await self.spawn()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()
        if error is not None:
            fail_with(error, f"{self.name} (exit code {self.process.returncode})", f"{self.out}{self.err}")

    async def spawn(self) -> None:
        """Start it; what it says is added to what an earlier one said."""
        with self._said["out"].open("ab") as out, self._said["err"].open("ab") as err:
            self.process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._env,
                cwd=self._said["out"].parent,
                stdin=asyncio.subprocess.PIPE if self._pipe else asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._said["out"].read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        return self._said["err"].read_text("utf-8", "replace")

    def family(self) -> list[psutil.Process]:
        """Every process it has started and they have started, as far as they run now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children(recursive=True)
            self._family |= {child.pid: child for child in children}
        return alive(*self._family.values())

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """kill -9, for it alone."""
        self.family()
        self.process.kill()
        await self.process.wait()

    async def ends(self, within: float = 20.0) -> int:
        """Wait for its end; returns the exit code. Raises TimeoutError."""
        return await asyncio.wait_for(self.process.wait(), within)

    async def end(self) -> None:
        """End it and whatever is left of what it started, and nothing else."""
        family = self.family()
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        for process in alive(*family):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()  # psutil makes sure that the number is still this process's


class HubProcess(HubUnderTest):
    """`python -m backend`, and a client's view of it (connect, http, history)."""

    def __init__(self, data: Path, port: int, python: Sequence[str], variables: dict[str, str]) -> None:
        create_tokens(data)
        super().__init__(data, port)
        env = environment(ALISA_DATA_DIR=str(data), ALISA_HUB__PORT=str(port), **variables)
        self.program = Running("hub", python, env, data.parent)

    async def start(self) -> None:
        """Start it (again) and wait until it answers. Raises AssertionError when it does not or has ended."""
        await self.program.spawn()
        await self.answers()

    async def answers(self, within: float = STARTS_WITHIN) -> dict[str, Any]:
        """Wait until the hub is ready; returns its status."""

        async def status() -> dict[str, Any]:
            assert self.program.process.returncode is None, f"the hub has ended: {self.program.err}"
            try:
                answer = await self.http.get("/status")
            except httpx.HTTPError:
                return {}
            return answer.json() if answer.status_code == 200 else {}

        return await becomes(status, within, "the hub's readiness")

    async def kill(self) -> None:
        """kill -9, for the hub alone."""
        await self.program.kill()

    async def llm(self, within: float = STARTS_WITHIN, **wanted: object) -> dict[str, Any]:
        """Wait until the language model's status has these values; returns it."""

        async def llm() -> dict[str, Any]:
            found: dict[str, Any] = (await self.http.get("/status")).json()["llm"]
            return found if wanted.items() <= found.items() else {}

        return await becomes(llm, within, f"a model with {wanted}")

    def servers(self) -> list[psutil.Process]:
        """The processes of its managed model server."""
        return self.program.family()

    async def messages(self) -> list[dict[str, Any]]:
        """The newest 200 stored messages, oldest first, with all their fields."""
        answer = (await self.http.get("/history", params={"limit": 200})).json()
        return list(reversed(answer["messages"]))


@asynccontextmanager
async def hub_process(
    data: Path, *, port: int = 0, python: Sequence[str] = ("-m", "backend", "--quiet"), **variables: str
) -> AsyncIterator[HubProcess]:
    """A hub that is ready. variables: of its environment; without one that names a model the starter answers."""
    variables.setdefault("ALISA_LLM__THREADS", "1")  # two threads of a test's model would fight for the test's CPUs
    variables.setdefault("ALISA_LLM__DETECT", "false")
    variables.setdefault("ALISA_MODELS_DIR", str(data.parent / "models"))
    data.parent.mkdir(parents=True, exist_ok=True)
    hub = HubProcess(data, port or free_port(), python, variables)
    try:
        await hub.start()
        yield hub
    except BaseException as error:
        fail_with(error, f"hub (exit code {hub.program.process.returncode})", f"{hub.program.out}{hub.program.err}")
        for log in sorted((data / "logs").glob("*")):
            fail_with(error, log.name, log.read_text("utf-8", "replace"))
        raise
    finally:
        await hub.http.aclose()
        await hub.program.end()


@asynccontextmanager
async def fake_llm_process(folder: Path, *arguments: str) -> AsyncIterator[str]:
    """A scripted model server in a process of its own (its options: tests/support/fake_llm.py); yields its URL."""
    python = ("-m", "tests.support.fake_llm", "--port", "0", *arguments)
    async with Running("fake-llm", python, environment(), folder, pipe=True) as server:
        port = await eventually(lambda: server.out.strip(), STARTS_WITHIN, "the port of the scripted server")
        yield f"http://127.0.0.1:{port}"
