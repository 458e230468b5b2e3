"""A client's connection to the hub: connects, greets, decodes, reconnects, resumes the turn in progress.

    client = HubClient(HubAddress("127.0.0.1", 8000), lambda: read_token(data_dir(), Role.USER), Hello("terminal"))
    async for event in client.events():
        match event:
            case Text(): print(event.text, end="")
            case Disconnected(): print(event.reason)
            case GaveUp(): print(event.reason, event.remedy)

`send` may be called from the loop's body or from any other task of the same event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from link.codec import Malformed, decode_hub, encode
from link.messages import ClientMessage, Hello, HubMessage, Status
from link.reconnect import ReconnectPolicy, Retry, Stop, Verdict
from link.resync import TurnTracker
from link.settings.schema import HubSettings
from link.tokens import TokenError

MAX_FRAME = 8 * 2**20
"""Largest frame taken from the hub, in bytes."""
OPEN_TIMEOUT = 2.5
"""Seconds for the handshake. With the longest delay between tries (2 s) a client is back within 5 s."""
GREETING_TIMEOUT = 5.0
"""Seconds between the handshake and the hub's first frame."""
RESUME_TIMEOUT = 2.0
"""Seconds between the hub's first frame and `[TURN]` for a turn that it resumes."""
CLOSE_TIMEOUT = 0.5
"""Seconds to wait for the hub's half of the closing handshake."""

logger = logging.getLogger(__name__)
_wire_logger = logging.getLogger(f"{__name__}.wire")
_wire_logger.setLevel(logging.INFO)  # below that the library writes out frames, and with them what people said

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HubAddress:
    """Where the hub listens."""

    host: str
    port: int

    @classmethod
    def of(cls, hub: HubSettings) -> HubAddress:
        """The address by which clients on this machine reach a hub with these settings."""
        loopback = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
        return cls(loopback.get(hub.host, hub.host), hub.port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Connected:
    """The hub has greeted us. boot: id of the hub's run. again: there was a connection before this one."""

    boot: str
    again: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """There is no connection. reason: one sentence for people. retry_in: seconds until the next try."""

    reason: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class TurnLost:
    """The rest of this turn will never come: no `[END]` follows for it."""

    turn: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The client has stopped trying; this is its last event. One sentence each, for people."""

    reason: str
    remedy: str


Event = HubMessage | Connected | Disconnected | TurnLost | GaveUp


@dataclass(frozen=True, slots=True)
class _Ended:
    reason: str
    verdict: Verdict


class HubClient:
    """One client of the hub, over as many connections as it takes.

    address: where the hub is. token: asked at each connect, since the hub may have made a new one; a TokenError it
    raises counts as a hub that is not there yet. hello: sent first on each connection. policy: when to
    try again. announce: state to be repeated after `hello` on each connection.
    """

    def __init__(
        self,
        address: HubAddress,
        token: Callable[[], str],
        hello: Hello,
        *,
        policy: ReconnectPolicy | None = None,
        announce: Callable[[], Sequence[ClientMessage]] = tuple,
    ) -> None:
        self.address = address
        self._token = token
        self._hello = hello
        self._policy = policy or ReconnectPolicy()
        self._announce = announce
        self._tracker = TurnTracker()
        self._closing = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._ready = False
        self._greeted_at: float | None = None
        self._connected_before = False
        self._started = False

    @property
    def connected(self) -> bool:
        """Whether a connection is up and `hello` and `announce` have been sent on it."""
        return self._ready

    async def events(self) -> AsyncIterator[Event]:
        """Connect, and stay connected until `close()` or until there is no use in trying again.

        Yields each message of the hub in order, and what becomes of the connection. May be called once.
        """
        if self._started:
            raise RuntimeError("events() can be called once; make a new HubClient.")
        self._started = True
        try:
            while not self._closing.is_set():
                ended = await self._unless_closed(self._open())
                while ended is None and self._connection is not None:
                    received = await self._receive(self._connection)
                    if isinstance(received, _Ended):
                        ended = received
                        break
                    for event in received:
                        yield event
                await self._drop()
                if ended is None or self._closing.is_set():
                    return
                if isinstance(ended.verdict, Stop):
                    yield GaveUp(ended.verdict.reason, ended.verdict.remedy)
                    return
                yield Disconnected(ended.reason, ended.verdict.delay)
                await self._pause(ended.verdict)
        finally:
            await self._drop()

    async def send(self, message: ClientMessage) -> bool:
        """Send a message. Returns False, and loses the message, when there is no connection to send it on."""
        connection = self._connection
        if connection is None or not self._ready:
            return False
        try:
            await _send(connection, message)
        except ConnectionClosed:
            return False
        return True

    async def close(self) -> None:
        """End the connection and `events()`; takes at most about half a second. May be called more than once."""
        self._closing.set()
        self._ready = False
        if self._connection is not None:
            await self._connection.close()

    # ------------------------------------------------------------------------------------------ one connection

    def _url(self) -> str:
        query = {"v": "2", "name": self._hello.name, **self._tracker.query()}
        return f"ws://{self.address}/ws/chat?{urlencode(query)}"

    async def _open(self) -> _Ended | None:
        """Connect, greet and announce. Leaves an open connection in `_connection`, or says why there is none."""
        try:
            headers = {"Authorization": f"Bearer {self._token()}"}
            self._connection = await connect(
                self._url(),
                additional_headers=headers,
                compression=None,  # loopback: it costs time and saves nothing
                proxy=None,  # the environment's proxies are not for loopback
                open_timeout=OPEN_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                max_size=MAX_FRAME,
                logger=_wire_logger,
            )
        except TokenError as error:
            return _Ended(str(error), self._policy.unreachable())
        except InvalidStatus as error:
            status = error.response.status_code
            return _Ended(f"The hub refused the connection (HTTP {status}).", self._policy.refused(status))
        except InvalidMessage as error:
            return self._no_answer(error) if _broke_off(error) else self._not_a_hub()
        except InvalidHandshake:
            return self._not_a_hub()
        except (OSError, ConnectionClosed) as error:  # OSError covers TimeoutError
            return self._no_answer(error)
        self._greeted_at = None
        try:
            for message in (self._hello, *self._announce()):
                await _send(self._connection, message)
        except ConnectionClosed as error:
            return self._closed(error)
        self._ready = not self._closing.is_set()
        return None

    async def _receive(self, connection: ClientConnection) -> Sequence[Event] | _Ended:
        """The events that the hub's next frame stands for, or how the connection ended."""
        patience = GREETING_TIMEOUT if self._greeted_at is None else RESUME_TIMEOUT if self._tracker.awaiting else None
        try:
            async with asyncio.timeout(patience):
                frame = await connection.recv()
        except TimeoutError:
            if self._greeted_at is not None:
                lost = self._tracker.expired()
                return [TurnLost(lost)] if lost else []
            return self._ended("The hub accepted the connection and then said nothing.")
        except ConnectionClosed as error:
            return self._closed(error)
        message = decode_hub(frame)
        events: list[Event] = []
        if self._greeted_at is None:
            self._greeted_at = asyncio.get_running_loop().time()
            events.append(Connected(message.boot if isinstance(message, Status) else "", self._connected_before))
            self._connected_before = True
        if isinstance(message, Malformed):
            logger.warning("frame not understood", extra={"tag": message.tag, "problem": message.text})
            return events
        if lost := self._tracker.message(message):
            events.append(TurnLost(lost))
        return [*events, message]

    async def _drop(self) -> None:
        self._ready = False
        connection, self._connection = self._connection, None
        if connection is not None:
            self._tracker.disconnected()
            await connection.close()

    # ---------------------------------------------------------------------------------------- how it can end

    def _no_answer(self, error: Exception) -> _Ended:
        how = "in time " if isinstance(error, TimeoutError) else ""
        return _Ended(f"The hub does not answer {how}at {self.address}.", self._policy.unreachable())

    def _not_a_hub(self) -> _Ended:
        reason = f"What answers at {self.address} is not Alisa's hub."
        return _Ended(reason, self._policy.ended(0.0, reason))

    def _closed(self, error: ConnectionClosed) -> _Ended:
        if error.rcvd is None:
            return self._ended("The connection to the hub broke off.")
        if error.rcvd.reason:
            return self._ended(f"The hub closed the connection: {error.rcvd.reason.rstrip('.')}.")
        return self._ended(f"The hub closed the connection (code {error.rcvd.code}).")

    def _ended(self, reason: str) -> _Ended:
        now = asyncio.get_running_loop().time()
        lasted = now - self._greeted_at if self._greeted_at is not None else 0.0
        return _Ended(reason, self._policy.ended(lasted, reason))

    async def _pause(self, retry: Retry) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), retry.delay)

    async def _unless_closed(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """The result of `work`, or None when `close()` came first; `work` has ended then."""
        task = asyncio.ensure_future(work)
        closed = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({task, closed}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            closed.cancel()
            task.cancel()
            await asyncio.gather(task, closed, return_exceptions=True)


async def _send(connection: ClientConnection, message: ClientMessage) -> None:
    for frame in encode(message):
        await connection.send(frame)


def _broke_off(error: InvalidMessage) -> bool:
    """Whether the connection ended before the handshake's answer was complete, as when the hub is killed then."""
    return isinstance(error.__cause__, EOFError | OSError)
