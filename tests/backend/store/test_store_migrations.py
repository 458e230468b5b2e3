"""Migrations: models and tables agree, old databases keep their data, and a broken step changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from backend.app.adapters.store import SqliteStore, migrate, sqlite
from backend.app.adapters.store.models import Base
from backend.app.ports import Scope, StoreError
from tests.support.messages import said

ROOT = Path(__file__).parents[3]
REVISION_1 = Path(__file__).parent / "made_by_revision_0001.sql"


def _schema(path: Path) -> dict[str, str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def test_head_is_the_newest_revision():
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert scripts.get_heads() == [migrate.HEAD]


def test_models_and_migrations_agree(empty_history):
    engine = sqlite.writing_engine(empty_history, 1)

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and (name or "").startswith(sqlite.SEARCH_TABLE))

    with engine.connect() as connection:
        options = {"include_name": ours, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    engine.dispose()


def test_tables_are_strict_and_keep_their_checks(empty_history):
    schema = _schema(empty_history)
    for table in Base.metadata.tables.values():
        assert "STRICT" in schema[table.name]
    with contextlib.closing(sqlite3.connect(empty_history)) as connection:
        columns = "conversation_id, companion, user, platform, source, turn, role, text, interrupted, created"
        connection.execute("INSERT INTO conversations VALUES (1, '', '', '', '', 0)")
        for role, text, interrupted in (("nobody", "x", 0), ("user", b"x", 0), ("user", "x", 2), ("user", None, 0)):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(
                    f"INSERT INTO messages ({columns}) VALUES (1, '', '', '', '', '', ?, ?, ?, 0)",
                    (role, text, interrupted),
                )


def test_the_first_revision_still_makes_what_it_made(tmp_path):
    """A revision that has been in use must never change: databases made by it would differ from new ones."""
    path, then = tmp_path / "now.db", tmp_path / "then.db"
    engine = sqlite.writing_engine(path, 1)
    with engine.connect() as connection:
        migrate.upgrade(connection, None, "0001")
    engine.dispose()
    with contextlib.closing(sqlite3.connect(then)) as connection:
        connection.executescript(REVISION_1.read_text("utf-8"))

    def words(schema: dict[str, str]) -> dict[str, str]:
        return {name: " ".join(sql.split()) for name, sql in schema.items() if name != "sqlite_sequence"}

    assert words(_schema(path)) == words(_schema(then))


async def test_a_database_made_by_revision_1_keeps_its_data(tmp_path):
    path = tmp_path / "history.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(REVISION_1.read_text("utf-8"))
    store = SqliteStore(path, Scope())
    await store.open()
    first, second = await store.recent(1, 10)
    assert (first.text, first.source, first.turn, first.tokens) == ("Weißt du noch?", "voice", "t-1", 5)
    assert (second.text, second.emotion, second.interrupted) == ("Natürlich weiß ich", "teasing", True)
    assert first.at.isoformat() == "2026-01-02T03:04:05.000006+00:00"
    assert await store.get_state("mode") == "calm"
    assert [conversation.title for conversation in await store.conversations()] == ["Weißt du noch?"]
    assert (await store.page(search="natürl")).messages == (second,)  # older messages can be searched, too
    (new,) = await store.add(said(1))
    assert new.id == 3
    assert await store.check() is None
    await store.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "history.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(REVISION_1.read_text("utf-8"))
    before = _schema(path)
    monkeypatch.setattr(sqlite, "SEARCH_V1", (*sqlite.SEARCH_V1, "INSERT INTO no_such_table VALUES (1)"))
    with pytest.raises(StoreError):
        await SqliteStore(path, Scope()).open()
    assert _schema(path) == before
    monkeypatch.undo()
    store = SqliteStore(path, Scope())
    await store.open()
    assert len(await store.recent(1, 10)) == 2
    await store.close()


async def test_alembic_is_not_imported_when_there_is_nothing_to_do(path):
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from backend.app.adapters.store import SqliteStore; from backend.app.ports import Scope\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1]), Scope()); await store.open(); await store.close()\n"
        "asyncio.run(main()); print([name for name in ('alembic', 'mako') if name in sys.modules])"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await child.communicate()
    assert (child.returncode, output.strip()) == (0, b"[]")


async def test_paths_with_unusual_characters_work(tmp_path, empty_history):
    for name in ("100%", "a b", "ä?#&", "%(here)s"):
        folder = tmp_path / name
        if sys.platform == "win32" and "?" in name:
            continue
        store = SqliteStore(folder / "history.db", Scope())
        await store.open()
        await store.create_conversation("x")
        await store.close()
        assert (folder / "history.db").stat().st_size > 0
    shutil.rmtree(tmp_path)
