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

    async def enter(self, text: str) -> list[Ink]:
        """The user entered a message or a command for the hub; returns what to show."""
        ink = self.transcript.typed(text) if self._echo else []
        if self._kept or not await self._send(text):
            ink += self._keep(text)
        return ink

    async def stop(self) -> None:
        """Stop the reply in progress."""
        self.transcript.stopping()
        await self._client.send(Interrupt(self.transcript.reply.turn if self.transcript.reply else ""))

    async def _send(self, text: str) -> bool:
        request = self._request()
        # The answer may come before `send` returns, so the transcript must know of the question first.
        self.transcript.asked(text, request)
        return await self._client.send(Say(text, request))

    def _keep(self, text: str) -> list[Ink]:
        ink = self.transcript.unsent() if not self._kept else []
        if is_command(text):
            return ink + self.transcript.tell("The hub is away; type this command again when it is back.")
        if len(self._kept) >= KEPT_AT_MOST:
            return ink + self.transcript.tell(
                f"The hub is away and {KEPT_AT_MOST} messages wait; this one is not kept."
            )
        self._kept.append(text)
        return ink + self.transcript.tell("Kept; she gets it when the hub is back.")

    async def _send_kept(self) -> list[Ink]:
        if not self._kept or not self.status.connected or self.transcript.reply or self.transcript.waiting:
            return []
        text = self._kept.popleft()
        if await self._send(text):
            return []
        self._kept.appendleft(text)
        return self.transcript.unsent()
