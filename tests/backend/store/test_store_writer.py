"""Many writers at once: group commit, failures of one's neighbours, cancellation, consistent readers."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from backend.app.adapters.store import sqlite, writer
from backend.app.ports import StoreError
from tests.support.messages import replied, said


async def test_twenty_producers_lose_nothing_and_keep_their_order(store, conversation):
    async def produce(producer: int) -> list[int]:
        return [
            (await store.add(said(conversation, f"{producer} {number}", turn=f"{producer}-{number}")))[0].id
            for number in range(25)
        ]

    ids = await asyncio.gather(*(produce(producer) for producer in range(20)))
    stored = {message.id: message.text for message in await store.recent(conversation, 1000)}
    assert len(stored) == 500
    for producer, own in enumerate(ids):
        assert own == sorted(own)
        assert [stored[key] for key in own] == [f"{producer} {number}" for number in range(25)]
    assert await store.check() is None


async def test_waiting_writes_share_one_commit(store, conversation):
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    release = threading.Event()
    await store.database.write_alone(lambda db: sqlite.driver(db).set_trace_callback(count))
    gate = asyncio.ensure_future(store.database.write_alone(lambda _: release.wait(10)))
    adds = [asyncio.ensure_future(store.add(said(conversation, f"{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(gate, *adds)
    assert commits == 1


async def test_one_failing_write_does_not_take_its_neighbours_along(store, conversation):
    results = await asyncio.gather(
        *(store.add(said(conversation if number != 3 else 999, f"{number}")) for number in range(8)),
        return_exceptions=True,
    )
    assert [isinstance(result, StoreError) for result in results] == [number == 3 for number in range(8)]
    assert [message.text for message in await store.recent(conversation, 99)] == list("0124567")


async def test_a_cancelled_add_disturbs_nobody_and_is_still_kept(store, conversation):
    release = threading.Event()
    gate = asyncio.ensure_future(store.database.write_alone(lambda _: release.wait(10)))
    adds = [asyncio.ensure_future(store.add(said(conversation, f"{number}"))) for number in range(10)]
    await asyncio.sleep(0)
    for add in adds[::2]:
        add.cancel()
    release.set()
    await gate
    results = await asyncio.gather(*adds, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 5
    assert [message.text for message in await store.recent(conversation, 99)] == list("0123456789")
    assert await store.check() is None


async def test_readers_see_whole_transactions_while_the_writer_runs(store, conversation):
    done = asyncio.Event()

    async def write() -> None:
        for number in range(150):
            turn = f"t{number}"
            await store.add(said(conversation, "q", turn=turn), replied(conversation, "a", turn=turn))
        done.set()

    async def read() -> int:
        looks = 0
        while not done.is_set():
            messages = await store.recent(conversation, 1000)
            turns = [message.turn for message in messages]
            assert turns[::2] == turns[1::2]
            summary = await store.summary()
            assert summary.messages % 2 == 0
            assert (summary.messages == 0) == (summary.last is None)
            looks += 1
        return looks

    _, *looks = await asyncio.gather(write(), read(), read(), read())
    assert all(looks)


async def test_a_slow_disk_does_not_hold_up_the_event_loop(store, conversation):
    release = threading.Event()
    gate = asyncio.ensure_future(store.database.write_alone(lambda _: release.wait(10)))
    add = asyncio.ensure_future(store.add(said(conversation)))
    start = time.monotonic()
    for _ in range(100):
        await asyncio.sleep(0)
    assert await store.recent(conversation, 1) == ()  # reading goes on, too
    assert time.monotonic() - start < 5
    assert not add.done()
    release.set()
    await gate
    assert len(await add) == 1


async def test_what_was_queued_is_written_before_closing(open_store, store, conversation):
    adds = [asyncio.ensure_future(store.add(said(conversation, f"{number}"))) for number in range(30)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*adds)
    with pytest.raises(StoreError, match="not open"):
        await store.add(said(conversation))
    with pytest.raises(StoreError, match="not open"):
        await store.recent(conversation, 1)
    again = await open_store()
    assert len(await again.recent(conversation, 99)) == 30


async def test_a_full_disk_is_said_in_words_and_the_history_goes_on_afterwards(store, conversation, caplog):
    def limit(pages: int | None):
        def work(db):
            used = db.exec_driver_sql("PRAGMA page_count").scalar()
            db.exec_driver_sql(f"PRAGMA max_page_count = {pages or used}")

        return work

    (kept,) = await store.add(said(conversation, "kept"))
    await store.database.write(limit(None))
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError, match=r"disk is full.*free some space"):
        await store.add(said(conversation, "PRIVATE " * 20_000))
    assert "PRIVATE" not in caplog.text  # logs never hold what people said
    assert await store.recent(conversation, 9) == (kept,)
    await store.database.write(limit(1_000_000))
    await store.add(said(conversation, "there is room again"))
    assert await store.check() is None


async def test_the_log_moves_into_the_database_in_a_quiet_moment(open_store, path, monkeypatch):
    monkeypatch.setattr(writer, "_QUIET", 0.05)
    store = await open_store()
    conversation = (await store.create_conversation()).id
    for number in range(30):
        await store.add(said(conversation, f"findable {number}"))
    deadline = time.monotonic() + 20
    while b"findable 29" not in path.read_bytes():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await store.add(said(conversation, "findable 30"))  # and goes on as before
    assert len((await store.page(search="findable")).messages) == 31
    assert await store.check() is None
