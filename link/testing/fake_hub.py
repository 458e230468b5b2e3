"""A hub for tests of clients: a real WebSocket server on loopback that says what the test tells it to.

    async with FakeHub(data_dir=tmp_path) as hub:
        client = HubClient(hub.address, hub.token_reader(Role.USER), Hello("terminal"))
        ...
        peer = await hub.next_peer()                      # the client has connected and said hello
        said = await peer.expect(Say)                     # its next message must be this (a class or a value)
        await peer.send(Turn("t1"), Text("Hi."), End())
        peer.cut()                                        # as if the hub was killed
        back = await hub.next_peer()
        assert back.query["turn"] == "t1"

It makes tokens as the hub does and refuses others; it greets with `[STATUS]` unless told otherwise
(`hub.greeting`). `hub.refusals`, `hub.vanish()` and `hub.start()` play the bad days. For parts in processes
of their own, `hub.environment()` has the variables that lead them here. `hub.peers` keeps everyone who was here.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from link.client import HubAddress
from link.codec import Malformed, decode_client, encode
from link.messages import ClientMessage, Hello, HubMessage, Status
from link.roles import Role
from link.tokens import create_tokens, read_token, token_path

PATIENCE = 5.0
"""Seconds that a test waits for a client by default."""


class Peer:
    """One connection of a client, seen from the hub.

    role: what its token stands for. query: of the URL. received: all its messages, `[HELLO]` included.
    introduced: set when `[HELLO]` came (or never will). gone: set when the connection has ended.
    """

    def __init__(self, connection: ServerConnection, role: Role, query: dict[str, str]) -> None:
        self.role = role
        self.query = query
        self.version = 2 if query.get("v") == "2" else 1
        self.received: list[ClientMessage | Malformed] = []
        self.introduced = asyncio.Event()
        self.gone = asyncio.Event()
        self._connection = connection
        self._new: asyncio.Queue[ClientMessage | Malformed] = asyncio.Queue()

    @property
    def hello(self) -> Hello | None:
        """What it said of itself, or None as long as it did not."""
        return next((message for message in self.received if isinstance(message, Hello)), None)

    async def next(self, within: float = PATIENCE) -> ClientMessage | Malformed:
        """Its next message after `[HELLO]`. Raises AssertionError when none comes in time."""
        try:
            return await asyncio.wait_for(self._new.get(), within)
        except TimeoutError:
            raise AssertionError(f"the client sent nothing for {within:g} s; so far: {self.received}") from None

    async def expect(
        self, wanted: ClientMessage | type[ClientMessage], within: float = PATIENCE
    ) -> ClientMessage | Malformed:
        """Its next message, which must be of this class or equal this value. Raises AssertionError."""
        message = await self.next(within)
        fits = isinstance(message, wanted) if isinstance(wanted, type) else message == wanted
        if not fits:
            raise AssertionError(f"expected {wanted}, but the client sent {message}")
        return message

    async def send(self, *messages: HubMessage) -> None:
        """Send these to it, as the version it speaks has them."""
        for message in messages:
            for frame in encode(message, self.version):
                await self._connection.send(frame)

    async def send_frame(self, frame: str | bytes) -> None:
        """Send a raw frame, broken ones too."""
        await self._connection.send(frame)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection with a closing handshake."""
        await self._connection.close(code, reason)

    def cut(self) -> None:
        """End the connection without a word, as when the hub is killed."""
        self._connection.transport.abort()

    async def listen(self) -> None:
        """Take in its messages until it is gone. Called by the hub."""
        try:
            async for frame in self._connection:
                message = decode_client(frame)
                self.received.append(message)
                if isinstance(message, Hello):
                    self.introduced.set()
                else:
                    self._new.put_nowait(message)
        except ConnectionClosed:
            pass  # how it went is not the hub's concern
        finally:
            self.introduced.set()  # nobody need wait for it any more
            self.gone.set()


class FakeHub:
    """The hub. Change its attributes at any time.

    data_dir: where tokens are made; without one a temporary folder is used. boot: id of its run, given in `[STATUS]`.
    greeting: messages for each new client of version 2; an empty list for a hub that says nothing. refusals:
    HTTP statuses for the next handshakes, one each. accept_and_cut: end each connection as soon as it is open.
    attempts: handshakes so far, refused ones too.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self._temporary = None if data_dir else tempfile.TemporaryDirectory(prefix="fake-hub-")
        self.data_dir = data_dir or Path(self._temporary.name if self._temporary else "")
        self.boot = "boot-1"
        self.greeting: Callable[[Peer], Sequence[HubMessage]] = lambda _: [Status(boot=self.boot)]
        self.refusals: deque[int] = deque()
        self.accept_and_cut = False
        self.attempts = 0
        self.peers: list[Peer] = []
        self.port = 0
        self._arrivals: asyncio.Queue[Peer] = asyncio.Queue()
        self._tokens = create_tokens(self.data_dir)
        self._server: Server | None = None

    async def __aenter__(self) -> FakeHub:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.vanish()
        if self._temporary:
            self._temporary.cleanup()

    @property
    def address(self) -> HubAddress:
        """Where it listens, or did."""
        return HubAddress("127.0.0.1", self.port)

    def token_reader(self, role: Role) -> Callable[[], str]:
        """What a HubClient of this role needs as its `token`."""
        return lambda: read_token(self.data_dir, role)

    def environment(self) -> dict[str, str]:
        """Variables that make a part in a process of its own come to this hub."""
        return {
            "ALISA_DATA_DIR": str(self.data_dir),
            "ALISA_HUB__HOST": "127.0.0.1",
            "ALISA_HUB__PORT": str(self.port),
        }

    def renew_tokens(self) -> None:
        """Make new tokens, as when their files were deleted; the old ones are no longer good."""
        for role in Role:
            token_path(self.data_dir, role).unlink(missing_ok=True)
        self._tokens = create_tokens(self.data_dir)

    async def start(self) -> None:
        """Listen: on a free port at first, on the same one when it comes back."""
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, process_request=self._admit, compression=None, max_size=2**20
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Shut down politely: every client gets a closing handshake (code 1001)."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def vanish(self) -> None:
        """Be gone at once, as when killed: no client gets a word."""
        if self._server:
            self._server.close(close_connections=False)
            for peer in self.peers:
                peer.cut()
            await self._server.wait_closed()
            self._server = None

    async def next_peer(self, within: float = PATIENCE) -> Peer:
        """The next client that has connected (and, if it is one of ours, has said hello). Raises AssertionError."""
        try:
            return await asyncio.wait_for(self._arrivals.get(), within)
        except TimeoutError:
            raise AssertionError(f"no client came within {within:g} s; handshakes so far: {self.attempts}") from None

    # ----------------------------------------------------------------------------------------------- the server

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        if self.refusals:
            return connection.respond(HTTPStatus(self.refusals.popleft()), "Not now.\n")
        if urlsplit(request.path).path != "/ws/chat":
            return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
        if self._role(request) is None:
            return connection.respond(HTTPStatus.FORBIDDEN, "The token is wrong.\n")
        return None

    def _role(self, request: Request) -> Role | None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._tokens.role_of(bearer or _query(request).get("token", ""))

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        role = self._role(request) if request else None
        if request is None or role is None or self.accept_and_cut:
            connection.transport.abort()
            return
        peer = Peer(connection, role, _query(request))
        self.peers.append(peer)
        listening = asyncio.create_task(peer.listen())
        try:
            if peer.version == 2:
                await self._greet(peer)
            self._arrivals.put_nowait(peer)
        except ConnectionClosed:
            pass  # it left during the greeting
        await listening

    async def _greet(self, peer: Peer) -> None:
        await peer.introduced.wait()
        await peer.send(*self.greeting(peer))


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.path).query))
