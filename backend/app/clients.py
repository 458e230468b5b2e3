"""The connected clients: who they are, and what waits to be sent to each. Nobody waits for anybody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from backend.app.pure.outbox import Outbox, Overflow
from link.messages import End, Error, HubMessage, Notice, Text
from link.roles import Role

log = logging.getLogger(__name__)

MAX_CLIENTS = 64
MAX_WAITING_ANSWERS = 200
"""Answers to a client's own frames that may wait for it; further ones are dropped, so that nobody fills the hub by
sending nonsense and never reading."""


@dataclass(slots=True, eq=False)
class Client:
    """One connection.

    id: unique among the connections. name: what it calls itself. role: from its token. version: of the protocol.
    wake: set when something waits in the outbox. hopeless: it lags too far behind and must be disconnected.
    deferred: answers that wait for the end of the running reply (plain clients cannot tell the two apart).
    """

    id: str
    name: str
    role: Role
    version: int
    features: tuple[str, ...] = ()
    outbox: Outbox = field(init=False)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    hopeless: asyncio.Event = field(default_factory=asyncio.Event)
    in_reply: bool = False
    deferred: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(version=self.version)

    def put(self, message: HubMessage) -> None:
        """Queue a message for this client."""
        try:
            self.outbox.put(message)
            if isinstance(message, Text):
                self.in_reply = True
            elif isinstance(message, End):
                self.in_reply = False
                self._flush_deferred()
        except Overflow:
            self.hopeless.set()
        self.wake.set()

    def put_text(self, text: str) -> None:
        """Queue a piece of the running reply."""
        self.in_reply = True
        try:
            self.outbox.put_text(text)
        except Overflow:
            self.hopeless.set()
        self.wake.set()

    def answer(self, message: Notice | Error) -> None:
        """Answer something this client sent: a frame for ours; one sentence and `[END]` for a plain client, after
        the running reply if there is one."""
        if len(self.outbox) >= MAX_WAITING_ANSWERS or len(self.deferred) >= MAX_WAITING_ANSWERS:
            return
        if self.version >= 2:
            self.put(message)
            return
        self.deferred.append(message.text)
        if not self.in_reply:
            self._flush_deferred()
            self.wake.set()

    def _flush_deferred(self) -> None:
        waiting, self.deferred = self.deferred, []
        for text in waiting:
            self.outbox.put(Text(text))
            self.outbox.put(End())


class Clients:
    """All connected clients."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._clients.values()))

    def __len__(self) -> int:
        return len(self._clients)

    def add(self, client: Client) -> None:
        """From now on this client gets what is published."""
        self._clients[client.id] = client

    def remove(self, client: Client) -> None:
        """It is gone."""
        self._clients.pop(client.id, None)

    def named(self, client_id: str | None) -> str:
        """Name of the client with this id; empty when there is none."""
        client = self._clients.get(client_id or "")
        return client.name if client else ""

    def publish(self, message: HubMessage, *, besides: str = "") -> None:
        """Queue a message for everybody but the client with the id `besides`."""
        for client in self._clients.values():
            if client.id != besides:
                client.put(message)

    def publish_text(self, text: str) -> None:
        """Queue a piece of the reply for everybody."""
        for client in self._clients.values():
            client.put_text(text)

    def publish_failure(self, category: str, text: str, turn: str) -> None:
        """A turn has failed: a frame for our clients; plain ones, which know none, read the sentence as text."""
        for client in self._clients.values():
            client.put(Error(category, text, turn) if client.version >= 2 else Text(text))
