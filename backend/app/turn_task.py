"""One turn from the accepted message to `[END]`: store, ask the model, stream, store. Exactly one `[END]`, whatever
happens; what failed is never stored as something she said."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from backend.app.llm_chain import Using
from backend.app.ports import ChatRequest, LLMError, StoreError
from backend.app.pure.persona import build_prompt, note_of_the_moment
from backend.app.pure.tokens import estimate_tokens
from backend.app.pure.window import heard_part, room_for_history
from backend.app.replies import Outcome, Reply
from backend.app.reply import ReplyStream
from backend.app.services import Services
from link.logs import bound
from link.messages import End, Notice, UserSaid

log = logging.getLogger(__name__)

CANCEL_WITHIN = 2.0
"""Seconds a cancelled request may take to end before we go on without it."""

OVERFLOW_SHARE = 0.5
"""Part of the usual history that goes with the second try when the first did not fit the model's context."""

_INTERNAL = "Something went wrong in the hub; the log says what."


class TurnTask:
    """Runs a turn in a task of its own.

    over: awaited at the end with the turn's id and whether it failed, unless it was cancelled.
    """

    def __init__(
        self,
        services: Services,
        reply: Reply,
        now: Callable[[], datetime],
        over: Callable[[str, bool], Coroutine[Any, Any, None]],
    ) -> None:
        self._s = services
        self._reply = reply
        self._now = now
        self._over = over
        self._began = time.perf_counter()
        self._committing = False
        self._spoke = False
        # At once and apart from the rest: an accepted message is kept even if its turn is cancelled at birth.
        keep_user = bool(reply.stimulus.text) and not reply.stimulus.answers
        self._stored = services.tasks.spawn("store-user", self._store_user()) if keep_user else None
        self._task = services.tasks.spawn(f"turn-{reply.turn}", self._run())

    async def cancel(self, heard: str | None) -> None:
        """Stop generating. What was delivered so far, or `heard`, is what she said."""
        if not self._reply.outcome:
            if not self._committing:
                self._task.cancel()
            _, late = await asyncio.wait({self._task}, timeout=CANCEL_WITHIN)
            if late:
                log.error("A cancelled reply did not end in time.", extra={"turn": self._reply.turn})
        if self._reply.outcome:  # it was complete before the stop reached it
            if heard is not None:
                await self._s.memory.shorten(self._reply.turn, heard)
            return
        try:
            await self._announce()
            said = self._reply.text if heard is None else heard_part(self._reply.text, heard)
            if said.strip():
                await self._keep(said, interrupted=True)
        except StoreError as error:
            self._s.clients.publish_failure("storage", error.text, self._reply.turn)
        finally:
            self._end("interrupted")

    async def _run(self) -> None:
        with bound(turn=self._reply.turn, request=self._reply.stimulus.request):
            failed = True
            try:
                await self._generate()
                failed = False
            except LLMError as error:
                log.warning("The reply failed.", extra={"kind": error.kind})
                await self._fail(error.kind, error.text)
            except StoreError as error:
                log.error("Storing failed.", extra={"reason": error.text})
                await self._fail("storage", error.text)
            except Exception:  # the boundary: whatever it was, the turn ends and people are told
                log.exception("The turn failed.")
                await self._fail("internal", _INTERNAL)
            # In a task of its own: the conversation may cancel this one while it hears that it is over.
            self._s.tasks.spawn("turn-over", self._over(self._reply.turn, failed))
            if not failed:
                self._s.tasks.spawn("count-tokens", self._count_tokens())

    async def _generate(self) -> None:
        stream = ReplyStream(
            self._reply,
            publish=self._s.clients.publish,
            publish_text=self._publish_text,
            ready=self._announce,
            using=self._using,
        )
        try:
            await self._ask(stream, 1.0)
        except LLMError as error:
            if error.kind != "overflow" or self._reply.text:
                raise
            log.info("The prompt was too long; trying with less history.")
            await self._ask(stream, OVERFLOW_SHARE)
        if not self._reply.text.strip():
            raise LLMError("server", "The model gave an empty answer. /retry asks it again.", retry=True)
        self._committing = True
        await self._keep(self._reply.text, interrupted=False)
        self._end("finished")

    async def _ask(self, stream: ReplyStream, share: float) -> None:
        settings, persona, mode = self._s.settings(), self._s.persona.current(), self._s.state.mode
        system = estimate_tokens(persona.system(mode))
        context = self._s.chain.context_length()
        room = room_for_history(settings.conversation.tokens, context, settings.llm.max_tokens, system)
        history = self._s.memory.window(self._reply.stimulus, int(room * share))
        request = ChatRequest(
            build_prompt(persona, mode, history),
            note=note_of_the_moment(self._now()),
            conversation=self._s.memory.conversation,
            request=self._reply.turn,
            mode=mode,
        )
        await stream.run(self._s.chain.batches, request, guess=settings.conversation.guess_emotion)

    async def _store_user(self) -> None:
        began = time.perf_counter()
        await self._s.memory.add_user(self._reply.stimulus)
        self._s.metrics.stored.observe(time.perf_counter() - began)

    async def _announce(self) -> None:
        """The message is accepted as soon as it is stored; not before that anybody hears of the turn."""
        if self._reply.announced:
            return
        if self._stored:
            await asyncio.shield(self._stored)
        self._reply.announced = True
        stimulus = self._reply.stimulus
        self._s.clients.publish(self._reply.announcement())
        if stimulus.text and not stimulus.answers:
            self._s.clients.publish(UserSaid(stimulus.turn, stimulus.text, stimulus.source), besides=stimulus.client)

    def _publish_text(self, text: str) -> None:
        if not self._spoke:
            self._spoke = True
            self._s.metrics.first_text.observe(time.perf_counter() - self._began)
        self._s.clients.publish_text(text)

    def _using(self, using: Using) -> None:
        if using.reason and using.reason != self._s.state.fallback_reason:
            self._s.clients.publish(Notice("fallback", using.reason))
        self._s.state.fallback_reason = using.reason

    async def _keep(self, text: str, *, interrupted: bool) -> None:
        await self._s.memory.add_reply(self._reply.stimulus, text, self._reply.emotion, interrupted=interrupted)

    async def _fail(self, kind: str, text: str) -> None:
        try:
            await self._announce()
        except StoreError as error:
            kind, text = "storage", error.text
            self._reply.announced = True
            self._s.clients.publish(self._reply.announcement())
        self._reply.error = text
        self._s.clients.publish_failure(kind, text, self._reply.turn)
        self._end("failed")

    def _end(self, outcome: Outcome) -> None:
        if self._reply.outcome:
            return
        self._reply.outcome = outcome
        if self._reply.emotion:
            self._s.state.emotion = self._reply.emotion
        self._s.clients.publish(End())
        self._s.metrics.turn.observe(time.perf_counter() - self._began)
        self._s.metrics.turns.labels(self._reply.stimulus.source, outcome).inc()
        self._s.metrics.characters.inc(len(self._reply.text))

    async def _count_tokens(self) -> None:
        try:
            await self._s.memory.count(self._s.chain.count_tokens)
        except StoreError as error:
            log.warning("Token counts were not kept.", extra={"reason": error.text})
