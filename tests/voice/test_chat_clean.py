"""Nothing that comes from elsewhere may command the terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from voice.chat.clean import Trim, clean, clean_line

anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)
pieces = st.lists(anything, max_size=8)


@given(anything)
@example("\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x9b1mbold\x08\x7f")
@example("\u202eevil\u2066")
def test_cleaned_text_holds_no_control_character_but_line_feeds(text: str) -> None:
    for char in clean(text):
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    clean(text).encode()


@given(pieces)
def test_cleaning_pieces_is_cleaning_the_whole(parts: list[str]) -> None:
    assert "".join(map(clean, parts)) == clean("".join(parts))


@given(pieces)
def test_trimming_a_stream_is_trimming_the_whole(parts: list[str]) -> None:
    trim = Trim()
    assert "".join(map(trim.push, parts)) == clean("".join(parts)).strip()


def test_words_of_all_scripts_stay_as_they_are() -> None:
    text = "Grüße, 你好, नमस्ते, שלום, 👩‍👩‍👧, e\u0301.\nNew line."
    assert clean(text) == text


def test_escape_becomes_a_visible_sign() -> None:
    assert clean("\x1b[31m") == "␛[31m"


def test_a_line_has_no_line_feeds() -> None:
    assert clean_line(" two\n\tlines \x1b ") == "two lines ␛"
