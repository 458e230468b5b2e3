"""What the history keeps and gives back."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from backend.app.adapters.store.titles import title_from
from backend.app.ports import NewMessage, Scope, StoreError
from tests.support.messages import replied, said

HUGE = 10**30


async def test_what_was_added_comes_back_whole_after_reopening(open_store, path):
    now = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
    first = await open_store(now=lambda: now)
    conversation = (await first.create_conversation()).id
    sent = (
        NewMessage(conversation, "user", "Grüße 👋\n\x00 \u202e", "voice", "t1", tokens=7),
        NewMessage(conversation, "assistant", "Na, du", "voice", "t1", emotion="teasing", interrupted=True),
    )
    stored = await first.add(*sent)
    await first.close()

    second = await open_store()
    assert await second.recent(conversation, 10) == stored
    for new, old in zip(sent, stored, strict=True):
        kept = dataclasses.asdict(old)
        assert {name: kept[name] for name in dataclasses.asdict(new)} == dataclasses.asdict(new)
        assert old.at == now
        assert old.at.tzinfo is UTC
    assert stored[0].id < stored[1].id


async def test_recent_gives_the_newest_oldest_first_and_of_one_conversation(store, conversation):
    other = (await store.create_conversation()).id
    for number in range(5):
        await store.add(said(conversation, f"{number}"), said(other, f"other {number}"))
    assert [message.text for message in await store.recent(conversation, 3)] == ["2", "3", "4"]
    assert await store.recent(conversation, 0) == ()
    assert await store.recent(HUGE, 3) == ()
    assert await store.recent(-1, 3) == ()


async def test_a_message_for_a_missing_conversation_is_refused_and_nothing_of_its_transaction_stays(
    store, conversation
):
    for missing in (conversation + 1, HUGE, -3):
        with pytest.raises(StoreError, match="conversation does not exist"):
            await store.add(said(conversation), said(missing))
    assert (await store.summary()).messages == 0


async def test_lone_surrogates_are_replaced_because_utf8_has_none(store, conversation):
    (message,) = await store.add(said(conversation, "a\ud83d b"))
    assert message.text == "a\ufffd b"
    assert await store.recent(conversation, 1) == (message,)


async def test_shorten_cuts_the_reply_and_forgets_its_length_in_tokens(store, conversation):
    await store.add(said(conversation, "one two three"), replied(conversation, "one two three", tokens=3))
    assert await store.shorten("t1", "one two")
    question, reply = await store.recent(conversation, 2)
    assert (question.text, question.interrupted) == ("one two three", False)
    assert (reply.text, reply.interrupted, reply.tokens) == ("one two", True, None)


@pytest.mark.parametrize("heard", ["", "  \n"])
async def test_a_reply_of_which_nothing_was_heard_is_removed(store, conversation, heard):
    await store.add(said(conversation), replied(conversation))
    assert await store.shorten("t1", heard)
    assert [message.role for message in await store.recent(conversation, 9)] == ["user"]
    assert not await store.shorten("t1", heard)


async def test_a_turn_without_a_reply_has_nothing_to_shorten_or_remove(store, conversation):
    await store.add(said(conversation))
    assert not await store.shorten("t1", "x")
    assert not await store.remove_reply("t1")
    assert not await store.remove_reply("never")
    assert len(await store.recent(conversation, 9)) == 1


async def test_an_id_is_never_used_twice(open_store, store, conversation):
    (_, gone) = await store.add(said(conversation), replied(conversation))
    assert await store.remove_reply("t1")
    (new,) = await store.add(replied(conversation, "again"))
    assert new.id > gone.id
    assert await store.clear() == 2
    await store.close()
    again = await open_store()
    (newest,) = await again.add(said(conversation))
    assert newest.id > new.id


async def test_counted_lengths_are_kept(store, conversation):
    first, second = await store.add(said(conversation), replied(conversation))
    await store.set_tokens({first.id: 4, second.id: 9, 12345: 1, HUGE: 1})
    await store.set_tokens({})
    assert [message.tokens for message in await store.recent(conversation, 2)] == [4, 9]


async def test_pages_lead_from_the_newest_to_the_oldest(store, conversation):
    other = (await store.create_conversation()).id
    for number in range(7):
        await store.add(said(conversation if number % 2 == 0 else other, f"{number}"))

    seen, before = [], None
    while True:
        page = await store.page(before=before, limit=3)
        seen.append([message.text for message in page.messages])
        before = page.before
        if before is None:
            break
    assert seen == [["6", "5", "4"], ["3", "2", "1"], ["0"]]

    exact = await store.page(conversation=conversation, limit=4)
    assert ([message.text for message in exact.messages], exact.before) == (["6", "4", "2", "0"], None)
    assert (await store.page(before=HUGE)).messages
    assert not (await store.page(before=-HUGE)).messages
    assert len((await store.page(limit=0)).messages) == 1
    assert len((await store.page(limit=HUGE)).messages) == 7


async def test_the_summary_counts_everything_in_the_scope(open_store):
    clock = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(9))
    store = await open_store(now=lambda: next(clock))
    empty = await store.summary()
    assert (empty.messages, empty.conversations, empty.first, empty.last) == (0, 0, None, None)
    conversation = (await store.create_conversation()).id
    await store.add(said(conversation))
    await store.add(said(conversation), replied(conversation))
    summary = await store.summary()
    assert (summary.messages, summary.conversations) == (3, 1)
    assert (summary.first, summary.last) == (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))


async def test_conversations_come_with_the_last_used_first(open_store):
    clock = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(9))
    store = await open_store(now=lambda: next(clock))
    old, middle, new = [(await store.create_conversation(title)).id for title in ("a", "b", "  c  d ")]
    await store.add(said(old))
    listed = await store.conversations()
    assert [conversation.id for conversation in listed] == [old, new, middle]
    assert [(conversation.title, conversation.messages) for conversation in listed] == [("a", 1), ("c d", 0), ("b", 0)]
    assert listed[0].last == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert listed[1].last is None


async def test_the_first_user_message_names_a_conversation(store, conversation):
    named = (await store.create_conversation("My own name")).id
    await store.add(replied(conversation, "Oh, you again?"))
    await store.add(said(conversation, "Tell me about the planets of our solar system, please"), said(named))
    await store.add(said(conversation, "Something else"))
    titles = {each.id: each.title for each in await store.conversations()}
    assert titles == {conversation: "Tell me about the planets of our solar…", named: "My own name"}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        (" \n ", ""),
        ("short", "short"),
        ("two\n\tlines", "two lines"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 40 + "…"),
        ("a " + "b" * 38, "a " + "b" * 38),
        ("a " + "b" * 39, "a…"),
        ("Eins, zwei, drei, vier, fünf, sechs und, sieben", "Eins, zwei, drei, vier, fünf, sechs und…"),
    ],
)
def test_titles_are_cut_between_words(text, title):
    assert title_from(text) == title


async def test_state_is_replaced_and_kept(open_store):
    first = await open_store()
    assert await first.get_state("mode") is None
    await first.set_state("mode", "calm")
    await first.set_state("mode", "serious")
    await first.close()
    second = await open_store()
    assert await second.get_state("mode") == "serious"


async def test_no_scope_meets_anothers_words(open_store):
    mine = await open_store()
    my_conversation = (await mine.create_conversation("mine")).id
    await mine.add(said(my_conversation, "a secret word", turn="t"), replied(my_conversation, "a reply", turn="t"))
    await mine.set_state("key", "value")
    before = await mine.recent(my_conversation, 9)
    await mine.close()

    for scope in (Scope(user="viewer"), Scope(platform="tiktok"), Scope(companion="other")):
        other = await open_store(scope)
        assert await other.recent(my_conversation, 9) == ()
        assert (await other.page()).messages == ()
        assert (await other.page(conversation=my_conversation)).messages == ()
        assert (await other.page(search="secret")).messages == ()
        assert await other.conversations() == ()
        assert (await other.summary()).messages == 0
        assert (await other.summary()).conversations == 0
        assert await other.get_state("key") is None
        assert not await other.shorten("t", "x")
        assert not await other.remove_reply("t")
        assert await other.clear() == 0
        assert await other.clear(my_conversation) == 0
        await other.set_tokens({before[0].id: 99})
        await other.set_state("key", "theirs")
        with pytest.raises(StoreError, match="conversation does not exist"):
            await other.add(said(my_conversation))
        await other.close()

    mine = await open_store()
    assert await mine.recent(my_conversation, 9) == before
    assert [each.title for each in await mine.conversations()] == ["mine"]
    assert await mine.get_state("key") == "value"
