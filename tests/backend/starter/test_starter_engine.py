"""The engine behind the LLM port: what it streams, remembers and says of itself."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from backend.app.adapters.llm.starter import ENGINE, LABEL, LONGEST, StarterEngine, pieces
from backend.app.ports import ChatMessage, ChatRequest, Finished, LLMContext, LLMError, StoreError, TextDelta
from backend.app.pure.starter import Language, Script
from link.registry import Registry
from link.settings.schema import LLMSettings

Dialogue = Callable[[], Awaitable[Sequence[ChatMessage]]]


async def nothing() -> Sequence[ChatMessage]:
    return ()


def context(tmp_path: Path, dialogue: Dialogue = nothing, settings: LLMSettings | None = None) -> LLMContext:
    return LLMContext(
        settings=lambda: settings or LLMSettings(),
        models_dir=tmp_path,
        data_dir=tmp_path,
        persona_name=lambda: "Mika",
        dialogue=dialogue,
        now=lambda: datetime(2026, 3, 4, 21, 15),
    )


async def ask(engine: StarterEngine, *texts: str, conversation: int = 1) -> str:
    """Her answer to the last of `texts`, which are the user's and hers in turn, behind a system prompt."""
    roles = ("user", "assistant")
    messages = [
        ChatMessage("system", "You are somebody."),
        *(ChatMessage(roles[i % 2], t) for i, t in enumerate(texts)),
    ]  # type: ignore[arg-type]
    chunks = [
        c async for batch in engine.batches(ChatRequest(tuple(messages), conversation=conversation)) for c in batch
    ]
    assert chunks[-1] == Finished("stop")
    assert all(isinstance(chunk, TextDelta) and chunk.text for chunk in chunks[:-1])
    assert len(chunks) > 4
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta))


@pytest.fixture
def engine(tmp_path: Path, scripts: dict[Language, Script]) -> StarterEngine:
    return StarterEngine(context(tmp_path), chooser=random.Random(1), scripts=scripts)


def test_the_registry_finds_it() -> None:
    registry: Registry[object, object] = Registry.discover("backend.app.adapters.llm", "alisa.no_such_group")
    assert registry.engines["starter"] is ENGINE


async def test_it_streams_words_behind_an_emotion_mark(engine: StarterEngine) -> None:
    began = time.perf_counter()
    text = await ask(engine, "who are you?")
    assert re.fullmatch(r"<emotion=(happy|teasing)>.*Mika.*", text)
    assert time.perf_counter() - began < LONGEST + 2


async def test_the_first_piece_comes_at_once_and_a_closed_stream_ends(engine: StarterEngine) -> None:
    stream = engine.batches(ChatRequest((ChatMessage("user", "tell me a story"),)))
    first = await anext(stream)
    assert isinstance(first[0], TextDelta)
    assert first[0].text.startswith("<emotion=")
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_pieces_join_to_the_text() -> None:
    for text in ("<emotion=happy>Hi there,  you.", " a b ", "", "one"):
        assert "".join(pieces(text)) == text


def test_it_labels_itself(engine: StarterEngine) -> None:
    state = engine.state()
    assert (state.provider, state.status, state.starter, state.model) == ("starter", "ready", True, LABEL)
    assert "models pull" in state.remedy


async def test_it_counts_no_tokens(engine: StarterEngine) -> None:
    assert await engine.count_tokens("hello") is None
    assert await engine.models() == (LABEL,)


async def test_it_uses_the_stored_dialogue(tmp_path: Path, scripts: dict[Language, Script]) -> None:
    async def dialogue() -> Sequence[ChatMessage]:
        return (ChatMessage("user", "my name is Jonas"), ChatMessage("assistant", "Jonas, then."))

    engine = StarterEngine(context(tmp_path, dialogue), chooser=random.Random(1), scripts=scripts)
    assert "Jonas" in await ask(engine, "what is my name?")


async def test_it_repeats_nothing_over_conversations_and_hints_once_in_each(engine: StarterEngine) -> None:
    said = [await ask(engine, "hi", "Hello.", "how are you?", conversation=number) for number in (1, 1, 2, 2, 1, 2)]
    assert len(set(said)) == len(said)
    assert ["models pull" in text for text in said] == [True, False, True, False, False, False]


async def test_a_history_that_cannot_be_read_is_an_error_and_no_loss_of_memory(
    tmp_path: Path, scripts: dict[Language, Script]
) -> None:
    async def broken() -> Sequence[ChatMessage]:
        raise StoreError("The disk is full; free some space.")

    engine = StarterEngine(context(tmp_path, broken), scripts=scripts)
    with pytest.raises(LLMError, match="disk is full"):
        await ask(engine, "what is my name?")


@pytest.mark.parametrize(
    ("settings", "file", "words"),
    [
        (LLMSettings(), None, "models pull"),
        (LLMSettings(provider="starter"), None, "llm.provider"),
        (LLMSettings(url="http://127.0.0.1:9"), None, "doctor"),
        (LLMSettings(), "some.gguf", "doctor"),
    ],
)
async def test_the_hint_fits_the_settings(
    settings: LLMSettings, file: str | None, words: str, tmp_path: Path, scripts: dict[Language, Script]
) -> None:
    if file:
        (tmp_path / file).touch()
    engine = StarterEngine(context(tmp_path, settings=settings), chooser=random.Random(1), scripts=scripts)
    assert words in await ask(engine, "how do i get a language model?")
