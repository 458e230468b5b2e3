"""Whatever is typed: a reply, soon, with a known emotion, and no line twice within 20 replies."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.app.ports import ChatMessage
from backend.app.pure.starter import EMOTIONS, NO_REPEAT, Language, Script, Starter
from backend.app.pure.starter.wording import Wording
from tests.support.talk import Talk

Begin = Callable[..., Talk]

SMALL = [
    "my",
    "name",
    "is",
    "not",
    "do",
    "you",
    "remember",
    "that",
    "forget",
    "i",
    "am",
    "a",
    "cat",
    "und",
    "ich",
    "bin",
]
typed = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="abcdeghinorstuw aeäöüß.,!?'\"<>[]{}`\n", max_size=400),
    st.sampled_from(
        ["hi", "who are you", "remember that", "forget that", "why", "1+1", "was ist", "ich heiße", "/help"]
    ),
    st.lists(st.sampled_from(SMALL), max_size=12).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(typed, min_size=1, max_size=6), seed=st.integers(0, 9))
def test_any_conversation_is_answered(scripts: dict[Language, Script], messages: list[str], seed: int) -> None:
    talk = Talk(Starter(scripts, random.Random(seed)))
    for message in messages:
        reply = talk.say(message)
        assert reply.text.strip()
        assert reply.emotion in EMOTIONS
        assert not re.search(r"\{[a-z_]+\}|<emotion", reply.text)
        assert reply.marked == f"<emotion={reply.emotion}>{reply.text}"


ONE_OF_EACH = [
    "hi",
    "how are you",
    "wie geht es dir",
    "my name is Max",
    "what is my name",
    "what time is it",
    "was ist die hauptstadt von peru",
    "erkläre mir quantenphysik",
    "I bought a submarine",
    "you are stupid",
    "tell me a joke",
    "2+2",
    "asdfghjkl",
    "???",
    "",
    "привет как дела",
    "word " * 500,
    "why?",
    "remember that I like tea",
    "what do you remember",
    "forget everything",
    "how do i get a model",
    "was weißt du über mich",
    "HELLO WHY ARE YOU SO SLOW",
    "tea or coffee?",
    "flip a coin",
    "yes",
    "nein",
]


@pytest.mark.parametrize("message", ONE_OF_EACH)
@pytest.mark.parametrize("window", [None, 20])
def test_the_same_message_25_times_never_gets_the_same_line_within_20(
    message: str, window: int | None, talk: Begin
) -> None:
    conversation = talk(window=window)
    said: list[str] = []
    for _ in range(NO_REPEAT + 5):
        reply = conversation.say(message).text
        assert reply not in said[-NO_REPEAT:]
        said.append(reply)


def test_every_intent_can_answer_for_20_replies_in_a_row(scripts: dict[Language, Script]) -> None:
    """Also for lines that merely end the same: none may be contained in one of the latest 20 replies."""
    for script in scripts.values():
        for name, group in script.groups.items():
            if name in ("again", "hello", "shouting", "repeated") or name.startswith("hint."):
                continue

            slots = {slot: slot.upper() for line in group.lines for slot in line.slots}
            used: list[str] = []
            for _ in range(NO_REPEAT + 5):
                text, _emotion = Wording(script, used, "default", random.Random(3)).pick(group, slots)
                assert text not in used[-NO_REPEAT:], name
                used.append(text)


def test_a_reply_takes_a_few_milliseconds_even_with_a_long_memory(talk: Begin) -> None:
    remembered = [
        message
        for i in range(500)
        for message in (
            ChatMessage("user", f"I have a cat called Number {i}, and today we went to the park"),
            ChatMessage("assistant", f"“cat”: animals! {i}"),
        )
    ]
    conversation = talk(remembered=remembered)
    conversation.say("warm up")
    took = []
    for message in ONE_OF_EACH:
        began = time.perf_counter()
        conversation.say(message)
        took.append(time.perf_counter() - began)
    print(f"\nmedian {sorted(took)[len(took) // 2] * 1000:.1f} ms, longest {max(took) * 1000:.1f} ms")
    assert sorted(took)[len(took) // 2] < 0.1  # typically far below; the margin is for busy machines


@pytest.mark.parametrize("length", [10, 701, 10_000, 1_000_000])
def test_length_does_not_make_it_slow(length: int, talk: Begin) -> None:
    for filler in ("a", "a ", "my my ", "1+", "((", "?!", "i am "):
        began = time.perf_counter()
        assert talk().say((filler * length)[:length]).text
        assert time.perf_counter() - began < 2
