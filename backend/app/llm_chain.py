"""Who answers a request: the language model, with retries and a circuit breaker, or else the next in the order.

The policy and its reasons: docs/decisions/0002-when-the-starter-answers.md.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from backend.app.ports import LLM, ChatRequest, Chunk, LLMError
from backend.app.pure.breaker import Breaker
from link.backoff import Backoff
from link.settings.schema import LLMSettings

logger = logging.getLogger(__name__)

RETRY_BASE, RETRY_FACTOR, RETRY_CEILING = 0.25, 2.0, 2.0
"""Backoff between two tries of a request, in seconds: a person is waiting."""

_ABOUT_THE_REQUEST = {"overflow", "rejected"}
_NOT_THE_SERVERS_FAULT = {*_ABOUT_THE_REQUEST, "busy", "starting"}


@dataclass(frozen=True, slots=True)
class Using:
    """Who answers. Comes before the first chunk; reason: why it is not the first choice, empty if it is."""

    provider: str
    model: str
    starter: bool
    reason: str = ""


class _Member:
    """An engine of the chain and what experience says of it."""

    def __init__(self, llm: LLM) -> None:
        self.llm = llm
        self.breaker = Breaker()
        self.status = llm.state().status


class LLMChain:
    """The language model as the conversation sees it.

    primary: the first choice; fallbacks: engines that may stand in, as far and in the order `llm.fallback` names
    them. chosen: why `primary` was chosen; remedy: how to get a better one; both for /status.
    """

    def __init__(
        self,
        primary: LLM,
        fallbacks: Sequence[LLM],
        settings: Callable[[], LLMSettings],
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        *,
        chosen: str = "",
        remedy: str = "",
    ) -> None:
        self._primary = _Member(primary)
        self._fallbacks = [_Member(llm) for llm in fallbacks]
        self._settings, self._clock, self._rng = settings, clock, rng or random.Random()
        self._chosen, self._remedy = chosen, remedy
        self._room = asyncio.Semaphore(settings().concurrency)
        self._running = 0
        self._watchers: list[Callable[[], None]] = []
        self._change = asyncio.Event()

    async def start(self) -> None:
        """Start all engines; returns at once."""
        for member in self._members():
            member.llm.watch(partial(self._engine_changed, member))
            await member.llm.start()

    async def close(self) -> None:
        """Close all engines, whatever one of them does."""
        members = self._members()
        results = await asyncio.gather(*(member.llm.close() for member in members), return_exceptions=True)
        for member, result in zip(members, results, strict=True):
            if isinstance(result, BaseException):
                logger.error("an engine did not close", exc_info=result, extra={"engine": member.llm.name})

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called whenever something that `status` shows has changed."""
        self._watchers.append(changed)

    async def count_tokens(self, text: str) -> int | None:
        """Length of `text` by the model's own tokenizer, None where it has none or cannot be asked."""
        return await self._primary.llm.count_tokens(text)

    def context_length(self) -> int | None:
        """Length of the model's context in tokens, None where it is not known."""
        return self._primary.llm.state().n_ctx

    async def models(self) -> Sequence[str]:
        """The models that the first choice offers (a cached list). Raises LLMError."""
        return await self._primary.llm.models()

    async def batches(self, request: ChatRequest) -> AsyncGenerator[list[Chunk | Using], None]:
        """The answer, a `Using` before its first chunk. Close it to make the server stop. Raises LLMError."""
        reason = ""
        candidates = self._candidates()
        for member in candidates:
            final = member is candidates[-1]
            if not final and (why := await self._unavailable(member)):
                reason = reason or why
                continue
            async with self._place(member):
                try:
                    stream, first = await self._open(member, request, final=final)
                except LLMError as error:
                    if final or error.kind in _ABOUT_THE_REQUEST or self._available(member):
                        raise
                    reason = reason or error.text
                    continue
                async with aclosing(stream), self._outcome(member):
                    yield [self._using(member, reason), *first]
                    async for batch in stream:
                        yield batch  # type: ignore[misc]  # a list of chunks, read-only for the caller
            return

    def status(self) -> dict[str, Any]:
        """The whole state, ready for JSON. The first level is about the first choice."""
        now = self._clock()
        engines = []
        for member in self._members():
            entry = asdict(member.llm.state())
            entry |= entry.pop("extra")
            breaker = {"state": member.breaker.state(now), "again_in_s": round(member.breaker.wait(now), 1)}
            engines.append(entry | {"breaker": breaker})
        candidates = self._candidates()
        answering = next((m for m in candidates if self._available(m)), candidates[-1])
        return {
            **engines[0],
            "remedy": engines[0]["remedy"] or self._remedy,
            "chosen": self._chosen,
            "answering": answering.llm.name,
            "fallback": [member.llm.name for member in candidates[1:]],
            "running": self._running,
            "engines": engines,
        }

    # ------------------------------------------------------------------------------------------- who may answer

    def _members(self) -> list[_Member]:
        return [self._primary, *self._fallbacks]

    def _candidates(self) -> list[_Member]:
        """The first choice, then the fallbacks that the settings name now."""
        named = {member.llm.name: member for member in self._fallbacks}
        return [self._primary, *(named[name] for name in self._settings().fallback if name in named)]

    def _available(self, member: _Member) -> bool:
        return member.llm.state().status == "ready" and member.breaker.would_allow(self._clock())

    async def _unavailable(self, member: _Member) -> str:
        """Why `member` cannot answer now, one sentence; empty if it can. Waits for one that is starting."""
        await self._settled(member)
        state = member.llm.state()
        if state.status != "ready":
            return state.detail or "The language model is not available."
        return "" if member.breaker.would_allow(self._clock()) else _tired(member.breaker.wait(self._clock()))

    async def _settled(self, member: _Member) -> None:
        """Wait while `member` is starting, at most as long as for a first token."""
        try:
            async with asyncio.timeout(self._settings().first_token_timeout):
                while member.llm.state().status == "starting":
                    await self._change.wait()
        except TimeoutError:
            return

    def _using(self, member: _Member, reason: str) -> Using:
        state = member.llm.state()
        if reason:
            reason = f"{reason} Meanwhile {'the starter' if state.starter else state.provider} answers."
        return Using(state.provider, state.model, state.starter, reason)

    # ------------------------------------------------------------------------------------------------ one request

    async def _open(
        self, member: _Member, request: ChatRequest, *, final: bool
    ) -> tuple[AsyncGenerator[list[Chunk], None], list[Chunk]]:
        """Start the answer, with retries, up to its first chunks. Raises LLMError."""
        backoff = Backoff(RETRY_BASE, RETRY_FACTOR, RETRY_CEILING, self._rng)
        retries = self._settings().retries
        while True:
            await self._settled(member)
            if not member.breaker.allow(self._clock()):
                raise LLMError("server", _tired(member.breaker.wait(self._clock())))
            stream = member.llm.batches(request)
            try:
                async with self._outcome(member, complete=False):
                    async for first in stream:
                        return stream, first
                    raise LLMError("cut", "The model gave no answer.", retry=True)
            except LLMError as error:
                logger.warning("a request failed", extra={"engine": member.llm.name, "kind": error.kind})
                if not error.retry or not retries or not (final or self._may_recover(member)):
                    raise
            retries -= 1
            await asyncio.sleep(backoff.next())

    def _may_recover(self, member: _Member) -> bool:
        return member.llm.state().status != "down" and member.breaker.would_allow(self._clock())

    @asynccontextmanager
    async def _outcome(self, member: _Member, *, complete: bool = True) -> AsyncIterator[None]:
        """Tell the breaker how the body went. complete: an answer is whole only at the body's end."""
        breaker = member.breaker
        before = breaker.state(self._clock())
        try:
            yield
        except LLMError as error:
            if error.kind in _NOT_THE_SERVERS_FAULT:
                breaker.release()
            else:
                breaker.failure(self._clock())
            raise
        except BaseException:  # cancelled or closed: says nothing of the server
            breaker.release()
            raise
        else:
            if complete:
                breaker.success()
        finally:
            if breaker.state(self._clock()) != before:
                self._changed()

    @asynccontextmanager
    async def _place(self, member: _Member) -> AsyncIterator[None]:
        """One of the places for requests to the server; the starter needs none. Raises LLMError `busy`."""
        if member is not self._primary:
            yield
            return
        try:
            async with asyncio.timeout(self._settings().first_token_timeout):
                await self._room.acquire()
        except TimeoutError:
            raise LLMError("busy", "The model is busy with other requests.", retry=True) from None
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._room.release()

    # ---------------------------------------------------------------------------------------------------- changes

    def _engine_changed(self, member: _Member) -> None:
        before, member.status = member.status, member.llm.state().status
        if member.status == "ready" != before:
            member.breaker.reset()  # it came back: what the one before did does not count
        self._changed()

    def _changed(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
        for changed in self._watchers:
            changed()


def _tired(wait: float) -> str:
    return f"The model server has failed several times in a row; it is asked again in {max(1, round(wait))} s."
