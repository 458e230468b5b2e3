"""Stores on real files. The tables are made once and copied, because making them imports Alembic."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from backend.app.adapters.store import SqliteStore
from backend.app.ports import Scope


@pytest.fixture(scope="session")
def empty_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with tables and nothing in them."""
    path = tmp_path_factory.mktemp("template") / "history.db"

    async def make() -> None:
        store = SqliteStore(path, Scope())
        await store.open()
        await store.close()

    asyncio.run(make())
    return path


@pytest.fixture
def path(tmp_path: Path, empty_history: Path) -> Path:
    """A file of the test's own, with empty tables."""
    return Path(shutil.copy(empty_history, tmp_path / "history.db"))


@pytest.fixture
async def open_store(path: Path) -> AsyncIterator[Callable[..., Awaitable[SqliteStore]]]:
    """Opens stores on the test's file and closes them at its end."""
    opened: list[SqliteStore] = []

    async def open_(scope: Scope = Scope(), **options: object) -> SqliteStore:  # noqa: B008  immutable
        store = SqliteStore(path, scope, **options)  # type: ignore[arg-type]
        opened.append(store)
        await store.open()
        return store

    yield open_
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: Callable[..., Awaitable[SqliteStore]]) -> SqliteStore:
    """An open, empty store."""
    return await open_store()


@pytest.fixture
async def conversation(store: SqliteStore) -> int:
    """The id of a conversation in `store`."""
    return (await store.create_conversation()).id
