"""How fast the history is: `python -m benchmarks.store`.

Reload: the newest messages of a conversation out of a million, warm, and cold (a new store, and on Linux with the
file dropped from the operating system's cache), beside the same query through ORM entities.
Insert: one message until it is durable, many writers at once, beside a naive store (a session and a commit for each
insert, in a thread). Both sides use the same file, tables, indexes and durability, in turn A B A B.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session

from backend.app.adapters.store import SqliteStore
from backend.app.adapters.store.models import MessageRow
from backend.app.ports import NewMessage, Scope

CONVERSATIONS = 20
SITTING = 40  # messages in one conversation before another is taken up
WORDS_PER_MESSAGE = 38  # about 50 tokens
TURNS, BUDGET = 20, 60  # messages of the last ten turns; messages in 3,000 tokens


def _texts(seed: int) -> Iterator[str]:
    """Endless made-up sentences with a natural spread of frequent and rare words."""
    rng = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "en", "er")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / (rank + 2) for rank in range(len(words))]
    pool = rng.choices(words, weights, k=400_000)
    while True:
        start = rng.randrange(len(pool) - WORDS_PER_MESSAGE)
        yield " ".join(pool[start : start + WORDS_PER_MESSAGE])


async def _fill(path: Path, messages: int) -> None:
    """Make a database of `messages` messages, the conversations taking turns of SITTING messages."""
    store = SqliteStore(path, Scope())
    await store.open()
    for _ in range(CONVERSATIONS):
        await store.create_conversation("benchmark")
    await store.close()
    texts = _texts(1)
    rows = (
        (number // SITTING % CONVERSATIONS + 1, f"t{number // 2}", ("user", "assistant")[number % 2], next(texts))
        for number in range(messages)
    )
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.executemany(
            "INSERT INTO messages (conversation_id, companion, user, platform, source, turn, role, text, interrupted,"
            " tokens, created) VALUES (?, 'alisa', 'local', 'desktop', 'user', ?, ?, ?, 0, 50, 1767225600000000)",
            rows,
        )
        connection.commit()
    await store.open()
    await store.page(search="index")  # the first search has everything indexed
    await store.close()


def _drop_from_cache(path: Path) -> bool:
    """Make the operating system forget the file's pages. False where that is not possible."""
    if not hasattr(os, "posix_fadvise"):
        return False
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


class Naive:
    """What one writes first: ORM entities, a session and a commit for each insert, in the event loop's threads."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 60}, pool_size=32)

        @event.listens_for(self._engine, "connect")
        def set_up(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    def close(self) -> None:
        self._engine.dispose()

    async def recent(self, conversation: int, limit: int) -> list[MessageRow]:
        def work() -> list[MessageRow]:
            with Session(self._engine) as session:
                query = select(MessageRow).where(MessageRow.conversation_id == conversation)
                return list(session.scalars(query.order_by(MessageRow.id.desc()).limit(limit)))[::-1]

        return await asyncio.to_thread(work)

    async def add(self, message: NewMessage) -> int:
        def work() -> int:
            with Session(self._engine) as session:
                row = MessageRow(
                    conversation_id=message.conversation,
                    companion="alisa",
                    user="local",
                    platform="desktop",
                    source=message.source,
                    turn=message.turn,
                    role=message.role,
                    text=message.text,
                    interrupted=message.interrupted,
                    created=datetime.now(UTC),
                )
                session.add(row)
                session.commit()
                return row.id

        return await asyncio.to_thread(work)


async def _timed(work: Callable[[], Awaitable[object]], times: int) -> list[float]:
    """Milliseconds of each of `times` runs, one after the other."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - start) * 1000)
    return taken


async def _insert(add: Callable[[NewMessage], Awaitable[object]], writers: int, each: int) -> tuple[list[float], float]:
    """Milliseconds until each insert was acknowledged, and inserts in a second, with `writers` at once."""
    texts = iter(list(itertools.islice(_texts(2), writers * each)))
    taken: list[float] = []

    async def write(writer: int) -> None:
        for number in range(each):
            message = NewMessage(writer % CONVERSATIONS + 1, "user", next(texts), "user", f"w{writer}-{number}")
            taken.extend(await _timed(lambda message=message: add(message), 1))  # type: ignore[misc]

    start = time.perf_counter()
    await asyncio.gather(*(write(writer) for writer in range(writers)))
    return taken, len(taken) / (time.perf_counter() - start)


def _row(label: str, taken: list[float], further: str = "") -> None:
    ordered = sorted(taken)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{label:<58}{statistics.median(ordered):>9.2f}{p99:>9.2f}{ordered[-1]:>9.2f}  {further}")


def _load_into_cache(path: Path) -> None:
    """Read the whole file, so that the operating system has it at hand."""
    with path.open("rb") as file:
        while file.read(2**20):
            pass


async def measure(path: Path, rounds: int, writers: int, each: int) -> None:
    """Measure on an existing database and print the table."""
    print(f"{'':<58}{'p50':>9}{'p99':>9}{'max':>9}")
    warm: dict[tuple[str, int], list[float]] = {}
    cold: dict[tuple[str, int], list[float]] = {}
    opening: list[float] = []
    inserts: dict[str, tuple[list[float], list[float]]] = {"ours": ([], []), "naive": ([], [])}
    dropped = True
    for number in range(rounds):
        conversation = number % CONVERSATIONS + 1
        for limit in (TURNS, BUDGET):
            dropped = _drop_from_cache(path)
            store = SqliteStore(path, Scope())
            opening += await _timed(store.open, 1)
            cold.setdefault(("ours", limit), []).extend(await _timed(lambda: store.recent(conversation, limit), 1))  # noqa: B023
            warm.setdefault(("ours", limit), []).extend(await _timed(lambda: store.recent(conversation, limit), 200))  # noqa: B023
            await store.close()
            _drop_from_cache(path)
            naive = Naive(path)
            cold.setdefault(("naive", limit), []).extend(await _timed(lambda: naive.recent(conversation, limit), 1))  # noqa: B023
            warm.setdefault(("naive", limit), []).extend(await _timed(lambda: naive.recent(conversation, limit), 200))  # noqa: B023
            naive.close()
        _load_into_cache(path)
        await store.open()
        taken, rate = await _insert(store.add, writers, each)
        inserts["ours"][0].extend(taken)
        inserts["ours"][1].append(rate)
        await store.close()
        naive = Naive(path)
        taken, rate = await _insert(naive.add, writers, max(1, each // 5))
        inserts["naive"][0].extend(taken)
        inserts["naive"][1].append(rate)
        naive.close()
    for limit in (TURNS, BUDGET):
        for who, label in (("ours", "this store"), ("naive", "ORM entities")):
            _row(f"reload of the newest {limit}, warm: {label}", warm[who, limit])
            how = "cold" if dropped else "new connection"
            _row(f"reload of the newest {limit}, {how}: {label}", cold[who, limit])
    _row("opening (with a cold file)", opening)
    for who, label in (("ours", "this store"), ("naive", "session + commit in a thread")):
        taken, rates = inserts[who]
        _row(f"insert, {writers} writers: {label}", taken, f"{statistics.median(rates):,.0f}/s")


def run(messages: int, rounds: int, writers: int = 20, each: int = 100, file: Path | None = None) -> None:
    """Make a history of so many messages (or take the one in `file`), measure, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = file or Path(folder) / "history.db"
        if not path.exists():
            print(f"making {messages:,} messages ...")
            asyncio.run(_fill(path, messages))
        print(f"{path.stat().st_size / 2**20:,.0f} MiB, SQLite {sqlite3.sqlite_version}, milliseconds")
        asyncio.run(measure(path, rounds, writers, each))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description="Measure the history.")
    parser.add_argument("--messages", type=int, default=1_000_000, help="size of the history (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, both sides in turn (default: %(default)s)")
    parser.add_argument("--writers", type=int, default=20, help="concurrent writers (default: %(default)s)")
    parser.add_argument("--each", type=int, default=100, help="inserts of each writer a round (default: %(default)s)")
    parser.add_argument("--file", type=Path, help="keep the database here and use it again (default: a temporary one)")
    chosen = parser.parse_args()
    run(chosen.messages, chosen.rounds, chosen.writers, chosen.each, chosen.file)


if __name__ == "__main__":
    main()
