"""Inline reasoning is taken out of the answer, whole, whatever the chunking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.ports import ReasoningDelta, TextDelta
from backend.app.pure.reasoning import Piece, ReasoningFilter


def run(*pieces: str) -> list[Piece]:
    filter_ = ReasoningFilter()
    return [out for piece in pieces for out in filter_.feed(piece)] + filter_.end()


def split(*pieces: str) -> tuple[str, str]:
    """Text and reasoning."""
    found = run(*pieces)
    text = "".join(p.text for p in found if isinstance(p, TextDelta))
    return text, "".join(p.text for p in found if isinstance(p, ReasoningDelta))


@pytest.mark.parametrize(
    ("answer", "text", "reasoning"),
    [
        ("Hello.", "Hello.", ""),
        ("<think>hm</think>Hello.", "Hello.", "hm"),
        ("\n <think>\nhm\n</think>\n\nHello.", "Hello.", "\nhm\n"),
        ("<think></think>\n\nHello.", "Hello.", ""),
        ("<think>never closed", "", "never closed"),
        ("<think>almost</thin", "", "almost</thin"),
        ("<THINK>a</Think>b", "b", "a"),
        ("<thinking>a</think>b</thinking>c", "c", "a</think>b"),
        ("[THINK]a[/THINK]b", "b", "a"),
        ("<think>a</think><think>b</think>c", "c", "ab"),
        ("One.\n<think>two</think>\nThree.", "One.\nThree.", "two"),
        ("The tag <think> opens it.", "The tag <think> opens it.", ""),
        ("<thin ice", "<thin ice", ""),
        ("<", "<", ""),
        ("  Hello", "  Hello", ""),
        ("a < b\n < c", "a < b\n < c", ""),
        ("İ\n<think>İ</think>x", "İ\nx", "İ"),
    ],
)
def test_text_and_reasoning(answer: str, text: str, reasoning: str) -> None:
    assert split(answer) == (text, reasoning)
    assert split(*answer) == (text, reasoning)


def test_plain_text_passes_at_once_in_its_own_pieces() -> None:
    filter_ = ReasoningFilter()
    assert filter_.feed("Hel") == [TextDelta("Hel")]
    assert filter_.feed("lo <b>") == [TextDelta("lo <b>")]
    assert filter_.feed(" x.\n") == [TextDelta(" x.\n")]
    assert filter_.feed("Next") == [TextDelta("Next")]


PARTS = st.sampled_from(["<think>", "</think>", "<th", "ink>", "</", "think>", "\n", " ", "word", "<", "[THINK]", "é"])


@given(st.lists(PARTS, max_size=12), st.data())
def test_any_chunking_gives_the_same(parts: list[str], data: st.DataObject) -> None:
    answer = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    assert split(*[piece for piece in pieces if piece]) == split(answer)


@given(st.text(alphabet="ab \n<think/>", max_size=60))
def test_nothing_but_marks_and_space_is_lost(answer: str) -> None:
    text, reasoning = split(answer)
    if "<think>" not in answer:
        assert (text, reasoning) == (answer, "")
    assert all(piece.text for piece in run(answer))
