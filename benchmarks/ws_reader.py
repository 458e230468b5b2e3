"""A WebSocket client that costs almost nothing, so that a benchmark measures the hub and not its clients.

It speaks just enough of RFC 6455: the handshake, unmasked frames of a server, masked text frames of its own.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable

OnText = Callable[[bytes], None]


class Reader(asyncio.Protocol):
    """One connection. `on_text` is called with the payload of each text frame."""

    def __init__(self, request: bytes, on_text: OnText) -> None:
        self._request = request
        self._on_text = on_text
        self._buffer = bytearray()
        self._open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._open:
            head, found, rest = bytes(buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.ready.set_exception(ConnectionError(head.decode("latin-1")))
                return
            self._open = True
            self._buffer = buffer = bytearray(rest)
            self.ready.set_result(None)
        position, size = 0, len(buffer)
        while size - position >= 2:
            length, start = buffer[position + 1], position + 2
            if length == 126:
                if size < start + 2:
                    break
                length, start = int.from_bytes(buffer[start : start + 2], "big"), start + 2
            elif length == 127:
                if size < start + 8:
                    break
                length, start = int.from_bytes(buffer[start : start + 8], "big"), start + 8
            if size < start + length:
                break
            if buffer[position] == 0x81:
                self._on_text(bytes(buffer[start : start + length]))
            position = start + length
        del buffer[:position]

    def send(self, text: str) -> None:
        """Send a text frame (at most 65,535 bytes)."""
        data = text.encode()
        mask = os.urandom(4)
        head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2, "big")
        assert self._transport is not None
        self._transport.write(head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data)))

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int, path: str, token: str, on_text: OnText) -> Reader:
    """Open a connection to a server on this machine. Raises ConnectionError when it is refused."""
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(lambda: Reader(request.encode(), on_text), "127.0.0.1", port)
    await asyncio.wait_for(reader.ready, 10)
    return reader
