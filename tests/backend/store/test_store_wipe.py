"""What is cleared is beyond recovery: no file of the database holds it any more."""

from __future__ import annotations

import contextlib
import random
import sqlite3

import pytest

from backend.app.adapters.store import sqlite
from backend.app.adapters.store.store import SqliteStore
from backend.app.ports import Scope, StoreError
from tests.support.messages import replied, said

SECRET = "xylophonequartz"


def _traces(path) -> dict[str, int]:
    """How often the secret occurs in each file. Half of it is looked for, because the search index shares the
    beginnings of neighbouring words."""
    needle = SECRET[6:].encode()
    return {file.name: count for file in path.parent.iterdir() if (count := file.read_bytes().lower().count(needle))}


async def _fill(store: SqliteStore, secret: int, harmless: int) -> None:
    """Two conversations whose messages lie between each other on the pages, with texts of all lengths."""
    rng = random.Random(7)
    for number in range(300):
        text = " ".join(rng.choices(["moon", "river", "stone", "cloud"], k=rng.randint(1, 400)))
        await store.add(
            said(harmless, text, turn=f"h{number}"),
            said(secret, f"{SECRET} {text} {SECRET}{number}", turn=f"s{number}"),
            replied(secret, f"You said {SECRET}", turn=f"s{number}"),
        )
        if number == 150:  # the search index knows one half
            await store.page(search="moon")


@pytest.mark.parametrize("everything", [True, False])
async def test_cleared_text_is_in_no_file(store, path, everything):
    harmless = (await store.create_conversation()).id
    secret = (await store.create_conversation()).id
    await _fill(store, secret, harmless)
    for number in range(0, 300, 7):  # rows that grew and shrank leave copies where they were
        await store.shorten(f"s{number}", f"{SECRET}")
    for number in range(3, 300, 11):
        await store.remove_reply(f"s{number}")
    assert _traces(path)

    removed = (await store.summary()).messages - (0 if everything else 300)
    assert await store.clear(None if everything else secret) == removed
    assert _traces(path) == {}

    assert (await store.page(search=SECRET)).messages == ()
    assert await store.recent(secret, 9) == ()
    assert len(await store.recent(harmless, 999)) == (0 if everything else 300)
    assert len((await store.page(search="moon", limit=999)).messages) > (-1 if everything else 200)
    assert all(SECRET not in conversation.title for conversation in await store.conversations())
    assert await store.check() is None
    await store.add(said(secret, "Let us begin anew"))  # whoever talks in it can go on
    assert [each.title for each in await store.conversations() if each.id == secret] == ["Let us begin anew"]
    await store.close()
    assert _traces(path) == {}


async def test_clearing_an_empty_history_is_no_error(store, conversation):
    assert await store.clear() == 0
    assert await store.clear(conversation) == 0
    assert await store.clear(10**30) == 0


async def test_a_wipe_that_was_cut_off_is_done_at_the_next_start(open_store, store, path, conversation, monkeypatch):
    await _fill(store, conversation, (await store.create_conversation()).id)

    def killed(_connection: object) -> None:
        raise KeyError("as if the process had ended here")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "wipe", killed)
        with pytest.raises(StoreError):
            await store.clear()
    await store.close()
    assert _traces(path)
    again = await open_store()
    assert _traces(path) == {}
    assert (await again.summary()).messages == 0


async def test_a_reader_that_blocks_the_wipe_is_told_about(path):
    store = SqliteStore(path, Scope())
    store.database._busy_timeout = 0.1
    await store.open()
    conversation = (await store.create_conversation()).id
    await store.add(said(conversation, SECRET))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM messages").fetchall()
        with pytest.raises(StoreError, match=r"deleted, but traces.*clear it again"):
            await store.clear()
        other.execute("COMMIT")
    assert (await store.summary()).messages == 0
    assert await store.clear() == 0
    assert _traces(path) == {}
    await store.close()
