"""How the programs end: on SIGINT and SIGTERM within two seconds, and with one sentence where they cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from link.exit_codes import NOT_AVAILABLE, WRONG_SETTINGS
from link.messages import Text
from link.testing.waiting import eventually
from tests.support.fake_llm import FakeLLM, Script
from tests.support.processes import HubProcess, Running, all_gone, environment, free_port, hub_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="other system: signals"),
]
SIGNALS = [signal.SIGINT, signal.SIGTERM]
ENDLESS = Script(["la "] * 10_000, rate=100)
UVICORN = ("-m", "uvicorn", "backend.app.main:app", "--log-level", "warning", "--port")


async def ends_in_time(program: Running, number: signal.Signals) -> int:
    """Send the signal; returns the exit code, which must come within two seconds."""
    sent = time.monotonic()
    program.signal(number)
    code = await program.ends()
    took = time.monotonic() - sent
    assert took < 2.0, f"it took {took:.2f} s to end"
    assert "Traceback" not in program.err
    return code


# ------------------------------------------------------------------------------------------------------- the hub


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_hub_ends_in_mid_reply_and_keeps_what_was_delivered(tmp_path: Path, number: signal.Signals) -> None:
    async with FakeLLM(default=ENDLESS) as fake, hub_process(tmp_path / "data", ALISA_LLM__URL=fake.url) as hub:
        async with hub.connect() as one, hub.connect(version=1) as other, hub.connect():
            await one.say("Sing!")
            await one.next(Text)
            await other.raw()
            asked = await fake.wait_request(0)
            assert await ends_in_time(hub.program, number) == 0
            assert await asked.wait_closed(1), "the model server was told to stop"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(one.socket.wait_closed(), 2)
            assert one.socket.close_code == other.socket.close_code == 1012  # service restart: come back later
        await hub.start()
        question, reply = await hub.messages()
        assert question["text"] == "Sing!"
        assert set(reply["text"].split()) == {"la"}
        assert reply["interrupted"]


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_hub_ends_with_its_model_server_in_mid_reply(
    tmp_path: Path, models: Path, number: signal.Signals
) -> None:
    babbles = {"ALISA_LLM__EXTRA_BODY": '{"ignore_eos": true}', "ALISA_LLM__MAX_TOKENS": "3500"}
    async with hub_process(tmp_path / "data", **babbles) as hub, hub.connect() as chat:
        await chat.say("Sing!")
        await chat.next(Text, 30)
        servers = hub.servers()
        assert servers
        assert await ends_in_time(hub.program, number) == 0
        await all_gone(servers, 1)


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_hub_ends_with_a_client_that_does_not_read(tmp_path: Path, number: signal.Signals) -> None:
    async with FakeLLM(default=ENDLESS) as fake, hub_process(tmp_path / "data", ALISA_LLM__URL=fake.url) as hub:
        async with hub.connect() as reads, hub.connect() as stuck:
            stuck.socket.transport.pause_reading()
            await reads.say("Sing!")
            await reads.next(Text)
            assert await ends_in_time(hub.program, number) == 0
            stuck.socket.transport.abort()  # or its own closing handshake would wait for a hub that is gone


async def test_under_uvicorn_it_is_the_same_hub(tmp_path: Path) -> None:
    port = free_port()
    async with (
        FakeLLM(Script(["Hi"])) as fake,
        hub_process(tmp_path / "data", port=port, python=(*UVICORN, str(port)), ALISA_LLM__URL=fake.url) as hub,
    ):
        async with hub.connect() as chat:
            await chat.say("hello")
            assert (await chat.reply()).text == "Hi"
            # uvicorn's own command line ends by the signal it has caught.
            assert await ends_in_time(hub.program, signal.SIGTERM) in (0, -signal.SIGTERM)
        await hub.start()
        assert await hub.history() == [("user", "hello"), ("assistant", "Hi")]
        assert await ends_in_time(hub.program, signal.SIGINT) in (0, -signal.SIGINT)


# ------------------------------------------------------------------------------------------------------ the chat


@contextlib.asynccontextmanager
async def chat_in_a_pipe(hub: HubProcess, folder: Path) -> AsyncIterator[Running]:
    env = environment(ALISA_DATA_DIR=str(hub.data), ALISA_HUB__PORT=str(hub.port))
    async with Running("chat", ("-m", "voice.text_chat"), env, folder, pipe=True) as chat:
        assert chat.process.stdin
        chat.process.stdin.write(b"Sing!\n")
        await eventually(lambda: "la" in chat.out, 20, "the beginning of the reply")
        yield chat


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_chat_ends_in_mid_reply_and_stops_it(tmp_path: Path, number: signal.Signals) -> None:
    async with FakeLLM(default=ENDLESS) as fake, hub_process(tmp_path / "data", ALISA_LLM__URL=fake.url) as hub:
        async with chat_in_a_pipe(hub, tmp_path) as chat:
            code = await ends_in_time(chat, number)
            assert code == 130
        asked = await fake.wait_request(0)
        assert await asked.wait_closed(2), "nobody waits for the rest: it is not generated"


# ---------------------------------------------------------------------------------------- what hinders the start


async def refused(tmp_path: Path, code: int = NOT_AVAILABLE, **variables: str) -> str:
    """Start a hub that cannot start, and says so with this exit code; returns its one sentence."""
    variables.setdefault("ALISA_DATA_DIR", str(tmp_path / "data"))
    variables.setdefault("ALISA_HUB__PORT", str(free_port()))
    name = f"refused-{len(list(tmp_path.glob('refused-*.err')))}"
    async with Running(name, ("-m", "backend"), environment(**variables), tmp_path) as program:
        assert await program.ends() == code
        assert program.out == ""
        (sentence,) = program.err.splitlines()
        assert "Traceback" not in sentence
    return sentence


async def test_a_busy_port_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = await refused(tmp_path, ALISA_HUB__PORT=str(port))
    assert f"Port {port} is in use by" in said
    assert f"(process {os.getpid()})" in said
    assert f"ALISA_HUB__PORT={port + 1}" in said


async def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        said = await refused(tmp_path, ALISA_DATA_DIR=str(folder))
        assert "ALISA_DATA_DIR" in said
        assert str(folder) in said


async def test_a_broken_settings_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    settings = tmp_path / "data" / "settings.yaml"
    settings.write_text("hub:\n  prot: 8001\n")
    said = await refused(tmp_path, WRONG_SETTINGS)
    assert "settings.yaml" in said
    assert "port" in said
    assert "prot" in said
    settings.write_text("hub: [\n")
    assert "settings.yaml" in await refused(tmp_path, WRONG_SETTINGS)


async def test_a_wrong_variable(tmp_path: Path) -> None:
    assert "ALISA_HUB__PORT" in await refused(tmp_path, WRONG_SETTINGS, ALISA_HUB__PORT="eighty")


async def test_a_history_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "alisa.db").write_bytes(b"these are no messages " * 1000)
    assert "alisa.db" in await refused(tmp_path)


async def test_a_second_hub_for_the_same_data_is_refused(tmp_path: Path) -> None:
    async with FakeLLM() as fake, hub_process(tmp_path / "data", ALISA_LLM__URL=fake.url) as hub:
        said = await refused(tmp_path)
        assert "another hub" in said.lower()
        assert await hub.answers(), "the first goes on"
