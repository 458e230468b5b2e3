"""Who is chosen at start, and what is said about it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from backend.app.adapters.llm import choose as choosing
from backend.app.adapters.llm.choose import choose, choose_primary
from backend.app.adapters.llm.detect import detect
from backend.app.adapters.llm.llamacpp import LlamaCpp
from backend.app.adapters.llm.managed import ManagedLlamaCpp
from backend.app.adapters.llm.openai import OpenAIServer
from backend.app.ports import LLM, LLMContext
from link.registry import Engine, Registry
from tests.support.engines import ask, collect, text_of, until
from tests.support.fake_llm import FakeLLM, Script


@pytest.fixture(scope="module")
def engines() -> Registry[LLM, LLMContext]:
    found: Registry[LLM, LLMContext] = Registry.discover(choosing.PACKAGE, choosing.GROUP)
    assert found.broken == {}
    assert set(found.engines) == {"llamacpp", "openai", "starter"}
    return found


def pick(context: LLMContext, engines: Any, running: str | None = None) -> choosing.Choice:
    return choose_primary(context, engines, lambda: running)


def put_model(context: LLMContext, *names: str) -> None:
    for name in names:
        (context.models_dir / name).write_bytes(b"GGUF")


def test_nothing_there_is_the_starters_hour(context: LLMContext, engines: Any) -> None:
    choice = pick(context, engines)
    assert choice.llm.name == "starter"
    assert "models pull" in choice.remedy


def test_the_settings_may_want_the_starter(context: LLMContext, engines: Any, live) -> None:
    live.set(provider="starter", url="http://127.0.0.1:1")
    assert pick(context, engines).llm.name == "starter"


def test_an_address_wins_over_everything_found(context: LLMContext, engines: Any, live) -> None:
    put_model(context, "a.gguf")
    live.set(url="http://127.0.0.1:1")
    choice = pick(context, engines, running="http://127.0.0.1:8080")
    assert type(choice.llm) is LlamaCpp
    assert choice.llm.name == "openai"
    live.set(provider="llamacpp")
    assert pick(context, engines).llm.name == "llamacpp"
    live.set(provider="openai")
    assert type(pick(context, engines).llm) is OpenAIServer


def test_the_openai_provider_without_an_address_says_what_to_do(context: LLMContext, engines: Any, live) -> None:
    live.set(provider="openai")
    choice = pick(context, engines)
    assert choice.llm.name == "starter"
    assert "llm.url" in choice.remedy


def test_a_plug_ins_engine_can_be_named(context: LLMContext, engines: Any, live) -> None:
    ours = engines.engines["starter"]
    more = Registry(engines.engines | {"mine": Engine("mine", "", ours.options, lambda _: [], ours.create)})
    live.set(plugin="mine", url="http://127.0.0.1:1")
    assert pick(context, more).why == "The settings want mine."
    live.set(plugin="yours")
    choice = pick(context, more)
    assert (choice.llm.name, choice.why) == ("starter", "The engine yours cannot be loaded.")
    assert "mine" in choice.remedy


def test_a_running_server_is_used_unless_a_model_was_chosen_or_it_is_forbidden(
    context: LLMContext, engines: Any, live
) -> None:
    put_model(context, "a.gguf")
    choice = pick(context, engines, running="http://127.0.0.1:8080")
    assert type(choice.llm) is LlamaCpp
    assert "already running" in choice.why
    live.set(detect=False)
    assert type(pick(context, engines, running="http://127.0.0.1:8080").llm) is ManagedLlamaCpp
    live.set(detect=True, model="a.gguf")
    assert type(pick(context, engines, running="http://127.0.0.1:8080").llm) is ManagedLlamaCpp


def test_a_model_without_a_program_says_how_to_get_one(
    context: LLMContext, engines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_model(context, "a.gguf")
    monkeypatch.setattr(choosing, "find_program", lambda: None)
    choice = pick(context, engines)
    assert choice.llm.name == "starter"
    assert "pip install -r backend/requirements-llm.txt" in choice.remedy


@pytest.mark.parametrize(("names", "model"), [(("a.gguf", "b.gguf"), ""), (("a.gguf",), "c.gguf")])
def test_several_models_or_a_missing_one_leave_it_to_the_starter(
    context: LLMContext, engines: Any, live, names: tuple[str, ...], model: str
) -> None:
    put_model(context, *names)
    live.set(model=model)
    choice = pick(context, engines)
    assert choice.llm.name == "starter"
    assert choice.remedy
    assert str(context.models_dir) not in choice.why + choice.remedy


async def test_llama_cpp_is_recognised_by_its_props_and_nothing_else_is() -> None:
    async with FakeLLM(llamacpp=True) as llama, FakeLLM(models=["x"]) as other, FakeLLM() as gone:
        await gone.stop()
        ports = (gone.port, other.port, llama.port)
        assert await asyncio.to_thread(detect, ports) == llama.url
        assert await asyncio.to_thread(detect, ports[:2]) is None


async def test_an_unreachable_server_does_not_hold_up_the_start_and_heals(context: LLMContext, live) -> None:
    async with FakeLLM(default=Script(["Hello"])) as fake:
        await fake.stop()
        live.set(url=fake.url)
        chain = choose(context)
        await chain.start()
        await until(lambda: chain.status()["status"] == "down")
        assert chain.status()["remedy"]
        await fake.start()
        await until(lambda: chain.status()["status"] == "ready")
        assert text_of((await collect(chain.batches(ask())))[0]) == "Hello"
        await chain.close()


async def test_from_a_model_file_to_an_answer(context: LLMContext, live, tiny_model: Path) -> None:
    shutil.copy(tiny_model, context.models_dir)
    live.set(detect=False, max_tokens=5)
    chain = choose(context)
    await chain.start()
    chunks, error = await collect(chain.batches(ask()))
    assert error is None
    assert len(chunks) > 1
    assert chain.status()["provider"] == "llamacpp"
    assert "tiny.gguf" in chain.status()["chosen"]
    assert await chain.count_tokens("Hello") == 1
    await chain.close()
