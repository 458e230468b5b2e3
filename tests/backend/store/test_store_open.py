"""Opening and closing: what makes writes durable, second hubs, damaged and foreign files, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from backend.app.adapters.store import SqliteStore, sqlite
from backend.app.adapters.store.database import Database
from backend.app.adapters.store.errors import explain
from backend.app.ports import Scope, StoreError
from tests.support.messages import replied, said

ROOT = Path(__file__).parents[3]


async def test_the_live_connection_writes_durably(store):
    found = await store.durability()
    assert found["journal_mode"] == "wal"
    assert found["synchronous"] == "2"  # FULL
    assert found["foreign_keys"] == "1"
    assert found["busy_timeout"] == "5000"
    assert found["secure_delete"] == "1"


def test_a_connection_that_is_not_durable_is_refused(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    with engine.connect() as connection, pytest.raises(StoreError, match="file system"):
        sqlite.require_durable(connection)
    engine.dispose()


async def test_nothing_is_left_running_or_locked_after_closing(open_store, path):
    store = await open_store()
    conversation = (await store.create_conversation()).id
    await asyncio.gather(*(store.recent(conversation, 1) for _ in range(8)))
    assert any(thread.name.startswith("store-") for thread in threading.enumerate())
    await store.close()
    await store.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")]
    assert not path.with_name("history.db-wal").exists()  # the log is in the database
    await open_store()


async def test_closing_what_was_never_opened_does_nothing(path):
    await SqliteStore(path, Scope()).close()


async def test_folders_are_made(tmp_path):
    store = SqliteStore(tmp_path / "new" / "data" / "history.db", Scope())
    await store.open()
    await store.close()


async def test_a_second_store_on_the_same_file_is_refused(open_store, store):
    with pytest.raises(StoreError, match="Another hub is already using this data folder"):
        await open_store()
    await store.close()
    await open_store()


async def test_another_process_is_noticed_and_its_death_frees_the_file(open_store, path):
    program = (
        "import sys, time; from pathlib import Path; from link.locks import ProcessLock\n"
        "ProcessLock(Path(sys.argv[1])).acquire(); print('locked', flush=True); time.sleep(60)"
    )
    lock = path.with_name("history.db.lock")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(lock), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    assert (await child.stdout.readline()).strip() == b"locked"
    with pytest.raises(StoreError, match="Another hub"):
        await open_store()
    child.kill()
    await child.communicate()
    await open_store()


async def test_a_lock_of_another_program_is_waited_for_and_then_told(path):
    database = Database(path, busy_timeout=0.1)
    await database.open()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another program is holding"):
            await database.write(lambda db: db.exec_driver_sql("DELETE FROM state"))
        other.execute("ROLLBACK")
    await database.write(lambda db: db.exec_driver_sql("DELETE FROM state"))
    await database.close()


@pytest.mark.parametrize("content", [b"not a database\n", b"x", b"SQLite format 3", os.urandom(9000)])
async def test_what_is_no_database_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "history.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a database.*move it"):
        await SqliteStore(path, Scope()).open()
    assert path.read_bytes() == content


async def test_a_foreign_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "history.db"
    with contextlib.closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE recipes(name)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        await SqliteStore(path, Scope()).open()
    assert path.read_bytes() == before


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(path, open_store):
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    with pytest.raises(StoreError, match="newer version of Alisa: update"):
        await open_store()
    with contextlib.closing(sqlite3.connect(path)) as newer:
        assert newer.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


async def test_a_truncated_database_is_refused_and_left_alone(open_store, store, conversation, path):
    await store.add(*(said(conversation, f"some text {number}") for number in range(500)))
    await store.close()
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    with pytest.raises(StoreError, match="damaged"):
        await open_store()
    assert path.read_bytes() == half


async def test_damage_within_is_told_when_it_is_met(open_store, store, conversation, path):
    await store.add(*(replied(conversation, f"some text {number}") for number in range(2000)))
    await store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"\xff" * 4096 * (path.stat().st_size // 4096 - 10))
    again = await open_store()
    assert "damaged" in (await again.check() or "")
    with pytest.raises(StoreError, match="damaged"):
        await again.recent(conversation, 5000)


async def test_a_folder_in_place_of_the_file_and_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "history.db").mkdir()
    with pytest.raises(StoreError, match="move it out"):
        await SqliteStore(tmp_path / "history.db", Scope()).open()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="leads through a file"):
        await SqliteStore(tmp_path / "file" / "history.db", Scope()).open()


async def test_a_failed_open_leaves_nothing_behind_and_may_be_tried_again(path):
    good = path.read_bytes()
    path.write_bytes(b"garbage")
    store = SqliteStore(path, Scope())
    for _ in range(2):
        with pytest.raises(StoreError):
            await store.open()
        with pytest.raises(StoreError, match="not open"):
            await store.summary()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")]
    path.write_bytes(good)
    await store.open()
    assert (await store.summary()).messages == 0
    await store.close()


async def test_a_cancelled_open_leaves_nothing_behind(path, open_store):
    opening = asyncio.ensure_future(SqliteStore(path, Scope()).open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")]
    await open_store()


async def test_a_database_that_cannot_be_written_is_told(store, conversation):
    await store.database.write_alone(lambda db: sqlite.driver(db).execute("PRAGMA query_only = 1"))
    with pytest.raises(StoreError, match="write access to the data folder"):
        await store.add(said(conversation))


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "write access"),
        (errno.EROFS, "write access"),
        (errno.ENOSPC, "free some space"),
        (errno.EIO, "check the disk"),
        (errno.EMFILE, "hub's log"),
    ],
)
def test_what_the_system_reports_becomes_a_sentence_without_its_path(number, told):
    error = OSError(number, os.strerror(number), "/home/somebody/history.db")
    assert told in explain(error)
    assert "somebody" not in explain(error)
