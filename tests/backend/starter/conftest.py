"""A starter with a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from backend.app.adapters.llm.starter import load_scripts
from backend.app.pure.starter import Language, Script, Starter
from tests.support.talk import Talk


@pytest.fixture(scope="session")
def scripts() -> dict[Language, Script]:
    return load_scripts()


@pytest.fixture
def talk(scripts: dict[Language, Script]) -> Callable[..., Talk]:
    """Begins a conversation: talk(seed=1, mode="calm", ...)."""

    def begin(seed: int = 1, **options: object) -> Talk:
        return Talk(Starter(scripts, random.Random(seed)), **options)  # type: ignore[arg-type]

    return begin
