"""The base class of satellites, as a real process beside a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from link.messages import Confirm, Hello, Notice, Quiet, Say
from link.paths import PROJECT
from link.roles import Role
from link.testing.fake_hub import FakeHub
from link.testing.waiting import eventually

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals of other systems are sent otherwise")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[FakeHub]:
    async with FakeHub(tmp_path) as hub:
        yield hub


@contextlib.asynccontextmanager
async def echo(hub: FakeHub, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.echo_satellite",
        *arguments,
        cwd=PROJECT,
        env={**os.environ, **hub.environment()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(process: asyncio.subprocess.Process, within: float = 10) -> tuple[int | None, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), within)
    return process.returncode, out.decode(), err.decode()


async def test_lives_through_the_hubs_absence_and_its_own_faults(hub: FakeHub, tmp_path: Path) -> None:
    async with echo(hub, "--farewell", str(tmp_path / "farewell")) as process:
        peer = await hub.next_peer(within=20)
        assert peer.role is Role.VOICE
        assert peer.hello == Hello("echo", "", ("ears",))
        await peer.expect(Quiet("voice"))
        await peer.expect(Say("first"))

        await peer.send(Notice("fault", "words that no log may hold"), Notice("say", "hello"))
        await peer.expect(Say("hello"))

        peer.cut()
        peer = await hub.next_peer()
        await peer.expect(Quiet("voice"))
        await peer.expect(Say("again"))

        (tmp_path / "settings.yaml").write_text("logs: {level: debug}\n", "utf-8")
        await peer.expect(Confirm("logs.level", True))

        await peer.send(Notice("quit", "please"))
        code, out, err = await ended(process)
    assert code == 0
    assert (tmp_path / "farewell").read_text("utf-8") == "goodbye"
    assert out == ""
    log = (tmp_path / "logs" / "echo.log").read_text("utf-8")
    assert "a message could not be handled" in log
    assert "no log may hold" not in log + err


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ends_cleanly_on_signals(hub: FakeHub, tmp_path: Path, number: int) -> None:
    async with echo(hub, "--farewell", str(tmp_path / "farewell")) as process:
        peer = await hub.next_peer(within=20)
        await peer.expect(Quiet("voice"))
        started = time.monotonic()
        process.send_signal(number)
        code, _, err = await ended(process)
        assert time.monotonic() - started < 2
        assert code == 0, err
        assert "Traceback" not in err
        assert (tmp_path / "farewell").exists()
        await asyncio.wait_for(peer.gone.wait(), 2)


@posix_only
async def test_ends_on_a_signal_while_there_is_no_hub(hub: FakeHub) -> None:
    await hub.vanish()
    async with echo(hub) as process:
        assert process.stderr is not None
        line = await asyncio.wait_for(process.stderr.readline(), 20)
        assert b"does not answer" in line
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, _, _ = await ended(process)
        assert (code, time.monotonic() - started < 2) == (0, True)


@posix_only
async def test_a_hanging_driver_does_not_keep_the_process(hub: FakeHub) -> None:
    async with echo(hub, "--hang") as process:
        peer = await hub.next_peer(within=20)
        await peer.expect(Quiet("voice"))
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, _, err = await ended(process)
        assert time.monotonic() - started < 2.5
        assert code == 1
        assert "ended by force" in err


async def test_gives_up_with_a_reason_and_a_remedy(hub: FakeHub) -> None:
    hub.refusals.extend([403, 403])
    async with echo(hub) as process:
        code, out, err = await ended(process, 20)
    assert (code, out) == (1, "")
    assert "The hub refused this client's token (HTTP 403). Check that" in err
    assert "Traceback" not in err


async def test_says_why_it_cannot_start(hub: FakeHub) -> None:
    async with echo(hub, "--deaf") as process:
        code, _, err = await ended(process, 20)
    assert code == 1
    assert err.strip().endswith("There is no microphone: plug one in.")
    assert hub.attempts == 0


async def test_says_what_is_wrong_with_the_settings(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("hub: {prot: 8000}\n", "utf-8")
    async with echo(hub) as process:
        code, _, err = await ended(process, 20)
    assert code == 1
    assert "port" in err
    assert "Traceback" not in err


async def test_has_help(hub: FakeHub) -> None:
    async with echo(hub, "--help") as process:
        code, out, _ = await ended(process, 20)
    assert code == 0
    assert "Says what it was told." in out


async def test_the_log_speaks_of_the_connection(hub: FakeHub, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "echo.log"
    async with echo(hub):
        await hub.next_peer(within=20)
        await eventually(lambda: log.exists() and '"connected"' in log.read_text("utf-8"), what="the log")
