"""The OpenAI-compatible engine against a real socket: every way a stream can go."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from pathlib import Path

import pytest
import trustme

from backend.app.adapters.llm.openai import ENGINE, OpenAIServer, Pace
from backend.app.ports import Finished, LLMContext, LLMError, ReasoningDelta, TextDelta
from backend.app.pure.endpoint import parse
from tests.support.engines import ask, collect, text_of, until
from tests.support.fake_llm import FakeLLM, Script

FAST = Pace(ready=0.05, remote=0.05, not_ready=0.02, models=0.1)


def engine(context: LLMContext, fake: FakeLLM, pace: Pace = FAST, key: str = "") -> OpenAIServer:
    return OpenAIServer(context, parse(fake.url, key), pace)


@contextlib.asynccontextmanager
async def running(llm: OpenAIServer):
    await llm.start()
    try:
        yield llm
    finally:
        await llm.close()


async def test_an_answer_streams_with_its_usage(context: LLMContext) -> None:
    async with FakeLLM(Script(["Hel", "lo", " du"], usage=True)) as fake:
        chunks, error = await collect(engine(context, fake).batches(ask()))
    assert chunks == [TextDelta("Hel"), TextDelta("lo"), TextDelta(" du"), Finished("stop", 7, 3)]
    assert error is None


async def test_each_token_is_handed_over_as_it_comes(context: LLMContext) -> None:
    async with FakeLLM(Script(["a", "b", "c"], rate=20)) as fake:
        batches = [batch async for batch in engine(context, fake).batches(ask())]
    assert [TextDelta("a")] in batches
    assert [TextDelta("b")] in batches


async def test_many_tokens_in_one_read_are_one_batch(context: LLMContext) -> None:
    async with FakeLLM(Script([str(n) for n in range(5000)], burst=1000)) as fake:
        batches = [batch async for batch in engine(context, fake).batches(ask())]
    assert sum(len(batch) for batch in batches) == 5001
    assert len(batches) < 500


async def test_over_tls_only_with_a_certificate_that_is_trusted(
    context: LLMContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, unknown = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # read once in a process, at the first use
    for authority, name, text in (
        (trusted, "127.0.0.1", "Safe." * 500),
        (trusted, "other.example", ""),
        (unknown, "127.0.0.1", ""),
    ):
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(tls)
        async with FakeLLM(Script(["Safe", "."] * 500), tls=tls) as fake:
            chunks, error = await collect(engine(context, fake).batches(ask()))
        assert text_of(chunks) == text
        assert error is None if text else error and "certificate" in error.text


@pytest.mark.parametrize("step", [1, 2, 3, 7])
async def test_bytes_split_anywhere(context: LLMContext, step: int) -> None:
    script = Script(["Grüße", " 😀", "!"], bytes_per_write=step, crlf=True, comments=True)
    async with FakeLLM(script) as fake:
        chunks, error = await collect(engine(context, fake).batches(ask()))
    assert (text_of(chunks), error) == ("Grüße 😀!", None)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
async def test_reasoning_is_kept_apart(context: LLMContext, key: str) -> None:
    script = Script(["<think>b</think>", "Hello"], reasoning=["a"], reasoning_key=key)
    async with FakeLLM(script) as fake:
        chunks, _ = await collect(engine(context, fake).batches(ask()))
    assert chunks == [ReasoningDelta("a"), ReasoningDelta("b"), TextDelta("Hello"), Finished("stop")]


@pytest.mark.parametrize(
    ("script", "kind", "retry"),
    [
        (Script(status=500), "server", True),
        (Script(status=503, body={"error": {"message": "Loading model"}}), "starting", True),
        (Script(status=429), "busy", True),
        (Script(status=401), "rejected", False),
        (Script(status=404), "rejected", False),
        (Script(status=302), "rejected", False),
        (Script.overflow(5000, 4096), "overflow", False),
    ],
)
async def test_refusals(context: LLMContext, script: Script, kind: str, retry: bool) -> None:
    async with FakeLLM(script) as fake:
        chunks, error = await collect(engine(context, fake).batches(ask()))
    assert chunks == []
    assert error is not None
    assert (error.kind, error.retry) == (kind, retry)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(cut_after=2), "cut"),
        (Script(error_after=2), "server"),
        (Script(["a", "b"], finish=None), "cut"),
        (Script(["a", "b"], finish=None, done=False), "cut"),
        (Script(stall_after=2), "stalled"),
    ],
)
async def test_faults_in_the_middle_come_after_what_was_said(
    context: LLMContext, live, script: Script, kind: str
) -> None:
    live.set(stall_timeout=0.1)
    async with FakeLLM(script) as fake:
        chunks, error = await collect(engine(context, fake).batches(ask()))
    assert len(chunks) == 2
    assert error is not None
    assert error.kind == kind


async def test_a_missing_done_and_an_open_connection_do_not_fail_a_finished_answer(context: LLMContext) -> None:
    async with FakeLLM(Script(["a"], done=False, cut_after=None)) as fake:
        chunks, error = await collect(engine(context, fake).batches(ask()))
    assert (chunks, error) == ([TextDelta("a"), Finished("stop")], None)


@pytest.mark.parametrize("script", [Script(stall_after=0), Script(head=30), Script(stall_after=0, comments=True)])
async def test_no_first_token(context: LLMContext, live, script: Script) -> None:
    live.set(first_token_timeout=0.1)
    async with FakeLLM(script) as fake:
        began = time.monotonic()
        _, error = await collect(engine(context, fake).batches(ask()))
    assert error is not None
    assert (error.kind, error.retry) == ("stalled", False)
    assert time.monotonic() - began < 2


async def test_a_slow_reader_is_no_stall(context: LLMContext, live) -> None:
    live.set(stall_timeout=0.2)
    async with FakeLLM(Script(["a", "b", "c"], rate=20)) as fake:
        said = ""
        async for batch in engine(context, fake).batches(ask()):
            said += text_of(batch)
            await asyncio.sleep(0.3)
    assert said == "abc"


async def test_nobody_answers(context: LLMContext) -> None:
    async with FakeLLM() as fake:
        pass
    _, error = await collect(engine(context, fake).batches(ask()))
    assert error is not None
    assert (error.kind, error.retry) == ("unreachable", True)


async def test_closing_the_generator_hangs_up_at_once(context: LLMContext) -> None:
    async with FakeLLM(Script(["a"] * 1000, rate=100)) as fake:
        batches = engine(context, fake).batches(ask())
        await anext(batches)
        await batches.aclose()
        assert await (await fake.wait_request(0)).wait_closed(0.5)


@pytest.mark.parametrize("script", [Script(stall_after=0), Script(head=30), Script(["a"] * 1000, rate=100)])
async def test_cancelling_the_reader_hangs_up_at_once(context: LLMContext, script: Script) -> None:
    async with FakeLLM(script) as fake:
        task = asyncio.create_task(collect(engine(context, fake).batches(ask())))
        seen = await fake.wait_request(0)
        task.cancel()
        assert await seen.wait_closed(0.5)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_forty_requests_in_a_row_to_a_server_that_closes_its_socket(context: LLMContext) -> None:
    async with FakeLLM() as fake:
        llm = engine(context, fake)
        for _ in range(40):
            _, error = await collect(llm.batches(ask()))
            assert error is None


async def test_what_is_sent(context: LLMContext, live) -> None:
    live.set(temperature=0.3, seed=5, max_tokens=9, extra_body={"max_tokens": 3, "grammar": "g", "stream": False})
    async with FakeLLM(models=["nomic-embed-text", "qwen3:4b"]) as fake:
        await collect(engine(context, fake, key="k1").batches(ask("Hi")))
        seen = fake.requests[0]
    assert seen.body == {
        "model": "qwen3:4b",
        "messages": [{"role": "system", "content": "You are Alisa."}, {"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.3,
        "top_p": 0.95,
        "max_tokens": 3,
        "seed": 5,
        "grammar": "g",
    }
    assert seen.headers["authorization"] == "Bearer k1"
    assert "x-conversation-id" not in seen.headers


async def test_settings_count_from_the_next_request_on(context: LLMContext, live) -> None:
    async with FakeLLM() as fake:
        llm = engine(context, fake)
        await collect(llm.batches(ask()))
        live.set(temperature=1.5, model="other")
        await collect(llm.batches(ask()))
        assert [(seen.body["temperature"], seen.body["model"]) for seen in fake.requests] == [
            (0.0, "default"),
            (1.5, "other"),
        ]


async def test_a_server_with_nothing_but_chat_is_ready(context: LLMContext) -> None:
    async with FakeLLM() as fake, running(engine(context, fake)) as llm:
        await until(lambda: llm.state().status == "ready")
        assert await llm.models() == ()
        assert await llm.count_tokens("text") is None
        _, error = await collect(llm.batches(ask()))
        assert error is None


async def test_models_are_listed_once_and_again_after_their_time(context: LLMContext) -> None:
    async with FakeLLM(models=["a", "b"]) as fake:
        llm = engine(context, fake, Pace(models=0.2))
        assert list(await llm.models()) == list(await llm.models()) == ["a", "b"]
        assert len(fake.others) == 1
        await asyncio.sleep(0.25)
        fake.models = ["c"]
        assert list(await llm.models()) == ["c"]


async def test_nothing_is_asked_before_a_request_once_the_server_is_known(context: LLMContext) -> None:
    async with FakeLLM(models=["a"]) as fake, running(engine(context, fake, Pace())) as llm:
        await until(lambda: llm.state().status == "ready")
        before = len(fake.others)
        await collect(llm.batches(ask()))
        assert len(fake.others) == before


async def test_the_state_tells_of_the_model(context: LLMContext, live) -> None:
    async with FakeLLM(models=["a", "b"]) as fake, running(engine(context, fake)) as llm:
        await until(lambda: llm.state().status == "ready")
        assert (llm.state().model, llm.state().remedy) == ("a", "Choose one with llm.model.")
        live.set(model="c")
        await until(lambda: llm.state().model == "c")
        assert "not list" in llm.state().detail
        live.set(model="b")
        await until(lambda: llm.state().model == "b" and not llm.state().detail)


async def test_it_goes_down_says_so_and_heals_by_itself(context: LLMContext) -> None:
    changes: list[str] = []
    async with FakeLLM() as fake, running(engine(context, fake)) as llm:
        llm.watch(lambda: changes.append(llm.state().status))
        await until(lambda: llm.state().status == "ready")
        await fake.stop()
        await until(lambda: llm.state().status == "down")
        assert llm.state().remedy
        await fake.start()
        await until(lambda: llm.state().status == "ready")
    assert changes == ["ready", "down", "ready"]


async def test_a_failed_request_is_noticed_before_the_next_look(context: LLMContext) -> None:
    async with FakeLLM() as fake, running(engine(context, fake, Pace(ready=60))) as llm:
        await until(lambda: llm.state().status == "ready")
        await fake.stop()
        await collect(llm.batches(ask()))
        assert llm.state().status == "down"


async def test_a_wrong_key_is_said(context: LLMContext) -> None:
    async with FakeLLM(models=["a"], api_key="right") as fake, running(engine(context, fake, key="wrong")) as llm:
        await until(lambda: llm.state().status == "down")
        assert "llm.api_key" in llm.state().detail
        assert "wrong" not in repr(llm.state())


async def test_an_address_that_is_none_is_down_with_a_sentence(context: LLMContext, live) -> None:
    live.set(url="http://a b")
    llm = ENGINE.create(context)
    await llm.start()
    assert llm.state().status == "down"
    with pytest.raises(LLMError, match=r"llm\.url"):
        await anext(llm.batches(ask()))
    await llm.close()


async def test_the_engine_asks_for_an_address(context: LLMContext, live) -> None:
    assert "llm.url" in ENGINE.validate_environment(context)[0].remedy
    live.set(url="127.0.0.1:11434")
    assert ENGINE.validate_environment(context) == []


async def test_localhost_finds_a_server_on_127_0_0_1(context: LLMContext) -> None:
    async with FakeLLM() as fake:
        llm = OpenAIServer(context, parse(f"localhost:{fake.port}/v1"), FAST)
        assert (await collect(llm.batches(ask())))[1] is None
