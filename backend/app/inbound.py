"""What clients send: each frame is checked against its sender's role and handed to whoever it concerns."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable

from backend.app.clients import Client, Clients
from backend.app.conversation import Conversation
from backend.app.metrics import Metrics
from backend.app.ports import StoreError
from backend.app.pure import turns as t
from backend.app.pure.commands import SlashCommand, UnknownCommand, parse
from backend.app.quiet import QuietKeeper
from backend.app.slash import Answer, Begun, SlashCommands
from backend.app.state import HubState
from link.codec import Malformed, decode_client
from link.messages import (
    SPEC_OF,
    ClientMessage,
    Confirm,
    Delivered,
    Error,
    Hello,
    Interrupt,
    Mic,
    Mode,
    Notice,
    Quiet,
    Say,
    Source,
    SpeechEnd,
    SpeechStart,
    Viewer,
    VisionDesktop,
    VisionFace,
)
from link.roles import Role

log = logging.getLogger(__name__)

_UNAVAILABLE = Error("unavailable", "This version of the hub does not handle that yet.")


class Inbound:
    """Dispatches frames. `max_message`: longest accepted message of a user, in characters."""

    def __init__(
        self,
        *,
        clients: Clients,
        conversation: Conversation,
        slash: SlashCommands,
        state: HubState,
        quiet: QuietKeeper,
        metrics: Metrics,
        max_message: int,
    ) -> None:
        self.clients = clients
        self.conversation = conversation
        self.metrics = metrics
        self._slash = slash
        self._state = state
        self._quiet = quiet
        self._max_message = max_message

    def connected(self, client: Client, turn: str, received: int) -> None:
        """A client is there. It hears how things stand, then the rest of what it missed. There is no await in here,
        so that nothing can be published in between."""
        self.clients.add(client)
        self._state.changed()
        self.conversation.replies.resume(client, turn, received)
        log.info("connected", extra={"client": client.name, "role": client.role, "version": client.version})

    async def disconnected(self, client: Client) -> None:
        """A client is gone."""
        self.clients.remove(client)
        self._state.forget_client(client)
        self._state.changed()
        log.info("disconnected", extra={"client": client.name, "role": client.role})
        await self._mouth_may_have_changed()

    async def frame(self, client: Client, frame: str | bytes) -> None:
        """Handle one frame. Whatever it is, it costs no more than an answer."""
        message = decode_client(frame)
        problem = self._problem(client, message)
        if problem:
            self.metrics.refused.labels(problem.category).inc()
            if client.version >= 2 or isinstance(message, Say) or not (isinstance(message, Malformed) and message.tag):
                client.answer(problem)
            log.debug("refused frame", extra={"client": client.name, "category": problem.category})
        elif not isinstance(message, Malformed):
            await self._dispatch(client, message)

    def problem_with(self, text: str) -> Error | None:
        """Why a message of the user is refused, or None."""
        if not text.strip():
            return Error("empty", "The message is empty.")
        if len(text) > self._max_message:
            return Error(
                "too_long", f"The message has {len(text):,} characters; at most {self._max_message:,} are taken."
            )
        return None

    async def say(self, text: str, source: Source, *, who: str, request: str = "", client: str = "") -> Answer:
        """Take what was said, which `problem_with` has passed. Slash commands are the user's alone."""
        command = parse(text) if source == "user" else None
        match command:
            case UnknownCommand(explanation):
                return Error("command", explanation)
            case SlashCommand():
                return await self._slash.run(command, who=who, request=request)
        return Begun(await self.conversation.say(text, source, who=who, request=request, client=client))

    def _problem(self, client: Client, message: ClientMessage | Malformed) -> Error | None:
        if isinstance(message, Malformed):
            return Error(message.category, message.text)
        spec = SPEC_OF[type(message)]
        if spec.version > client.version:
            return Error("unknown", "Connect with ?v=2 to send this frame.")
        if client.role not in spec.roles:
            what = f"[{spec.tag}]" if spec.tag else "messages"
            return Error("forbidden", f"A client with the role {client.role} may not send {what}.")
        return self.problem_with(message.text) if isinstance(message, Say) else None

    async def _dispatch(self, client: Client, message: ClientMessage) -> None:
        match message:
            case Say(text, request):
                source: Source = "voice" if client.role is Role.VOICE else "user"
                answer = await self.say(text, source, who=client.name, request=request, client=client.id)
                if isinstance(answer, (Notice, Error)):
                    client.answer(answer)
            case Hello(_, _, features):
                self._state.announce_client(client, features)
                self._state.changed()
                await self._mouth_may_have_changed()
            case Interrupt(turn, heard):
                await self.conversation.handle(t.StopAsked(turn, heard))
            case Delivered(turn):
                await self.conversation.handle(t.WasDelivered(turn))
            case Mode(mode):
                await self._answering_faults(client, self._change_mode(client, mode))
            case SpeechStart() | SpeechEnd():
                self._state.speaking = isinstance(message, SpeechStart)
                self.clients.publish(message, besides=client.id)
            case Mic():
                self.clients.publish(message, besides=client.id)
            case Quiet():
                await self._answering_faults(client, self._quiet.set(message))
            case VisionFace(state):
                self._state.vision["face"] = state
            case VisionDesktop(context):
                self._state.vision["desktop"] = context
                self._state.vision["desktop_at"] = f"{time.time():.0f}"
            case Viewer() | Confirm():
                client.answer(_UNAVAILABLE)

    async def _change_mode(self, client: Client, mode: str) -> None:
        if not await self.conversation.set_mode(mode):
            known = ", ".join(self.conversation.modes)
            client.answer(Error("mode", f"There is no such mode. The modes are {known}."))

    async def _answering_faults(self, client: Client, change: Awaitable[None]) -> None:
        try:
            await change
        except StoreError as error:
            client.answer(Error("storage", error.text))

    async def _mouth_may_have_changed(self) -> None:
        await self.conversation.handle(t.MouthChanged(self._state.mouth.holder is not None))
