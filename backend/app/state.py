"""The state of the whole that clients see as `[STATUS]`, and that outlives nothing but what the store keeps of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backend.app.clients import Client, Clients
from backend.app.pure.lease import Lease
from link.messages import EmotionName, Quiet, Status


@dataclass(slots=True)
class HubState:
    """What is the case now.

    boot: changes with every start of the hub. vision: the newest words of each kind from the eyes.
    describe_llm: what [STATUS] says of who answers. name, modes: as the persona has them. quiet: see quiet.py.
    fallback_reason: why somebody else than the model answered last; empty when it did itself.
    """

    clients: Clients
    describe_llm: Callable[[], dict[str, Any]] = dict
    name: Callable[[], str] = lambda: "Alisa"
    modes: Callable[[], tuple[str, ...]] = tuple
    boot: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    mode: str = "default"
    emotion: EmotionName = "neutral"
    quiet: Quiet = field(default_factory=lambda: Quiet("off"))
    speaking: bool = False
    turn: str = ""
    conversation: int = 0
    mouth: Lease = field(default_factory=Lease)
    ears: Lease = field(default_factory=Lease)
    vision: dict[str, str] = field(default_factory=dict)
    fallback_reason: str = ""

    def status(self) -> Status:
        """The frame for clients."""
        quiet = self.quiet
        return Status(
            name=self.name(),
            modes=self.modes(),
            parts=tuple(client.name for client in self.clients),
            mouth=self.clients.named(self.mouth.holder),
            ears=self.clients.named(self.ears.holder),
            llm=self.describe_llm(),
            mode=self.mode,
            emotion=self.emotion,
            quiet={} if quiet.scope == "off" else {"scope": quiet.scope, "until": quiet.until},
            speaking=self.speaking,
            turn=self.turn,
            conversation=self.conversation,
            boot=self.boot,
        )

    def changed(self) -> None:
        """Tell everybody how things stand now."""
        self.clients.publish(self.status())

    def announce_client(self, client: Client, features: tuple[str, ...]) -> None:
        """A client has said what it can do: it gets in line for mouth and ears."""
        client.features = features
        for lease, feature in ((self.mouth, "mouth"), (self.ears, "ears")):
            if feature in features:
                lease.ask(client.id)
            else:
                lease.leave(client.id)

    def forget_client(self, client: Client) -> None:
        """A client is gone: what it held passes to the next in line."""
        if self.mouth.holder == client.id:
            self.speaking = False
        self.mouth.leave(client.id)
        self.ears.leave(client.id)
