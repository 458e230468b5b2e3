"""The starter's parts: sums, spelling, languages, choosing lines, and a script that is wrong."""

from __future__ import annotations

import contextlib
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.pure.starter import Language, Script, ScriptError, Starter, parse_script, sums
from backend.app.pure.starter.folding import fold, quotable, sentences
from backend.app.pure.starter.spelling import Speller, near


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("what is 12 * 7?", 84),
        ("2+2", 4),
        ("wieviel ist 15 + 27", 42),
        ("was ist 3 mal 4", 12),
        ("how much is 10 divided by 4", Fraction(5, 2)),
        ("(3+4)*2^3 =", 56),
        ("-3 - -3", 0),
        ("2^3^2", 512),
        ("2^-1", Fraction(1, 2)),
        ("1,5 + 1,5", 3),
        ("15% of 80", 12),
        ("20 prozent von 50?", 10),
        ("7 x 6", 42),
        ("100 : 8", Fraction(25, 2)),
    ],
)
def test_sums_are_worked_out_exactly(asked: str, value: Fraction) -> None:
    found = sums.find(asked)
    assert found is not None
    assert sums.work_out(found) == value


@pytest.mark.parametrize(
    "said", ["i work 24/7 at a bank", "call 555-1234 now", "2 + apples", "12", "", "it is 3-4 km away"]
)
def test_not_every_number_is_a_sum(said: str) -> None:
    assert sums.find(said) is None


@pytest.mark.parametrize(("asked", "why"), [("1/0", "zero"), ("5 / (3-3)", "zero"), ("0^-1", "zero"), ("9^9^9", "big")])
def test_sums_without_an_answer(asked: str, why: str) -> None:
    with pytest.raises(sums.SumError) as caught:
        sums.work_out(asked)
    assert caught.value.why == why


@given(st.text(alphabet="0123456789+-*/^(). ", max_size=60))
def test_no_sum_is_too_strange(text: str) -> None:
    found = sums.find(text)
    if found is not None:
        with contextlib.suppress(ValueError, sums.SumError):
            assert sums.written(sums.work_out(found), decimal_comma=True)


def test_written_numbers() -> None:
    assert sums.written(Fraction(5, 2), decimal_comma=False) == "2.5"
    assert sums.written(Fraction(5, 2), decimal_comma=True) == "2,5"
    assert sums.written(Fraction(1, 3), decimal_comma=False) == "≈ 0.333333"
    assert sums.written(Fraction(-84), decimal_comma=True) == "-84"


@pytest.mark.parametrize(
    ("a", "b", "limit", "is_near"),
    [("waht", "what", 1, True), ("wether", "weather", 1, True), ("abc", "cba", 1, False), ("x", "xyz", 1, False)],
)
def test_distance(a: str, b: str, limit: int, is_near: bool) -> None:
    assert near(a, b, limit) is is_near
    assert near(b, a, limit) is is_near


def test_spelling_mends_what_it_knows_and_leaves_the_rest() -> None:
    speller = Speller(known=["water"], targets=["weather", "remember", "what", "hungry"])
    assert speller.correct("wether") == "weather"
    assert speller.correct("waht") == "what"
    assert speller.correct("remmeber") == "remember"
    assert speller.correct("water") == "water"
    assert speller.correct("angry") == "angry"
    assert speller.correct("weeeather") == "weather"
    assert speller.correct("42") == "42"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hi! How are you?", ["Hi", "How are you"]),
        ("at 21:15, 3.5 km", ["at 21:15, 3.5 km"]),
        ("in der 11. klasse", ["in der 11. klasse"]),
        ("...", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_folding() -> None:
    assert fold("Heißt’s ÄRGER, Café?") == "heissts aerger, cafe?"


@given(st.text(), st.integers(10, 100))
def test_a_quotation_is_one_safe_short_line(text: str, limit: int) -> None:
    line = quotable(text, limit)
    assert len(line) <= limit
    assert not set(line) & set('<>[]{}`"“”„\n\r\t')
    line.encode()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"intens": {}}, "unknown section `intens`"),
        ({"intents": {"a": {"when": ["("], "lines": ["x"]}}}, "bad pattern"),
        ({"intents": {"a": {"when": ["<nothing>"], "lines": ["x"]}}}, "bad pattern"),
        ({"intents": {"a": {"when": ["x"], "kind": "shout", "lines": ["x"]}}}, "unknown kind"),
        ({"intents": {True: {"when": ["x"], "lines": ["x"]}}}, "in quotes"),
        ({"groups": {"a": {"emotion": "merry", "lines": ["x"]}}}, "unknown emotion `merry`"),
        ({"groups": {"a": {"lines": [""]}}}, "not text"),
        ({"groups": {"a": {"lines": ["x"], "asks": ["nothing"]}}}, "unknown question"),
    ],
)
def test_a_wrong_script_is_refused_with_the_place(part: dict[str, object], message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        parse_script("en", [part])  # type: ignore[list-item]


def test_a_script_with_too_few_lines_is_refused() -> None:
    script = parse_script("en", [{"groups": {"again": {"lines": ["Again."]}, "greeting": {"lines": ["Hi."]}}}])
    with pytest.raises(ScriptError, match="`greeting` has too few lines"):
        Starter({"en": script}, random.Random(1))


def test_both_languages_can_say_the_same(scripts: dict[Language, Script]) -> None:
    assert scripts["en"].groups.keys() == scripts["de"].groups.keys()
    assert {intent.name for intent in scripts["en"].intents} == {intent.name for intent in scripts["de"].intents}
    assert scripts["en"].questions.keys() == scripts["de"].questions.keys()
