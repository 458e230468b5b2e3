"""The emotion filter: marks go, words stay, in every chunking."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.app.pure.emotion import EmotionFilter, Feeling
from link.messages import EMOTIONS


def run(pieces: list[str]) -> tuple[str, list[tuple[int, str]]]:
    """The text that is left, and each feeling with the position in it where it begins."""
    text, felt = "", []
    emotions = EmotionFilter()
    for piece in [*pieces, None]:
        for item in emotions.finish() if piece is None else emotions.feed(piece):
            if isinstance(item, Feeling):
                felt.append((len(text), item.name))
            else:
                assert item
                text += item
    return text, felt


@pytest.mark.parametrize(
    ("reply", "text", "felt"),
    [
        ("<emotion=happy>Hello!", "Hello!", [(0, "happy")]),
        ("<emotion=happy> Hello!", "Hello!", [(0, "happy")]),
        ("<emotion=happy>\n\nHello!", "Hello!", [(0, "happy")]),
        ("Oh. <emotion=sad> I see.", "Oh. I see.", [(4, "sad")]),
        ("Oh.<emotion=sad> I see.", "Oh. I see.", [(3, "sad")]),
        ("<Emotion = Happy>Hi", "Hi", [(0, "happy")]),
        ('<emotion="teasing">Hi', "Hi", [(0, "teasing")]),
        ("[emotion: calm] Hi", "Hi", [(0, "calm")]),
        ("(emotion=serious)Hi", "Hi", [(0, "serious")]),
        ("<emotion=joyful>Hi", "Hi", [(0, "happy")]),
        ("<emotion=zorgish>Hi", "Hi", []),
        ("<emotion=happy Hello there", "Hello there", [(0, "happy")]),
        ("<emotion=happy\nHello there", "Hello there", [(0, "happy")]),
        ("<emotion=happy/>Hi</emotion>", "Hi", [(0, "happy")]),
        ("<emotion=happy>Hi</emotion=happy>", "Hi", [(0, "happy"), (2, "happy")]),
        ("<happy>Hi</happy>", "Hi", [(0, "happy"), (2, "happy")]),
        ("[EMOTION]happy\nHi", "Hi", [(0, "happy")]),
        ("[EMOTION]angryness", "[EMOTION]angryness"[len("[EMOTION]") :], []),
        ("<emotion=sad><emotion=happy>Hi", "Hi", [(0, "sad"), (0, "happy")]),
        ("Hi <emotion=hap", "Hi ", []),
        ("Hi <emotion=happy", "Hi ", [(3, "happy")]),
        ("Hi [EMOTION]sad", "Hi ", [(3, "sad")]),
        ("<emotion>Happy birthday!", "birthday!", [(0, "happy")]),
        ("<emotion>Hello", "Hello", []),
        ("a < b and [c] (d) {e} <", "a < b and [c] (d) {e} <", []),
        ("I am (happy) now", "I am (happy) now", []),
        ("[END] of line", "[END] of line", []),
        ("the emotion=happy idea", "the emotion=happy idea", []),
        ("(emotional) matters [moody]", "(emotional) matters [moody]", []),
        ("", "", []),
    ],
)
def test_marks_and_near_misses(reply: str, text: str, felt: list[tuple[int, str]]) -> None:
    assert run([reply]) == (text, felt)
    assert run(list(reply)) == (text, felt)


PARTS = st.sampled_from(
    [
        "<emotion=happy>",
        "<emotion=sad ",
        "[emotion: calm]",
        "<",
        "[",
        "(emotion",
        "=",
        "hap",
        "py>",
        " ",
        "\n",
        "Hi",
        ".",
        "<happy>",
        "[EMOTION]",
        "happy",
        "</emotion>",
        "emotion",
        ">",
        "]",
        '"',
        "/",
        "mood",
        ":",
        "x",
    ]
)


@settings(max_examples=400)
@given(st.lists(PARTS, max_size=12).map("".join), st.data())
def test_chunking_changes_nothing(reply: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(reply)), max_size=8)))
    edges = [0, *cuts, len(reply)]
    pieces = [reply[a:b] for a, b in pairwise(edges)]
    assert run(pieces) == run([reply]) == run(list(reply))


@given(st.text(alphabet=st.characters(exclude_characters="<[({"), max_size=200))
def test_text_without_brackets_passes_untouched(text: str) -> None:
    assert run(list(text)) == (text, [])


@given(st.sampled_from(EMOTIONS), st.text(alphabet="abc .,!", max_size=30))
def test_every_emotion_is_found_and_nothing_of_the_mark_is_left(name: str, words: str) -> None:
    text, felt = run(list(f"<emotion={name}>{words}"))
    assert text == words.lstrip()
    assert felt == [(0, name)]


def test_little_is_held_back() -> None:
    emotions = EmotionFilter()
    assert emotions.feed("Hello <3 you") == ["Hello ", "<", "3 you"]
    assert emotions.feed("<" * 500)[-1] == "<"
    assert emotions.feed("emotion" + "n" * 500) == ["<", "emotion" + "n" * 500]
