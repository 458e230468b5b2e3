"""Helpers for tests that talk to engines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from backend.app.ports import ChatMessage, ChatRequest, Chunk, LLMError, TextDelta


def ask(text: str = "Hi", conversation: int = 1) -> ChatRequest:
    return ChatRequest((ChatMessage("system", "You are Alisa."), ChatMessage("user", text)), conversation)


async def collect(batches: AsyncIterator[list[Chunk]]) -> tuple[list[Chunk], LLMError | None]:
    """All chunks and the fault they ended with, if any."""
    chunks: list[Chunk] = []
    try:
        async for batch in batches:
            assert batch, "a batch is never empty"
            chunks += batch
    except LLMError as error:
        return chunks, error
    return chunks, None


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta))


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait until `condition` holds; fails the test after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.005)
