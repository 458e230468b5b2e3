"""Clients that do not read: nobody else notices, the hub's memory stays bounded, and no character is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import websockets

from backend.app.ws import TOO_SLOW
from link.codec import decode_hub
from link.messages import End, Text, Turn
from tests.support.hub import Chat
from tests.support.processes import HubProcess, fake_llm_process, hub_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TOKENS, SIZE, STUCK = 9_000, 100, 12
SATURATED = ("--tokens", str(TOKENS), "--size", str(SIZE), "--burst", "20")
"""Options of the scripted server: a reply of nearly a megabyte, as fast as the hub takes it."""
WHOLE = "".join(f"{f'word{number}':.<{SIZE - 1}} " for number in range(TOKENS))
MOST_TURNS = 8
"""Some megabytes wait in the operating system for a client that does not read; the hub keeps as many turns as this."""


@contextlib.asynccontextmanager
async def narrow(hub: HubProcess) -> AsyncIterator[Chat]:
    """A client whose operating system takes in next to nothing while the client itself does not read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", hub.port))
    connecting = websockets.connect(
        hub.url(v=2), sock=raw, additional_headers=hub.bearer(), proxy=None, max_size=None, max_queue=None,
        compression=None, ping_interval=None, close_timeout=1,
    )  # fmt: skip
    async with connecting as connection:
        yield Chat(connection)


async def rest_of(chat: Chat) -> tuple[str, str]:
    """Read to the end of the connection, or of the resumed reply; returns the last turn and its text."""
    turn, pieces, resumed = "", [], 0
    with contextlib.suppress(websockets.ConnectionClosed):
        async for frame in chat.socket:
            match decode_hub(frame):
                case Turn(turn, resumed=resumed):
                    pieces = []
                case Text(text):
                    pieces.append(text)
                case End() if resumed:
                    break
    return turn, "".join(pieces)


async def timed_turn(reader: Chat) -> float:
    """A turn as one who reads has it; returns its time in seconds."""
    began = time.monotonic()
    await reader.say("Talk!")
    assert (await reader.reply(60)).text == WHOLE, "every character has come"
    return time.monotonic() - began


async def connected(hub: HubProcess) -> int:
    """How many clients the hub has."""
    return len((await hub.http.get("/status")).json()["parts"])


async def test_clients_that_never_read_cost_the_others_nothing(tmp_path: Path) -> None:
    async with (
        fake_llm_process(tmp_path, *SATURATED) as url,
        hub_process(tmp_path / "data", ALISA_LLM__URL=url) as hub,
        hub.connect() as reader,
        contextlib.AsyncExitStack() as stack,
    ):
        alone = min(await timed_turn(reader), await timed_turn(reader))
        stuck = [await stack.enter_async_context(narrow(hub)) for _ in range(STUCK)]
        for chat in stuck:
            chat.socket.transport.pause_reading()
        process = psutil.Process(hub.program.process.pid)
        memory, times = [process.memory_info().rss], []
        while await connected(hub) > 1:
            assert len(times) < MOST_TURNS, "clients that do not read are disconnected"
            times.append(await timed_turn(reader))
            memory.append(process.memory_info().rss)
        crowded, grown = sorted(times)[len(times) // 2], max(memory) - memory[0]
        print(
            f"{len(WHOLE):,} characters in {alone:.2f} s alone, in {crowded:.2f} s beside {STUCK} clients that do not "
            f"read; these were disconnected in turn {len(times)}, the hub had grown by {grown / 2**20:.0f} MiB"
        )
        assert crowded < 3 * alone + 0.5
        assert grown < 64 * 2**20

        # One of them wakes up: the last of what it did get is a beginning of a reply, and coming back brings the rest.
        stuck[0].socket.transport.resume_reading()
        async with asyncio.timeout(20):
            turn, begun = await rest_of(stuck[0])
        assert stuck[0].socket.close_code == TOO_SLOW
        assert "connect again" in (stuck[0].socket.close_reason or "")
        assert WHOLE.startswith(begun)
        assert len(begun) < len(WHOLE)
        async with hub.connect(turn=turn, received=len(begun)) as again, asyncio.timeout(20):
            assert (turn, WHOLE[len(begun) :]) == await rest_of(again)
        assert f"alisa_slow_clients_total {STUCK}.0" in (await hub.http.get("/metrics")).text
        for chat in stuck[1:]:
            chat.socket.transport.abort()


async def test_a_client_that_pauses_and_reads_on_gets_the_exact_text(tmp_path: Path) -> None:
    async with (
        fake_llm_process(tmp_path, *SATURATED) as url,
        hub_process(tmp_path / "data", ALISA_LLM__URL=url) as hub,
        hub.connect() as reader,
        narrow(hub) as dozing,
    ):
        dozing.socket.transport.pause_reading()
        for _ in range(2):
            await timed_turn(reader)
        dozing.socket.transport.resume_reading()
        for _ in range(2):
            assert (await dozing.reply(30)).text == WHOLE
        await dozing.say("And now?")
        assert (await dozing.reply(30)).text == WHOLE, "it is a client like any other"
