"""The chain: retries, breaker and fallback, with a real engine on a real socket as the first choice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import pytest

from backend.app.adapters.llm.openai import OpenAIServer, Pace
from backend.app.llm_chain import LLMChain, Using
from backend.app.ports import ChatRequest, Chunk, Finished, LLMContext, LLMError, LLMState, LLMStatus, TextDelta
from backend.app.pure.endpoint import parse
from tests.support.engines import ask, collect, text_of, until
from tests.support.fake_llm import FakeLLM, Script

QUIET = Pace(ready=60, not_ready=0.02)


class NoJitter(random.Random):
    """Backoff without waiting."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Rules:
    """An engine that always answers, as the starter does."""

    name = "starter"

    def __init__(self, status: LLMStatus = "ready") -> None:
        self.status: LLMStatus = status
        self.changed: Callable[[], None] = lambda: None
        self.closed = False

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    async def batches(self, request: ChatRequest) -> AsyncGenerator[list[Chunk], None]:
        yield [TextDelta("By rules."), Finished("stop")]

    async def count_tokens(self, text: str) -> int | None:
        return None

    async def models(self) -> Sequence[str]:
        return ()

    def state(self) -> LLMState:
        return LLMState("starter", self.status, model="starter", starter=True)

    def watch(self, changed: Callable[[], None]) -> None:
        self.changed = changed

    def turn(self, status: LLMStatus) -> None:
        self.status = status
        self.changed()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextlib.asynccontextmanager
async def chain_to(fake: FakeLLM, context: LLMContext, clock: Clock, *, wait: bool = True) -> AsyncIterator[LLMChain]:
    llm = OpenAIServer(context, parse(fake.url), QUIET)
    chain = LLMChain(llm, [Rules()], context.settings, clock, NoJitter(), chosen="A test wants it.")
    await chain.start()
    if wait:
        await until(lambda: llm.state().status == "ready")
    try:
        yield chain
    finally:
        await chain.close()


def split(chunks: list[Chunk | Using]) -> tuple[Using, str]:
    using = chunks[0]
    assert isinstance(using, Using)
    assert not any(isinstance(chunk, Using) for chunk in chunks[1:])
    return using, text_of(chunks[1:])


async def test_who_answers_comes_first(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(Script(["Hel", "lo"]), models=["m"]) as fake, chain_to(fake, context, clock) as chain:
        chunks, error = await collect(chain.batches(ask()))
        assert error is None
        assert split(chunks) == (Using("openai", "m", False, ""), "Hello")
        assert chunks[-1] == Finished("stop")


@pytest.mark.parametrize("script", [Script(status=500), Script(cut_after=0), Script(status=429), Script(error_after=0)])
async def test_a_fault_before_the_first_chunk_is_tried_again(context: LLMContext, clock: Clock, script: Script) -> None:
    async with FakeLLM(script, script, Script(["ok"])) as fake, chain_to(fake, context, clock) as chain:
        chunks, error = await collect(chain.batches(ask()))
        assert (split(chunks)[1], error) == ("ok", None)
        assert len(fake.requests) == 3


async def test_retries_are_bounded_and_then_the_turn_fails(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(default=Script(status=500)) as fake, chain_to(fake, context, clock) as chain:
        chunks, error = await collect(chain.batches(ask()))
        assert chunks == []
        assert error is not None
        assert error.kind == "server"
        assert len(fake.requests) == 3


@pytest.mark.parametrize(
    ("script", "kind"),
    [(Script.overflow(), "overflow"), (Script(status=400), "rejected"), (Script(status=401), "rejected")],
)
async def test_what_the_request_is_to_blame_for_is_passed_on(
    context: LLMContext, clock: Clock, script: Script, kind: str
) -> None:
    async with FakeLLM(default=script) as fake, chain_to(fake, context, clock) as chain:
        for _ in range(6):
            chunks, error = await collect(chain.batches(ask()))
            assert chunks == []
            assert error is not None
            assert error.kind == kind
        assert len(fake.requests) == 6
        assert chain.status()["engines"][0]["breaker"]["state"] == "closed"


@pytest.mark.parametrize(
    ("script", "kind"),
    [(Script(cut_after=2), "cut"), (Script(error_after=2), "server"), (Script(stall_after=2), "stalled")],
)
async def test_a_fault_in_the_middle_fails_the_turn_without_another_try(
    context: LLMContext, clock: Clock, live, script: Script, kind: str
) -> None:
    live.set(stall_timeout=0.05)
    async with FakeLLM(default=script) as fake, chain_to(fake, context, clock) as chain:
        chunks, error = await collect(chain.batches(ask()))
        assert split(chunks)[1] == "Hello there"
        assert error is not None
        assert error.kind == kind
        assert len(fake.requests) == 1


async def test_five_failures_let_the_starter_answer_for_a_minute(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(default=Script(cut_after=1)) as fake, chain_to(fake, context, clock) as chain:
        for _ in range(5):
            assert (await collect(chain.batches(ask())))[1] is not None
        using, text = split((await collect(chain.batches(ask())))[0])
        assert (using.starter, text) == (True, "By rules.")
        assert "several times" in using.reason
        assert using.reason.endswith("the starter answers.")
        assert len(fake.requests) == 5
        assert chain.status()["answering"] == "starter"

        clock.now = 60.0
        fake.default = Script(["Back."])
        using, text = split((await collect(chain.batches(ask())))[0])
        assert (using.starter, using.reason, text) == (False, "", "Back.")
        assert chain.status()["engines"][0]["breaker"]["state"] == "closed"


async def test_a_failed_probe_is_answered_by_the_starter(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(default=Script(status=500)) as fake, chain_to(fake, context, clock) as chain:
        for _ in range(2):
            await collect(chain.batches(ask()))
        assert chain.status()["engines"][0]["breaker"]["state"] == "open"
        clock.now = 60.0
        asked = len(fake.requests)
        using, _ = split((await collect(chain.batches(ask())))[0])
        assert using.starter
        assert len(fake.requests) == asked + 1


async def test_a_probe_that_is_cancelled_makes_room_for_the_next(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(default=Script(status=500)) as fake, chain_to(fake, context, clock) as chain:
        for _ in range(2):
            await collect(chain.batches(ask()))
        clock.now = 60.0
        fake.default = Script(["a"] * 100, rate=100)
        batches = chain.batches(ask())
        await anext(batches)
        await batches.aclose()
        fake.default = Script(["Back."])
        assert split((await collect(chain.batches(ask())))[0])[1] == "Back."


async def test_a_server_that_is_gone_costs_no_waiting(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM() as fake, chain_to(fake, context, clock) as chain:
        await fake.stop()
        for _ in range(2):
            using, text = split((await collect(chain.batches(ask())))[0])
            assert (using.starter, text) == (True, "By rules.")
            assert using.reason.startswith("The model server cannot be reached.")
        await fake.start()
        await until(lambda: chain.status()["status"] == "ready")
        assert not split((await collect(chain.batches(ask())))[0])[0].starter


async def test_a_server_that_comes_back_has_a_clean_record(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(default=Script(status=500)) as fake, chain_to(fake, context, clock) as chain:
        for _ in range(2):
            await collect(chain.batches(ask()))
        assert chain.status()["engines"][0]["breaker"]["state"] == "open"
        chain_watch: list[str] = []
        chain.watch(lambda: chain_watch.append(chain.status()["status"]))
        primary = chain._primary.llm
        await fake.stop()
        primary._look_now.set()  # the next look would come in a minute
        await until(lambda: chain.status()["status"] == "down")
        fake.default = Script(["New."])
        await fake.start()
        await until(lambda: chain.status()["status"] == "ready")
        assert split((await collect(chain.batches(ask())))[0])[1] == "New."
        assert chain_watch[:2] == ["down", "ready"]


async def test_without_a_fallback_the_turn_fails_with_the_reason(context: LLMContext, clock: Clock, live) -> None:
    live.set(fallback=[])
    async with FakeLLM() as fake, chain_to(fake, context, clock) as chain:
        await fake.stop()
        _, error = await collect(chain.batches(ask()))
        assert error is not None
        assert error.kind == "unreachable"
        assert chain.status()["fallback"] == []


async def test_without_a_fallback_an_open_breaker_says_when_it_asks_again(
    context: LLMContext, clock: Clock, live
) -> None:
    live.set(fallback=[])
    async with FakeLLM(default=Script(status=500)) as fake, chain_to(fake, context, clock) as chain:
        for _ in range(2):
            await collect(chain.batches(ask()))
        clock.now = 20.0
        _, error = await collect(chain.batches(ask()))
        assert error is not None
        assert "40 s" in error.text
        assert len(fake.requests) == 5


async def test_a_model_that_is_starting_is_waited_for(context: LLMContext, clock: Clock) -> None:
    slow = Rules("starting")
    slow.name = "slow"
    chain = LLMChain(slow, [Rules()], context.settings, clock, NoJitter())
    await chain.start()
    turn = asyncio.create_task(collect(chain.batches(ask())))
    await asyncio.sleep(0.05)
    assert not turn.done()
    slow.turn("ready")
    assert split((await turn)[0])[0].reason == ""


async def test_but_not_for_ever(context: LLMContext, clock: Clock, live) -> None:
    live.set(first_token_timeout=0.05)
    chain = LLMChain(Rules("starting"), [Rules()], context.settings, clock, NoJitter())
    await chain.start()
    assert split((await collect(chain.batches(ask())))[0])[0].reason


async def test_no_more_requests_at_once_than_allowed(context: LLMContext, clock: Clock, live) -> None:
    live.set(concurrency=2)
    async with FakeLLM(default=Script(["a"] * 50, rate=100)) as fake, chain_to(fake, context, clock) as chain:
        turns = [chain.batches(ask()) for _ in range(2)]
        for turn in turns:
            await anext(turn)
        third = asyncio.create_task(collect(chain.batches(ask())))
        await asyncio.sleep(0.05)
        assert (len(fake.requests), chain.status()["running"]) == (2, 2)
        await turns[0].aclose()
        await fake.wait_request(2, 0.5)
        third.cancel()
        await turns[1].aclose()
        await asyncio.gather(third, return_exceptions=True)
        assert chain.status()["running"] == 0


async def test_a_place_that_never_gets_free_is_busy(context: LLMContext, clock: Clock, live) -> None:
    live.set(concurrency=1, first_token_timeout=0.1)
    async with FakeLLM(default=Script(["a"] * 500, rate=100)) as fake, chain_to(fake, context, clock) as chain:
        first = chain.batches(ask())
        await anext(first)
        _, error = await collect(chain.batches(ask()))
        assert error is not None
        assert error.kind == "busy"
        await first.aclose()


async def test_closing_the_chains_generator_hangs_up_at_once(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(default=Script(["a"] * 500, rate=100)) as fake, chain_to(fake, context, clock) as chain:
        batches = chain.batches(ask())
        await anext(batches)
        await batches.aclose()
        assert await (await fake.wait_request(0)).wait_closed(0.5)


async def test_the_status_is_json_and_tells_why(context: LLMContext, clock: Clock) -> None:
    async with FakeLLM(models=["m"]) as fake, chain_to(fake, context, clock) as chain:
        status = json.loads(json.dumps(chain.status()))
        assert (status["provider"], status["model"], status["status"]) == ("openai", "m", "ready")
        assert (status["starter"], status["chosen"], status["fallback"]) == (False, "A test wants it.", ["starter"])
        assert [engine["provider"] for engine in status["engines"]] == ["openai", "starter"]
        assert status["engines"][0]["breaker"] == {"state": "closed", "again_in_s": 0.0}


async def test_an_engine_that_does_not_close_keeps_none_of_the_others(
    context: LLMContext, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Rules):
        async def close(self) -> None:
            raise LLMError("server", "no")

    good = Rules()
    await LLMChain(Broken(), [good], context.settings, clock, NoJitter()).close()
    assert good.closed
    assert "did not close" in caplog.text
