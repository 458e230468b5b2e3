"""A managed llama.cpp server: the real one (xllamacpp, a model of random weights), and a program on the PATH."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from backend.app.adapters.llm.http import fetch
from backend.app.adapters.llm.managed import ManagedLlamaCpp, missing
from backend.app.ports import Finished, LLMContext
from backend.llama_child import ServerSpec, arguments
from tests.support.engines import ask, collect, text_of, until
from tests.support.fake_llama_server import install
from tests.support.tiny_gguf import exactly

pytestmark = pytest.mark.timeout(60)


class NoJitter(random.Random):
    """Backoff without waiting."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


@contextlib.asynccontextmanager
async def managed(context: LLMContext, program: str | Path = "") -> AsyncIterator[ManagedLlamaCpp]:
    llm = ManagedLlamaCpp(context, str(program), NoJitter())
    await llm.start()
    try:
        yield llm
    finally:
        await llm.close()
        assert servers() == []


def servers() -> list[psutil.Process]:
    """The processes of managed servers that this test has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


async def ready(llm: ManagedLlamaCpp) -> None:
    await until(lambda: llm.state().status == "ready", 30)


@pytest.fixture
def model(context: LLMContext, tiny_model: Path) -> Path:
    return Path(shutil.copy(tiny_model, context.models_dir))


# ------------------------------------------------------------------------------------------------- the real server


async def test_the_real_server_answers_word_for_word_and_counts(context: LLMContext, model: Path, live) -> None:
    live.set(extra_body=exactly("Hello there, friend. Schön!"))
    async with managed(context) as llm:
        await ready(llm)
        assert (llm.state().model, llm.state().n_ctx) == ("tiny.gguf", 4096)
        for conversation in (1, 2):
            chunks, error = await collect(llm.batches(ask(conversation=conversation)))
            assert error is None
            assert text_of(chunks) == "Hello there, friend. Schön!"
            assert isinstance(chunks[-1], Finished)
            assert chunks[-1].prompt_tokens
        assert await llm.count_tokens("Hello") == 1
        assert await llm.count_tokens("äß") == 4


async def test_the_real_server_stops_within_half_a_second_of_hanging_up(context: LLMContext, model: Path, live) -> None:
    live.set(extra_body={"ignore_eos": True}, max_tokens=3500)
    async with managed(context) as llm:
        await ready(llm)
        batches = llm.batches(ask())
        await anext(batches)
        assert await busy_slots(llm) == 1
        await batches.aclose()
        closed = time.monotonic()
        while await busy_slots(llm):
            assert time.monotonic() - closed < 0.5
            await asyncio.sleep(0.01)


async def busy_slots(llm: ManagedLlamaCpp) -> int:
    assert llm._endpoint is not None
    status, slots = await fetch(llm._endpoint, "GET", "/slots", timeout=5)
    assert status == 200
    return sum(slot["is_processing"] for slot in slots)


async def test_the_real_server_refuses_a_prompt_that_is_too_long(context: LLMContext, model: Path, live) -> None:
    live.set(context=512)
    async with managed(context) as llm:
        await ready(llm)
        _, error = await collect(llm.batches(ask("word " * 1000)))
        assert error is not None
        assert (error.kind, error.n_ctx) == ("overflow", 512)
        assert error.n_prompt_tokens is not None
        assert error.n_prompt_tokens > 512


async def test_a_server_killed_in_mid_reply_is_back_for_the_next(context: LLMContext, model: Path, live) -> None:
    live.set(extra_body={"ignore_eos": True}, max_tokens=3500)
    async with managed(context) as llm:
        await ready(llm)
        batches = llm.batches(ask())
        await anext(batches)
        first = servers()[0]
        first.kill()
        _, error = await collect(batches)
        assert error is not None
        assert error.kind == "cut"
        await until(lambda: llm.state().status != "ready")
        assert llm.state().status == "starting"
        await ready(llm)
        assert servers()[0].pid != first.pid
        live.set(extra_body=exactly("Hello."))
        assert text_of((await collect(llm.batches(ask())))[0]) == "Hello."


async def test_only_this_machine_and_only_the_key_let_in(context: LLMContext, model: Path) -> None:
    async with managed(context) as llm:
        await ready(llm)
        endpoint = llm._endpoint
        assert endpoint is not None
        process = servers()[0]
        listening = [c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
        assert listening == ["127.0.0.1"]
        assert endpoint.key not in " ".join(process.cmdline())
        assert endpoint.key not in " ".join(process.environ().values())
        stranger = type(endpoint)(endpoint.host, endpoint.port)
        assert (await fetch(stranger, "GET", "/props", timeout=5))[0] == 401


async def test_a_damaged_model_is_given_up_after_three_tries_with_the_reason(
    context: LLMContext, tiny_model: Path
) -> None:
    (context.models_dir / "half.gguf").write_bytes(tiny_model.read_bytes()[:100_000])
    starts: list[str] = []
    async with managed(context) as llm:
        llm.watch(lambda: starts.append(llm.state().detail))
        await until(lambda: llm.state().status == "down", 30)
        assert "damaged" in llm.state().detail
        assert "models pull" in llm.state().remedy
        assert starts.count("The model is being loaded.") == 3


async def test_what_no_try_would_help_is_said_at_once_and_mended_by_the_user(
    context: LLMContext, tiny_model: Path, live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.app.adapters.llm.managed._MEND_EVERY", 0.02)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (context.models_dir / "a.gguf").write_text("<html>")
        live.set(managed_port=taken.getsockname()[1])
        async with managed(context) as llm:
            await until(lambda: llm.state().status == "down")
            assert "not a GGUF" in llm.state().detail
            shutil.copy(tiny_model, context.models_dir / "a.gguf")
            await until(lambda: "port" in llm.state().detail)
            assert "llm.managed_port" in llm.state().remedy
            taken.close()
            await ready(llm)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_an_event_loop_that_ends_in_the_middle_of_a_start_ends(context: LLMContext, model: Path, steps: int) -> None:
    async def fail() -> None:
        await ManagedLlamaCpp(context, "").start()
        for _ in range(steps):
            await asyncio.sleep(0)
        raise RuntimeError("something else went wrong")

    with pytest.raises(RuntimeError, match="something else"):
        asyncio.run(fail())
    assert servers() == []


# ------------------------------------------------------------------------------------------- a program on the PATH


async def test_a_program_gets_its_options_and_its_key(context: LLMContext, model: Path, tmp_path: Path, live) -> None:
    live.set(context=2048, gpu_layers=7, prompt_cache_mb=99)
    async with managed(context, install(tmp_path)) as llm:
        await ready(llm)
        assert llm.state().n_ctx == 2048
        assert (await collect(llm.batches(ask())))[1] is None
        given = (tmp_path / "started").read_text().splitlines()[1:]
        assert llm._endpoint is not None
        assert llm._endpoint.key not in given
    pairs = dict(itertools.pairwise(given))
    assert pairs["--host"] == "127.0.0.1"
    assert (pairs["--n-gpu-layers"], pairs["--cache-ram"], pairs["--cors-origins"]) == ("7", "99", "localhost")


async def test_an_old_program_gets_no_option_that_it_does_not_know(
    context: LLMContext, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "old").touch()
    async with managed(context, install(tmp_path)) as llm:
        await ready(llm)


async def test_a_program_that_ignores_sigterm_ends_within_two_seconds(
    context: LLMContext, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "stubborn").touch()
    async with managed(context, install(tmp_path)) as llm:
        await ready(llm)
        began = time.monotonic()
    assert time.monotonic() - began < 2.5


async def test_the_wrapper_killed_takes_the_program_with_it(context: LLMContext, model: Path, tmp_path: Path) -> None:
    async with managed(context, install(tmp_path)) as llm:
        await ready(llm)
        program = psutil.Process(int((tmp_path / "started").read_text().splitlines()[0]))
        wrapper = program.parent()
        assert wrapper is not None
        wrapper.kill()
        await until(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE)
        await until(lambda: llm.state().status != "ready")
        await ready(llm)


async def test_the_reason_of_a_program_is_understood(context: LLMContext, model: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("cudaMalloc failed: out of memory")
    async with managed(context, install(tmp_path)) as llm:
        await until(lambda: llm.state().status == "down", 30)
        assert "memory" in llm.state().detail


def test_automatic_gpu_layers_are_left_to_a_program_that_has_them() -> None:
    spec = ServerSpec(model="m", port=1, key="k", program="p")
    assert "--n-gpu-layers" not in arguments(spec, "-ngl, --n-gpu-layers N   layers in VRAM, 'auto' or 'all'")
    assert arguments(spec, "-ngl, --n-gpu-layers N   number of layers")[-2:] == ["--n-gpu-layers", "99"]
    assert "k" not in arguments(spec, "")


def test_slots_are_given_up_rather_than_context() -> None:
    spec = ServerSpec(model="m", port=1, key="k", program="p", parallel=4)
    for help_text, slots in (("-kvu, --kv-unified   one buffer", "4"), ("", "1")):
        command = arguments(spec, help_text)
        assert command[command.index("--parallel") + 1] == slots


def test_what_is_missing_is_said_before_the_start(context: LLMContext, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "models pull" in missing(context)[0].remedy
    monkeypatch.setattr("backend.app.adapters.llm.managed.find_program", lambda: None)
    assert "requirements-llm.txt" in missing(context)[1].remedy
