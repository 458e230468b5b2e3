"""One HTTP/1.1 exchange with a model server: one request, one connection, bytes handed over per network read.

Why not httpx: its parser costs 22 µs for each chunk of a stream, which alone would halve the hub's throughput, and
its import 0.2 s and 20 MB at each start (docs/decisions/0004-an-http-exchange-of-our-own.md). The parsing itself
is httptools', the C parser (llhttp) that uvicorn uses too.

A connection is never used twice: llama.cpp closes its socket after a stream without announcing it, so that a second
request on it fails now and then.
"""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
from collections.abc import Mapping
from typing import Any, cast

import httptools

from backend.app.ports import LLMError
from backend.app.pure.endpoint import Endpoint

CONNECT_TIMEOUT = 5.0
"""Seconds to wait for a connection: local servers answer at once or not at all."""

_HIGH_WATER = 1 << 20  # bytes that may wait unread before the server is asked to pause
_MAX_DOCUMENT = 8 << 20  # longest answer read as a whole, in bytes


class Exchange(asyncio.Protocol):
    """The answer to one request. Made by `exchange`; to be closed by its reader, which hangs up at once.

    status: the HTTP status. headers: by lower-case name, the last of each.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._arrived: list[bytes] = []
        self._size = 0
        self._paused = False
        self._head_done = False
        self._complete = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    async def head(self, timeout: float) -> None:
        """Wait for status and headers. Raises LLMError `stalled` or `cut`."""
        while not self._head_done:
            if self._ended:
                raise LLMError("cut", "The model server hung up without an answer.", retry=True)
            await self._wait(timeout)

    async def read(self, timeout: float) -> bytes:
        """All of the body that has arrived since the last read, at least a byte; empty at the end of the body.

        Raises LLMError `stalled` after `timeout` seconds without any, `cut` when the connection broke before.
        """
        while not self._arrived:
            if self._complete:
                return b""
            if self._ended:
                if "content-length" in self.headers or "transfer-encoding" in self.headers:
                    raise LLMError("cut", "The connection to the model server broke off.", retry=True)
                return b""  # a body without a length ends with its connection
            await self._wait(timeout)
        data = self._arrived[0] if len(self._arrived) == 1 else b"".join(self._arrived)
        self._arrived.clear()
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def close(self) -> None:
        """Hang up now, whatever is still to come."""
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(max(0.0, timeout), _expire, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ------------------------------------------------------------------------------------ from the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._ended = True  # what came before it is still handed over
            self.close()
        if self._size > _HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._wake()

    # ----------------------------------------------------------------------------------------- from the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # an interim answer; the final one follows
            self.headers.clear()
            return
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        self._arrived.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        self._complete = self._head_done


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(LLMError("stalled", "The model server does not answer in time."))


async def exchange(
    endpoint: Endpoint, method: str, path: str, body: bytes = b"", *, connect_timeout: float = CONNECT_TIMEOUT
) -> Exchange:
    """Connect and send a request; the answer is waited for with `Exchange.head`. Raises LLMError `unreachable`."""
    loop = asyncio.get_running_loop()
    tls = _tls() if endpoint.tls else None
    # Many servers listen on 127.0.0.1 alone while `localhost` means ::1 first, whose refusal takes Windows seconds.
    hosts = ["127.0.0.1", "::1"] if endpoint.host == "localhost" and not endpoint.tls else [endpoint.host]
    for host in hosts:
        try:
            async with asyncio.timeout(connect_timeout):
                transport, protocol = await loop.create_connection(Exchange, host, endpoint.port, ssl=tls)
        except ssl.SSLError:
            raise LLMError("unreachable", "The model server's certificate is not accepted.") from None
        except (OSError, UnicodeError):  # TimeoutError is an OSError too
            continue
        transport.write(_request(endpoint, method, path, body))
        return protocol
    raise LLMError("unreachable", "The model server cannot be reached.", retry=True)


@functools.cache
def _tls() -> ssl.SSLContext:
    """The system's certificates; reading them takes tens of milliseconds."""
    return ssl.create_default_context()


async def fetch(
    endpoint: Endpoint, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: float
) -> tuple[int, Any]:
    """Status and JSON (None if it is none) of a short request. Raises LLMError; `timeout` is for each step."""
    data = b"" if body is None else json.dumps(body).encode()
    answer = await exchange(endpoint, method, path, data, connect_timeout=timeout)
    try:
        await answer.head(timeout)
        document = await read_all(answer, timeout)
    finally:
        answer.close()
    try:
        return answer.status, json.loads(document)
    except ValueError:
        return answer.status, None


async def read_all(answer: Exchange, timeout: float) -> bytes:
    """The whole body, `timeout` seconds for each read. Raises LLMError, also when it is unreasonably long."""
    parts: list[bytes] = []
    size = 0
    while data := await answer.read(timeout):
        parts.append(data)
        size += len(data)
        if size > _MAX_DOCUMENT:
            raise LLMError("server", "The model server sent far too much: check llm.url.")
    return b"".join(parts)


def _request(endpoint: Endpoint, method: str, path: str, body: bytes) -> bytes:
    lines = [
        f"{method} {endpoint.root}{path} HTTP/1.1",
        f"Host: {endpoint.authority}",
        "Accept: application/json, text/event-stream",
        "User-Agent: alisa",
        "Connection: close",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if endpoint.key:
        lines.append(f"Authorization: Bearer {endpoint.key}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body
