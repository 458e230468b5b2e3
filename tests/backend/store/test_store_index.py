"""The search index lags behind the messages and is brought up to them: whatever the order, nobody can tell."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from backend.app.adapters.store import SqliteStore, sqlite, writer
from backend.app.ports import Scope
from tests.support.messages import replied, said

WORDS = ("ant", "antelope", "bee", "beetle", "cat", "dog")


async def _index(store: SqliteStore, up_to: int) -> bool:
    return await store.database.write(partial(sqlite.index_some, up_to=up_to))


async def _unindexed(store: SqliteStore) -> int | None:
    return await store.database.read(sqlite.unindexed)


async def test_who_stores_does_not_wait_for_the_index_but_who_searches_does(store, conversation):
    stored = await store.add(*(said(conversation, f"apple {number}") for number in range(200)))
    assert await _unindexed(store) == stored[-1].id
    assert (await store.page(search="apple", limit=200)).messages == stored[::-1]
    assert await _unindexed(store) is None


async def test_a_search_without_words_needs_no_index(store, conversation):
    (message,) = await store.add(said(conversation, "I ❤ you"))
    assert (await store.page(search="❤")).messages == (message,)
    assert await _unindexed(store) == message.id


async def test_new_messages_are_indexed_in_a_quiet_moment_and_after_a_restart(open_store, monkeypatch):
    store = await open_store()
    conversation = (await store.create_conversation()).id
    await store.add(*(said(conversation, f"apple {number}") for number in range(300)))
    assert await _unindexed(store) is not None
    await store.close()

    monkeypatch.setattr(writer, "_QUIET", 0.02)
    store = await open_store()
    deadline = time.monotonic() + 20
    while await _unindexed(store) is not None:  # without a single write
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await store.add(said(conversation, "pear"))
    while await _unindexed(store) is not None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert await store.check() is None


async def test_a_write_waits_for_one_step_of_housekeeping_and_the_rest_is_done_later(open_store, monkeypatch):
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    steps: list[str] = []

    def tidy(_connection: object):
        if steps:
            ended.set()  # the next quiet moment
            return
        steps.append("first")
        begun.set()
        assert go_on.wait(10)
        yield
        steps.append("second")

    monkeypatch.setattr(writer, "_QUIET", 0.02)
    monkeypatch.setattr(sqlite, "tidy", tidy)
    store = await open_store()
    assert await asyncio.to_thread(begun.wait, 10)
    # A job that writes nothing, so that only what was left undone is a reason to tidy again.
    job = asyncio.ensure_future(store.database.write_alone(lambda _: list(steps)))
    await asyncio.sleep(0)
    go_on.set()
    assert await job == ["first"]
    assert await asyncio.to_thread(ended.wait, 10)


async def test_each_finds_what_was_acknowledged_while_others_write(store, conversation):
    async def produce(producer: int) -> None:
        for number in range(8):
            (message,) = await store.add(said(conversation, f"w{producer}x{number}"))
            assert (await store.page(search=f"w{producer}x{number}")).messages == (message,)

    await asyncio.gather(*(produce(producer) for producer in range(20)))
    assert await store.check() is None


async def test_a_step_is_bounded_in_characters_yet_takes_a_message_of_any_length(store, conversation):
    texts = ["x" * 8_000, "y" * 8_000, "z" * 100_000, "w", "w"]
    ids = [message.id for message in await store.add(*(said(conversation, text) for text in texts))]
    indexed = []
    while await _index(store, ids[-1]):
        missing = await store.database.read(
            lambda db: db.exec_driver_sql("SELECT max(id) FROM messages_search_docsize").scalar()
        )
        indexed.append(ids.index(missing))
    assert indexed == [1, 2, 4]
    assert await store.check() is None


async def test_indexing_starts_where_it_ended(store):
    """Not at the first message: nobody would notice until there are a million."""

    def plan(db) -> list[str]:
        rows = sqlite.driver(db).execute("EXPLAIN QUERY PLAN " + sqlite._INDEX_SOME, {"up_to": 9}).fetchall()
        return [row[3] for row in rows]

    steps = await store.database.write_alone(plan)
    assert "SEARCH messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in steps
    assert "SEARCH messages_search_docsize" in steps  # one look at its end
    assert "SCAN messages" not in steps


class History(RuleBasedStateMachine):
    """Random changes, with the index at any point behind them, beside a plain list that is scanned."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.path = Path(shutil.copy(self.template, self.folder / "history.db"))
        self.store = SqliteStore(self.path, Scope())
        self.runner.run(self.store.open())
        self.texts: dict[int, str] = {}
        self.replies: dict[str, int] = {}  # the reply's id by turn
        self.home: dict[int, int] = {}  # the conversation by message
        self.highest = 0

    @initialize()
    def begin(self) -> None:
        self.conversations = [self.runner.run(self.store.create_conversation()).id for _ in range(2)]

    def teardown(self) -> None:
        for word in WORDS:
            self.search(word)
        assert self.runner.run(self.store.check()) is None
        self.runner.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    texts_ = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)

    @rule(texts=st.lists(texts_, min_size=1, max_size=4), which=st.integers(0, 1))
    def add(self, texts: list[str], which: int) -> None:
        home = self.conversations[which]
        for text in texts:
            turn = f"t{self.highest}"
            for message in self.runner.run(self.store.add(said(home, text, turn), replied(home, f"dog {text}", turn))):
                assert message.id > self.highest  # never used before, whatever has been deleted
                self.highest = message.id
                self.texts[message.id], self.home[message.id] = message.text, home
            self.replies[turn] = self.highest

    @rule(pick=st.integers(0), text=st.just("") | texts_)
    def shorten(self, pick: int, text: str) -> None:
        turn = self._turn(pick)
        assert self.runner.run(self.store.shorten(turn, text)) == (turn in self.replies)
        if turn in self.replies and text:
            self.texts[self.replies[turn]] = text
        elif turn in self.replies:
            del self.texts[self.replies.pop(turn)]

    @rule(pick=st.integers(0))
    def remove_reply(self, pick: int) -> None:
        turn = self._turn(pick)
        assert self.runner.run(self.store.remove_reply(turn)) == (turn in self.replies)
        if turn in self.replies:
            del self.texts[self.replies.pop(turn)]

    def _turn(self, pick: int) -> str:
        turns = list(self.replies)
        return turns[pick % len(turns)] if turns else "never"

    @rule(which=st.sampled_from([0, 1, None]))
    def clear(self, which: int | None) -> None:
        home = None if which is None else self.conversations[which]
        gone = {key for key in self.texts if home in (None, self.home[key])}
        assert self.runner.run(self.store.clear(home)) == len(gone)
        self.texts = {key: text for key, text in self.texts.items() if key not in gone}
        self.replies = {turn: key for turn, key in self.replies.items() if key not in gone}

    @rule(behind=st.integers(0, 6))
    def index(self, behind: int) -> None:
        self.runner.run(_index(self.store, self.highest - behind))

    @rule(steps=st.integers(1, 5))
    def tidy(self, steps: int) -> None:
        def work(db: object) -> None:
            for _ in itertools.islice(sqlite.tidy(db), steps):  # type: ignore[arg-type]
                pass

        self.runner.run(self.store.database.write_alone(work))

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.store.close())
        self.runner.run(self.store.open())

    @rule(word=st.sampled_from(WORDS))
    def search(self, word: str) -> None:
        page = self.runner.run(self.store.page(search=word, limit=10_000))
        scanned = [key for key, text in self.texts.items() if any(part.startswith(word) for part in text.split())]
        assert [message.id for message in page.messages] == sorted(scanned, reverse=True)

    @rule()
    def check(self) -> None:
        assert self.runner.run(self.store.check()) is None


def _run(template: Path, examples: int) -> None:
    machine = type("HistoryOnCopies", (History,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_search_is_a_scan_whatever_happened_before(empty_history):
    _run(empty_history, examples=20)


@pytest.mark.slow
def test_a_search_is_a_scan_whatever_happened_before_at_length(empty_history):
    _run(empty_history, examples=300)
