"""The real hub inside a test: real sockets, a real database, the real wiring; only the model server is scripted.

async with FakeLLM(Script(["Hi"])) as fake, running_hub(tmp_path, llm=fake.url) as hub:
    async with hub.connect() as chat:            # a client that speaks v2; version=1 for a plain one
        await chat.say("hello")
        assert (await chat.reply()).text == "Hi"
    summary = (await hub.http.get("/history/summary")).json()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import websockets

from backend.app.main import Door, build, create_app
from backend.limits import MAX_BYTES
from link.codec import decode_hub, encode
from link.messages import ClientMessage, Emotion, End, Error, HubMessage, Say, Text, Turn
from link.roles import Role
from link.tokens import read_token

PATIENCE = 10.0
"""Seconds that a test waits for something that should come at once."""


@dataclass
class Heard:
    """A reply as one client got it."""

    text: str = ""
    emotions: list[str] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    turn: Turn | None = None
    frames: list[str] = field(default_factory=list)


class Chat:
    """One WebSocket connection to the hub."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: ClientMessage | str | bytes) -> None:
        """Send a message, or a raw frame."""
        for frame in [message] if isinstance(message, str | bytes) else encode(message):
            await self.socket.send(frame)

    async def say(self, text: str, id: str = "") -> None:
        """Say something to her."""
        await self.send(Say(text, id))

    async def raw(self, within: float = PATIENCE) -> str:
        """The next frame."""
        async with asyncio.timeout(within):
            frame = await self.socket.recv()
        assert isinstance(frame, str)
        return frame

    async def next(self, kind: type[Any], within: float = PATIENCE) -> Any:
        """The next message of this kind; others before it are passed over."""
        async with asyncio.timeout(within):
            while True:
                message = decode_hub(await self.socket.recv())
                if isinstance(message, kind):
                    return message

    async def reply(self, within: float = PATIENCE) -> Heard:
        """Everything up to the next `[END]`."""
        heard = Heard()
        async with asyncio.timeout(within):
            while True:
                frame = await self.socket.recv()
                heard.frames.append(str(frame))
                message = decode_hub(frame)
                if isinstance(message, End):
                    return heard
                _take(heard, message)

    async def silence(self, seconds: float = 0.15) -> list[HubMessage]:
        """What still comes within this time (to show that something does not)."""
        messages: list[Any] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    messages.append(decode_hub(await self.socket.recv()))
        return messages


def _take(heard: Heard, message: object) -> None:
    match message:
        case Text(text):
            heard.text += text
        case Emotion(name):
            heard.emotions.append(name)
        case Error():
            heard.errors.append(message)
        case Turn():
            heard.turn = message


class HubUnderTest:
    """A running hub. `http`: a client with the user's token."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=self.bearer(), timeout=PATIENCE, trust_env=False
        )

    def bearer(self, role: Role = Role.USER) -> dict[str, str]:
        """The header that makes a client this role."""
        return {"Authorization": f"Bearer {read_token(self.data, role)}"}

    def url(self, **query: str | int) -> str:
        """The WebSocket's address."""
        return f"ws://127.0.0.1:{self.port}/ws/chat?" + "&".join(f"{key}={value}" for key, value in query.items())

    @asynccontextmanager
    async def connect(self, *, version: int = 2, role: Role = Role.USER, **query: str | int) -> AsyncIterator[Chat]:
        """Connect as a client of this role."""
        if version == 2:
            query["v"] = 2
        async with websockets.connect(
            self.url(**query),
            additional_headers=self.bearer(role),
            proxy=None,
            max_size=None,
            max_queue=None,  # tests leave frames unread; the library's limit would then stall the closing handshake
            compression=None,
        ) as socket:
            yield Chat(socket)

    async def history(self) -> list[tuple[str, str]]:
        """Role and text of all stored messages, oldest first."""
        answer = (await self.http.get("/history", params={"limit": 200})).json()
        return [(message["role"], message["text"]) for message in reversed(answer["messages"])]


class _Server(uvicorn.Server):
    """uvicorn without its hands on the test's signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def running_hub(
    data: Path, *, llm: str = "", more: dict[str, dict[str, Any]] | None = None
) -> AsyncIterator[HubUnderTest]:
    """A hub on a free port. llm: address of its model server, else the starter. more: settings, by section."""
    settings = more or {}
    model: dict[str, Any] = {"url": llm, "provider": "auto"} if llm else {"provider": "starter"}
    sections = {**settings, "llm": {"retries": 0, "detect": False, **model, **settings.get("llm", {})}}
    data.mkdir(parents=True, exist_ok=True)
    (data / "settings.json").write_text(json.dumps(sections))
    for name in [name for name in os.environ if name.startswith("ALISA_")]:
        raise AssertionError(f"{name} is set: tests must not depend on the developer's own settings")
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        door = Door()
        app = create_app(door)
        await build(app, door, data, stack, console=False)
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            ws_max_size=MAX_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.005)
            if serving.done():
                await serving
        hub = HubUnderTest(data, listening.getsockname()[1])
        try:
            yield hub
        finally:
            await hub.http.aclose()
            server.should_exit = True
            await serving
