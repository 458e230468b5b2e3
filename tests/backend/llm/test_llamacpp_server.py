"""What the llama.cpp engine adds, against a fake that offers llama.cpp's endpoints, or does not."""

from __future__ import annotations

from backend.app.adapters.llm.llamacpp import LlamaCpp, read_props
from backend.app.adapters.llm.openai import Pace
from backend.app.ports import LLMContext
from backend.app.pure.endpoint import parse
from tests.support.engines import ask, collect, until
from tests.support.fake_llm import FakeLLM, Script

FAST = Pace(ready=0.05, remote=0.05, not_ready=0.02)
PARTICULAR = {"cache_prompt", "id_slot", "top_k", "min_p", "repeat_penalty"}


def engine(context: LLMContext, fake: FakeLLM, *, certain: bool = True) -> LlamaCpp:
    return LlamaCpp(context, parse(fake.url), FAST, certain=certain)


async def test_context_and_model_come_from_props(context: LLMContext) -> None:
    async with FakeLLM(llamacpp=True, n_ctx=2048) as fake:
        llm = engine(context, fake)
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        assert (llm.state().provider, llm.state().model, llm.state().n_ctx) == ("llamacpp", "tiny.gguf", 2048)
        await llm.close()


async def test_one_slot_a_conversation_where_there_are_slots(context: LLMContext) -> None:
    async with FakeLLM(llamacpp=True, slots=2) as fake:
        llm = engine(context, fake)
        await collect(llm.batches(ask(conversation=3)))
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        for conversation in (0, 3, 4):
            await collect(llm.batches(ask(conversation=conversation)))
        assert [seen.body.get("id_slot") for seen in fake.requests] == [None, None, 1, 0]
        assert all(seen.body["cache_prompt"] is True and seen.body["top_k"] == 40 for seen in fake.requests)
        await llm.close()


async def test_a_server_of_another_kind_gets_nothing_particular(context: LLMContext) -> None:
    async with FakeLLM(models=["a"]) as fake:
        llm = engine(context, fake, certain=False)
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        await collect(llm.batches(ask()))
        assert not PARTICULAR & set(fake.requests[0].body)
        assert (llm.name, llm.state().provider, llm.state().model) == ("openai", "openai", "a")
        await llm.close()


async def test_llama_cpp_behind_a_plain_address_is_recognised(context: LLMContext) -> None:
    async with FakeLLM(llamacpp=True) as fake:
        llm = engine(context, fake, certain=False)
        assert llm.name == "openai"
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        await collect(llm.batches(ask()))
        assert set(fake.requests[0].body) >= PARTICULAR
        assert llm.name == "llamacpp"
        await llm.close()


async def test_a_server_that_loads_its_model_is_starting(context: LLMContext) -> None:
    async with FakeLLM(llamacpp=True) as fake:
        llm = engine(context, fake)
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        fake.health = 503
        await until(lambda: llm.state().status == "starting")
        fake.health = 200
        await until(lambda: llm.state().status == "ready")
        await llm.close()


async def test_another_model_after_a_restart_is_noticed(context: LLMContext) -> None:
    async with FakeLLM(llamacpp=True) as fake:
        llm = engine(context, fake)
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        await fake.stop()
        await until(lambda: llm.state().status == "down")
        fake.n_ctx = 512
        await fake.start()
        await until(lambda: llm.state().n_ctx == 512)
        await llm.close()


async def test_tokens_are_counted_by_the_server_and_remembered(context: LLMContext) -> None:
    async with FakeLLM(llamacpp=True) as fake:
        llm = engine(context, fake)
        assert await llm.count_tokens("one two") is None
        await llm.start()
        await until(lambda: llm.state().status == "ready")
        assert [await llm.count_tokens(text) for text in ("one two", "one two", "")] == [2, 2, 0]
        assert [seen.path for seen in fake.others].count("/tokenize") == 2
        await fake.stop()
        assert await llm.count_tokens("something new") is None
        await llm.close()


async def test_extra_body_reaches_the_server(context: LLMContext, live) -> None:
    live.set(extra_body={"grammar": 'root ::= "x"', "top_k": 1})
    async with FakeLLM(Script(["x"]), llamacpp=True) as fake:
        await collect(engine(context, fake).batches(ask()))
        assert (fake.requests[0].body["grammar"], fake.requests[0].body["top_k"]) == ('root ::= "x"', 1)


def test_props_of_anybody_else_are_none() -> None:
    for document in (None, [], {}, {"total_slots": 2}, {"default_generation_settings": 3}, "x"):
        assert read_props(document) is None
    props = read_props({"default_generation_settings": {}, "model_path": "C:\\models\\qwen.gguf"})
    assert props is not None
    assert (props.model, props.n_ctx, props.slots) == ("qwen.gguf", None, 0)
