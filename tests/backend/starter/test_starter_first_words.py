"""What nearly everybody types first, said to a starter that knows nothing yet."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from backend.app.pure.starter import Language, Script, Starter
from tests.support.talk import Talk


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Was kannst du?", "can_do"),
        ("was kannst du", "can_do"),
        ("Kannst du mir helfen?", "can_do"),
        ("Hilfe", "can_do"),
        ("Help", "can_do"),
        ("What can you do?", "can_do"),
        ("What do you know about me?", "memory.nothing"),
        ("Was weißt du über mich?", "memory.nothing"),
        ("My dog is sick", "somebody_sick"),
        ("Mein Hund ist leider krank", "somebody_sick"),
    ],
)
def test_it_is_understood(text: str, rule: str, scripts: Mapping[Language, Script]) -> None:
    assert Talk(Starter(scripts, random.Random(3))).say(text).rule == rule


def test_a_question_without_its_mark_is_no_answer_to_hers(scripts: Mapping[Language, Script]) -> None:
    for seed in range(20):
        talk = Talk(Starter(scripts, random.Random(seed)))
        talk.say("whats the weather")
        assert talk.say("what is the capital of france").rule == "unknown_question"
