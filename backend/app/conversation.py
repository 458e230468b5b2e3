"""The conversation: takes what happens, asks the turn machine, and does what it says, one thing at a time.

Replies are generated in a task of their own (turn_task.py), so that "stop" can always be heard.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from backend.app.decisions import Decision, DecisionLog
from backend.app.ports import StoredMessage
from backend.app.pure import turns as t
from backend.app.replies import RecentReplies
from backend.app.serial import SerialRunner
from backend.app.services import Services
from backend.app.turn_task import TurnTask
from link.messages import ModeChanged, Source

log = logging.getLogger(__name__)
T = TypeVar("T")

SLOWEST_SPEECH = 8.0
"""Characters a second. A mouth that needs longer than this, and half a minute more, to deliver a turn has failed."""

_MODE = "mode"


class Conversation:
    """The one conversation of this hub, in many places at once."""

    def __init__(self, services: Services, *, now: Callable[[], datetime]) -> None:
        self._s = services
        self._now = now
        self._machine = t.TurnMachine()
        self._serial = SerialRunner()
        self._task: TurnTask | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self.replies = RecentReplies()
        self.decisions = DecisionLog()

    async def load(self) -> None:
        """Take up the conversation and the mode of last time. Raises StoreError."""
        await self._s.memory.load()
        self._s.state.conversation = self._s.memory.conversation
        mode = await self._s.memory.remembered(_MODE)
        self._s.state.mode = mode if mode in self.modes else "default"

    async def drive(self) -> None:
        """Handle what comes in, for ever."""
        await self._serial.run()

    async def close(self) -> None:
        """Stop the running reply; what was delivered is kept. Call when `drive` no longer runs."""
        await self._handle(t.StopAsked())

    # ------------------------------------------------------------------------------------------------- what comes in

    async def say(self, text: str, source: Source, *, who: str = "", request: str = "", client: str = "") -> str:
        """Something was said to her; returns the id of the turn. Its reply goes to all clients."""
        return await self._stimulate(t.Stimulus(uuid.uuid4().hex[:12], source, text, who, request, client))

    async def retry(self, *, who: str = "", request: str = "") -> str | None:
        """Answer the user's last message again; returns the id of the turn, None when there is no message. The old
        reply is replaced once the new one is there."""

        async def last() -> tuple[StoredMessage | None, StoredMessage | None]:
            return self._s.memory.last()

        question, reply = await self.perform(last)
        if question is None:
            return None
        return await self._stimulate(
            t.Stimulus(
                uuid.uuid4().hex[:12],
                "user",
                question.text,
                who,
                request,
                answers=question.turn,
                replaces=reply.turn if reply else "",
            )
        )

    async def _stimulate(self, stimulus: t.Stimulus) -> str:
        await self.handle(t.Arrived(stimulus))
        return stimulus.turn

    async def handle(self, event: t.Event) -> None:
        """Let the turn machine know of something that happened."""
        await self._serial.submit(lambda: self._handle(event))

    async def perform(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run an operation on the conversation; the running reply is stopped first."""

        async def alone() -> T:
            await self._handle(t.StopAsked())
            result = await operation()
            self._s.state.conversation = self._s.memory.conversation
            self._s.state.changed()
            return result

        return await self._serial.submit(alone)

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that the persona has."""
        return tuple(self._s.persona.current().modes)

    async def set_mode(self, mode: str) -> bool:
        """Change the conversation mode and tell everybody. Returns False for a mode that the persona does not have.
        Raises StoreError."""
        if mode not in self.modes:
            return False
        await self._s.memory.remember(_MODE, mode)
        self._s.state.mode = mode
        self._s.clients.publish(ModeChanged(mode))
        self._s.state.changed()
        return True

    # ---------------------------------------------------------------------------------------------- what is done then

    async def _handle(self, event: t.Event) -> None:
        for command in self._machine.handle(event):
            await self._execute(command)

    async def _execute(self, command: t.Command) -> None:
        match command:
            case t.Begin(stimulus, reason):
                self._decide("speak", stimulus.turn, stimulus.source, reason)
                self._begin(stimulus)
            case t.Decline(stimulus, reason):
                self._decide("silent", stimulus.turn, stimulus.source, reason)
            case t.Cancel(turn, heard, reason):
                self._decide("cancel", turn, "", reason)
                await self._cancel(heard)
            case t.Shorten(turn, heard):
                await self._s.memory.shorten(turn, heard)
            case t.Hold(turn):
                self._hold(turn)
            case t.Release(turn, reason):
                self._decide("release", turn, "", reason)
                self._release()

    def _begin(self, stimulus: t.Stimulus) -> None:
        self._forget_expiry()
        self._s.state.turn = stimulus.turn
        self._task = TurnTask(self._s, self.replies.begin(stimulus), self._now, self._turn_over)

    async def _turn_over(self, turn: str, failed: bool) -> None:
        await self.handle(t.Failed(turn) if failed else t.Generated(turn))

    async def _cancel(self, heard: str | None) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        began = time.perf_counter()
        await task.cancel(heard)
        self._s.metrics.cancelled.observe(time.perf_counter() - began)

    def _hold(self, turn: str) -> None:
        reply = self.replies.get(turn)
        limit = 30 + len(reply.text if reply else "") / SLOWEST_SPEECH
        self._expiry = asyncio.get_running_loop().call_later(
            limit, lambda: self._s.tasks.spawn("floor-expiry", self.handle(t.FloorExpired(turn)))
        )
        self._s.state.changed()

    def _release(self) -> None:
        self._forget_expiry()
        self._s.state.turn = ""
        self._s.state.changed()

    def _forget_expiry(self) -> None:
        if self._expiry:
            self._expiry.cancel()
            self._expiry = None

    def _decide(self, what: str, turn: str, source: str, rule: str) -> None:
        self.decisions.add(Decision(self._now(), what, turn, source, rule))
        log.info("decision", extra={"what": what, "turn": turn, "source": source, "rule": rule})
