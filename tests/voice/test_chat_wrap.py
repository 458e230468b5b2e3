"""Word wrap of a text that is still growing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from voice.chat.fragments import text_of
from voice.chat.wrap import Wrapper, wrapped

letters = st.text(st.sampled_from("ab cdé 你好 \n-."), max_size=120)
widths = st.integers(2, 30)


def rows(text: str, width: int) -> list[str]:
    return [text_of(row) for row in wrapped([("", text)], width)]


def test_lines_break_between_words() -> None:
    assert rows("the quick brown fox", 10) == ["the quick", "brown fox"]


def test_a_word_longer_than_the_line_is_broken() -> None:
    assert rows("see abcdefghijkl", 5) == ["see", "abcde", "fghij", "kl"]


def test_scripts_without_spaces_break_anywhere_and_count_two_columns() -> None:
    assert rows("Alisa: 你好世界", 11) == ["Alisa: 你好", "世界"]


def test_line_feeds_and_indentation_stay() -> None:
    assert rows("a\n\n  b", 10) == ["a", "", "  b"]


def test_styles_follow_their_letters() -> None:
    made = wrapped([("bold", "one"), ("", " two three")], 8)
    assert made == [[("bold", "one"), ("", " two")], [("", "three")]]


def test_the_open_row_can_be_seen_before_it_is_final() -> None:
    wrapper = Wrapper(10)
    assert wrapper.add([("", "the quick bro")]) == [[("", "the quick")]]
    assert wrapper.live() == [("", "bro")]
    assert wrapper.add([("", "wn")]) == []
    assert wrapper.close() == [[("", "brown")]]


@given(st.lists(letters, max_size=6), widths)
def test_rows_do_not_depend_on_the_pieces(parts: list[str], width: int) -> None:
    wrapper = Wrapper(width)
    streamed = [row for part in parts for row in wrapper.add([("", part)])] + wrapper.close()
    assert (streamed or [[]]) == wrapped([("", "".join(parts))], width)


@given(letters, widths)
def test_no_row_is_too_wide_and_no_letter_is_lost(text: str, width: int) -> None:
    made = rows(text, width)
    assert all(wcswidth(row) <= width for row in made)
    assert "".join(made).replace(" ", "") == text.replace(" ", "").replace("\n", "")
