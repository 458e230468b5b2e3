"""Searching the history: plain words in, messages out, whatever the string."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.app.adapters.store import SqliteStore
from backend.app.adapters.store.sqlite import plan_search
from backend.app.ports import Scope
from tests.support.messages import replied, said

TEXTS = [
    "Das Mädchen geht über die Straße",
    "Ein Café in Orléans",
    "The cat's whiskers are well-known; cats purr",
    "du hast Durst",
    "Привет, мир! Ёлка",
    "今日は天気がいいですね",
    "สวัสดีครับ",
    "I ❤ you",
    "what?!",
]


@pytest.fixture
async def filled(store, conversation):
    await store.add(*(said(conversation, text) for text in TEXTS))
    return store


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("mädchen", [0]),
        ("MADCHEN straße", [0]),
        ("mädch", [0]),  # the beginning of a word
        ("ädchen", []),  # not its end
        ("mädchen café", []),  # all words have to be there
        ("cafe orleans", [1]),
        ("cafe\u0301", [1]),  # the accent as a character of its own
        ("cat", [2]),
        ("cat's", [2]),
        ("well-known", [2]),
        ("known-well", []),
        ("du", [3]),  # not Durst alone
        ("привет ёлка", [4]),
        ("天気", [5]),
        ("สวัสดี", [6]),
        ("❤", [7]),
        ("❤ you", [7]),
        ("?!", [8]),
        ("what !", [8]),  # punctuation among words means nothing
        ('"cat', [2]),
        ("cat OR mädchen", []),  # words, not operators
        ("NOT cat", []),
        ("text:cat", []),
        ("ca*", []),
        ("nothing of the kind", []),
    ],
)
async def test_search_finds_words(filled, words, found):
    page = await filled.page(search=words)
    assert [message.text for message in page.messages] == [TEXTS[index] for index in found]


@pytest.mark.parametrize("empty", ["", "   ", "\n\t", "\x00"])
async def test_an_empty_search_is_no_search(filled, empty):
    assert len((await filled.page(search=empty)).messages) == len(TEXTS)
    assert plan_search(empty) is None


async def test_a_search_has_pages_and_keeps_to_a_conversation(store, conversation):
    other = (await store.create_conversation()).id
    for number in range(6):
        await store.add(
            said(conversation, f"apple {number}"), said(other, f"apple other {number}"), said(other, "pear")
        )
    first = await store.page(conversation=conversation, search="apple", limit=4)
    rest = await store.page(conversation=conversation, search="apple", limit=4, before=first.before)
    assert [message.text[-1] for message in first.messages + rest.messages] == list("543210")
    assert rest.before is None
    literal = await store.page(search="p", limit=3)
    assert literal.messages == ()


async def test_search_follows_changes(store, conversation):
    await store.add(said(conversation, "question"), replied(conversation, "elephants and tigers"))
    await store.shorten("t1", "elephants")
    assert not (await store.page(search="tigers")).messages
    assert len((await store.page(search="elephants")).messages) == 1
    await store.remove_reply("t1")
    assert not (await store.page(search="elephants")).messages
    assert await store.check() is None


def test_any_string_is_a_search(path):
    with asyncio.Runner() as runner:
        store = SqliteStore(path, Scope())
        runner.run(store.open())
        conversation = runner.run(store.create_conversation()).id
        runner.run(store.add(*(said(conversation, text) for text in TEXTS)))

        @settings(max_examples=200, deadline=None)
        @given(st.text(st.characters(), max_size=60) | st.text('"*^:(){}+-\\\x00\ud800 aORNEAT', max_size=40))
        @example('"' * 600)
        @example("a " * 400)
        @example("a-" * 400)
        @example("NEAR(a b)")
        def search(words: str) -> None:
            runner.run(store.page(search=words))

        search()
        runner.run(store.close())


_LETTERS = st.sampled_from("aäéßøzAÄxĵ0łñ½σΣжЁ' -.!\"") | st.sampled_from("猫犬ねこกขค😀❤")


def test_a_message_is_found_by_each_of_its_words(path):
    with asyncio.Runner() as runner:
        store = SqliteStore(path, Scope())
        runner.run(store.open())
        conversation = runner.run(store.create_conversation()).id

        @settings(max_examples=100, deadline=None)
        @given(st.text(_LETTERS, min_size=1, max_size=30))
        def found(text: str) -> None:
            (message,) = runner.run(store.add(said(conversation, text)))
            for word in text.split():
                page = runner.run(store.page(search=word, limit=1))
                assert page.messages[:1] == (message,), word

        found()
        runner.run(store.close())
