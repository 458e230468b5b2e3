"""The chat as a process of its own, in a pipe, against a hub on a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from link.messages import Emotion, End, Error, Hello, Interrupt, Notice, Say, Text, Turn
from link.testing.fake_hub import FakeHub, Peer

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def chat(*arguments: str, env: dict[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voice.text_chat", *arguments,
        cwd=ROOT, env={**os.environ, **env}, stdin=PIPE, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Process, given: bytes | None = None) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(given), 20)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def reply(peer: Peer, *pieces: str, to: Say) -> None:
    await peer.send(Turn(f"turn-{to.id}", request=to.id), Emotion("happy"), *map(Text, pieces), End())


async def asked(peer: Peer) -> Say:
    message = await peer.expect(Say, within=15)
    assert isinstance(message, Say)
    return message


# ------------------------------------------------------------------------------------------------------- --say


async def test_say_prints_the_reply_alone() -> None:
    async with FakeHub() as hub, chat("--say", "hello", env=hub.environment()) as process:
        peer = await hub.next_peer(15)
        assert peer.hello == Hello("terminal", peer.hello.version if peer.hello else "")
        question = await asked(peer)
        assert question.text == "hello"
        await reply(peer, "Good", " day.\n", "\x1b[31m!", to=question)
        assert await ended(process) == (0, "Good day.\n␛[31m!\n", "")


async def test_say_prints_pieces_as_they_come() -> None:
    async with FakeHub() as hub, chat("--say", "hello", env=hub.environment()) as process:
        peer = await hub.next_peer(15)
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("First"))
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readexactly(5), 5) == b"First"
        await peer.send(Text(" last."), End())
        assert await ended(process) == (0, " last.\n", "")


async def test_say_reads_a_message_from_standard_input() -> None:
    async with FakeHub() as hub, chat("--say", "-", env=hub.environment()) as process:
        ending = asyncio.create_task(ended(process, "zwei\nZeilen: ü\n".encode()))
        peer = await hub.next_peer(15)
        question = await asked(peer)
        assert question.text == "zwei\nZeilen: ü"
        await reply(peer, "Ja.", to=question)
        assert await ending == (0, "Ja.\n", "")


async def test_say_as_json() -> None:
    async with FakeHub() as hub, chat("--say", "hello", "--json", env=hub.environment()) as process:
        peer = await hub.next_peer(15)
        question = await asked(peer)
        await reply(peer, "Good ", "day.", to=question)
        code, out, _ = await ended(process)
        assert code == 0
        assert json.loads(out) == {"ok": True, "text": "Good day.", "emotion": "happy", "turn": f"turn-{question.id}"}


async def test_say_fails_when_the_reply_breaks_off() -> None:
    async with FakeHub() as hub, chat("--say", "hello", env=hub.environment()) as process:
        peer = await hub.next_peer(15)
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("Well"), Error("llm", "The model broke off."), End())
        assert await ended(process) == (1, "Well\n", "The model broke off.\n")


async def test_say_fails_in_time_when_there_is_no_hub(tmp_path: Path) -> None:
    async with FakeHub(tmp_path) as hub:
        env = hub.environment()
    async with chat("--say", "hello", "--timeout", "0.5", env=env) as process:
        code, out, err = await ended(process)
    assert (code, out) == (1, "")
    assert "The hub does not answer at 127.0.0.1:" in err
    assert "Start it" in err


async def test_say_refuses_an_empty_message(tmp_path: Path) -> None:
    async with chat("--say", "  ", env={"ALISA_DATA_DIR": str(tmp_path)}) as process:
        assert await ended(process) == (1, "", "There is nothing to say: the message is empty.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to be caught")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_say_ends_at_once_on_a_signal_and_stops_the_reply(number: signal.Signals) -> None:
    async with FakeHub() as hub, chat("--say", "hello", env=hub.environment()) as process:
        peer = await hub.next_peer(15)
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("Well"))
        assert process.stdout
        await asyncio.wait_for(process.stdout.readexactly(4), 5)
        began = time.monotonic()
        process.send_signal(number)
        assert await peer.next(5) == Interrupt("t")
        code, _, err = await ended(process)
        assert time.monotonic() - began < 2
        assert (code, err) == (130, "Stopped before the answer was complete.\n")


# ------------------------------------------------------------------------------------------------------- a pipe


async def test_a_pipe_answers_line_after_line_without_escape_codes() -> None:
    async with FakeHub() as hub, chat(env=hub.environment()) as process:
        ending = asyncio.create_task(ended(process, "one\n\n/status\r\nzwei ü".encode()))
        peer = await hub.next_peer(15)
        first = await asked(peer)
        await peer.send(Notice("news", "Not for pipes."))
        await reply(peer, "Eins.\n", "\x1b[1mUno.", to=first)
        command = await asked(peer)
        await peer.send(Notice("command", "All is well."))
        last = await asked(peer)
        await reply(peer, "Zwei.", to=last)
        assert [first.text, command.text, last.text] == ["one", "/status", "zwei ü"]
        assert await ending == (0, "Eins.\n␛[1mUno.\nAll is well.\nZwei.\n", "")


async def test_a_pipe_without_a_hub_fails_with_the_reason(tmp_path: Path) -> None:
    async with chat("--timeout", "0.5", env={"ALISA_DATA_DIR": str(tmp_path)}) as process:
        code, out, err = await ended(process, b"hello\n")
    assert (code, out) == (1, "")
    assert "start the hub first" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to be caught")
async def test_a_pipe_that_stays_open_ends_on_a_signal() -> None:
    async with FakeHub() as hub, chat(env=hub.environment()) as process:
        await hub.next_peer(15)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 2) == 130
        assert process.stderr
        assert b"Fatal" not in await process.stderr.read()


async def test_wrong_settings_are_one_clear_sentence(tmp_path: Path) -> None:
    async with chat("--say", "x", env={"ALISA_DATA_DIR": str(tmp_path), "ALISA_HUB__PORT": "many"}) as process:
        code, out, err = await ended(process)
    assert (code, out) == (1, "")
    assert "ALISA_HUB__PORT" in err
    assert "Traceback" not in err


async def test_host_port_and_data_folder_can_be_given(tmp_path: Path) -> None:
    async with FakeHub() as hub:
        arguments = ["--host", "127.0.0.1", "--port", str(hub.port), "--data-dir", str(hub.data_dir)]
        async with chat(*arguments, "--say", "hi", env={"ALISA_DATA_DIR": str(tmp_path)}) as process:
            peer = await hub.next_peer(15)
            await reply(peer, "Hi.", to=await asked(peer))
            assert await ended(process) == (0, "Hi.\n", "")


async def test_a_reader_that_goes_away_is_no_traceback() -> None:
    async with FakeHub() as hub, chat("--say", "hello", env=hub.environment()) as process:
        peer = await hub.next_peer(15)
        question = await asked(peer)
        assert process.stdout
        process.stdout._transport.close()  # type: ignore[attr-defined]  # asyncio has no other way to stop reading
        await reply(peer, "Good", " day.", to=question)
        assert await asyncio.wait_for(process.wait(), 5) == 1
        assert process.stderr
        assert b"Traceback" not in await process.stderr.read()
