"""The HTTP exchange against servers that say raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from backend.app.adapters.llm.http import exchange, fetch, read_all
from backend.app.ports import LLMError
from backend.app.pure.endpoint import Endpoint, parse


@contextlib.asynccontextmanager
async def saying(*pieces: bytes, hold: bool = False) -> AsyncIterator[Endpoint]:
    """A server that writes `pieces` to whoever connects, then closes (or holds) the connection."""
    over = asyncio.Event()
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005)
            if hold:
                await over.wait()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield parse(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        over.set()
        server.close()
        await asyncio.gather(*serving)


async def get(endpoint: Endpoint) -> tuple[int, bytes]:
    answer = await exchange(endpoint, "GET", "/")
    try:
        await answer.head(2)
        return answer.status, await read_all(answer, 2)
    finally:
        answer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r", b"\nk\r\n0\r\n\r\n"],
        [b"HTTP/1.0 200 OK\r\n\r\no", b"k"],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"],
    ],
)
async def test_every_way_to_frame_a_body(pieces: list[bytes]) -> None:
    async with saying(*pieces) as endpoint:
        assert await get(endpoint) == (200, b"ok")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_an_answer_that_breaks_off_or_is_none(raw: bytes) -> None:
    async with saying(raw) as endpoint:
        with pytest.raises(LLMError) as caught:
            await get(endpoint)
    assert caught.value.kind == "cut"


async def test_a_silent_server_is_waited_for_no_longer_than_said() -> None:
    async with saying(hold=True) as endpoint:
        answer = await exchange(endpoint, "GET", "/")
        with pytest.raises(LLMError) as caught:
            await answer.head(0.05)
        answer.close()
    assert caught.value.kind == "stalled"


async def test_a_body_without_end_is_refused() -> None:
    chunk = b"x" * (1 << 20)
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n", *[chunk] * 10) as endpoint:
        with pytest.raises(LLMError) as caught:
            await fetch(endpoint, "GET", "/", timeout=2)
    assert caught.value.kind == "server"


async def test_what_waits_unread_is_bounded() -> None:
    chunk = b"x" * (1 << 18)
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n", *[chunk] * 64, hold=True) as endpoint:
        answer = await exchange(endpoint, "GET", "/")
        await answer.head(2)
        await asyncio.sleep(0.3)
        assert 0 < len(await answer.read(2)) < 3 << 20
        answer.close()


async def test_json_that_is_none_is_none() -> None:
    async with saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n<>") as endpoint:
        assert await fetch(endpoint, "GET", "/", timeout=2) == (404, None)
