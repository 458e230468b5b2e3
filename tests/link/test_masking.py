"""What may stand in a log."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from link.masking import error_in_words, masked_field, masked_text, traceback_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /ws/chat?v=2&token=abc123 HTTP/1.1", "GET /ws/chat?v=2&token=*** HTTP/1.1"),
        ('"GET /history?search=my%20secret&limit=5"', '"GET /history?search=***&limit=5"'),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ("http://me:pass@host:80/x", "http://***@host:80/x"),
        ("a task failed", "a task failed"),
        ("Task exception\nfuture: <Task name='x' exception=ValueError('I love you')>", None),
    ],
)
def test_secrets_and_words_leave_texts(text, masked):
    out = masked_text(text)
    assert "love" not in out
    assert masked is None or out == masked


def test_long_texts_are_cut():
    assert len(masked_text("x" * 10_000)) == 501


def test_words_of_people_become_their_length_at_any_depth():
    fields = {"user": {"text": "I love you", "n": 1}, "frames": [{"content": ["a"]}, {"message": "hello"}]}
    assert masked_field("extra", fields) == {
        "user": {"text": "<10 characters>", "n": 1},
        "frames": [{"content": "***"}, {"message": "<5 characters>"}],
    }


@pytest.mark.parametrize("name", ["token", "api_key", "Authorization", "hub_token", "client_secret"])
def test_secrets_become_stars(name):
    assert masked_field(name, "abc") == "***"


def test_unknown_objects_become_their_type():
    assert masked_field("x", object()) == "<object>"
    assert masked_field("x", b"abc") == "<bytes>"


@given(st.text(min_size=12, alphabet="abcdefghij "), JSON)
def test_nothing_under_a_persons_name_ever_shows(words, other):
    out = masked_field("fields", {"text": words, "content": [words], "other": other, "message": {"deep": words}})
    assert words not in str({key: value for key, value in out.items() if key != "other"})


def test_errors_keep_their_message_only_where_it_speaks_of_code():
    assert error_in_words(ValueError("I love you")) == "ValueError"
    assert error_in_words(AttributeError("no attribute x")) == "AttributeError: no attribute x"
    assert error_in_words(FileNotFoundError(2, "No such file")) == "FileNotFoundError: [Errno 2] No such file"
    assert error_in_words(asyncio.CancelledError("words")) == "CancelledError"


def test_tracebacks_name_places_and_causes_but_quote_nothing():
    def inner() -> None:
        raise KeyError("I love you")

    try:
        try:
            inner()
        except KeyError as cause:
            raise RuntimeError("I love you") from cause
    except RuntimeError as error:
        lines = traceback_lines(error)
    assert "love" not in "".join(lines)
    assert lines[-1] == "KeyError"
    assert "RuntimeError" in lines
    assert any("test_masking.py" in line and line.endswith(" inner") for line in lines)
