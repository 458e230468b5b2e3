"""One chat with the hub: sends what the user enters, keeps what cannot be sent yet, and says what to show."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable

from link.client import Disconnected, Event, GaveUp, HubClient
from link.messages import Interrupt, Say, Status
from voice.chat.commands import is_command
from voice.chat.fragments import Ink
from voice.chat.status_line import StatusLine
from voice.chat.transcript import Transcript

KEPT_AT_MOST = 20
"""Messages kept while the hub is away."""


def new_request() -> str:
    """An id for a message, by which its reply is recognised."""
    return uuid.uuid4().hex


class Session:
    """What was said while the hub is away is kept and sent when it is back, one message after the other's reply.

    Commands are not kept, because they are about this moment. client: the connection; its events go to `on`.
    echo: show what the user enters, too; not wanted where the terminal already did.
    """

    def __init__(self, client: HubClient, *, echo: bool = True, request: Callable[[], str] = new_request) -> None:
        self.transcript = Transcript()
        self.status = StatusLine()
        self._client = client
        self._echo = echo
        self._request = request
        self._kept: deque[str] = deque()

    async def on(self, event: Event) -> list[Ink]:
        """Take the next event of the connection; returns what to show."""
        if isinstance(event, Status | Disconnected | GaveUp):
            self.status.connected = isinstance(event, Status)
        self.status.on(event)
        return self.transcript.on(event) + await self._send_kept()

    @property
    def kept(self) -> tuple[str, ...]:
        """What waits for the hub, oldest first."""
        return tuple(self._kept)

    async def enter(self, text: str) -> list[Ink]:
        """The user entered a message or a command for the hub; returns what to show."""
        if not self._kept and self.status.connected:
            ink = self._echoed(text)
            if await self._send(text):
                return ink
            # It could not be sent after all. It has been shown; being kept, it is shown once more when it is sent.
            return ink + self.transcript.unsent() + self._keep(text)
        return self._keep(text)

    async def stop(self) -> None:
        """Stop the reply in progress."""
        self.transcript.stopping()
        await self._client.send(Interrupt(self.transcript.reply.turn if self.transcript.reply else ""))

    def _echoed(self, text: str) -> list[Ink]:
        return self.transcript.typed(text) if self._echo else []

    async def _send(self, text: str) -> bool:
        request = self._request()
        # The answer may come before `send` returns, so the transcript must know of the question first.
        self.transcript.asked(text, request)
        return await self._client.send(Say(text, request))

    def _keep(self, text: str) -> list[Ink]:
        if is_command(text):
            return self._echoed(text) + self.transcript.tell(
                "The hub is away; type this command again when it is back."
            )
        if len(self._kept) >= KEPT_AT_MOST:
            full = f"The hub is away and {KEPT_AT_MOST} messages wait; this one is not kept."
            return self._echoed(text) + self.transcript.tell(full)
        self._kept.append(text)
        return self.transcript.tell("Kept until the hub is back.") if len(self._kept) == 1 else []

    async def _send_kept(self) -> list[Ink]:
        if not self._kept or not self.status.connected or self.transcript.reply or self.transcript.waiting:
            return []
        if not await self._send(self._kept[0]):
            return self.transcript.unsent()
        return self._echoed(self._kept.popleft())
