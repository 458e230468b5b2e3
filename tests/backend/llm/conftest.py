"""Engines in tests: live settings that a test may change, and a context around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backend.app.ports import ChatMessage, LLMContext
from link.settings.schema import LLMSettings
from tests.support.tiny_gguf import write_tiny_gguf


class Live:
    """Settings that can be changed while an engine runs, as the user's file can."""

    def __init__(self, **values: Any) -> None:
        self.current = LLMSettings(**values)

    def set(self, **values: Any) -> None:
        self.current = LLMSettings(**{**self.current.model_dump(), **values})


@pytest.fixture
def live() -> Live:
    return Live(threads=1, temperature=0.0)


@pytest.fixture
def context(live: Live, tmp_path: Path) -> LLMContext:
    async def dialogue() -> Sequence[ChatMessage]:
        return ()

    models = tmp_path / "models"
    models.mkdir()
    return LLMContext(lambda: live.current, models, tmp_path, lambda: "Alisa", dialogue, datetime.now)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real GGUF file of random weights."""
    return write_tiny_gguf(tmp_path_factory.mktemp("weights") / "tiny.gguf")
