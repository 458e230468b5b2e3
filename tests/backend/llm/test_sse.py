"""The event parser gives the same events however the bytes were cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.pure.sse import MAX_EVENT, EventParser, EventTooLongError


def events(*pieces: bytes) -> list[bytes]:
    parser = EventParser()
    found = [event for piece in pieces for event in parser.feed(piece)]
    return found + parser.end()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_of_the_standard(end: bytes) -> None:
    assert events(end.join([b"data: one", b"", b"data: two", b"", b""])) == [b"one", b"two"]


def test_lines_of_one_event_are_joined_and_only_one_space_is_taken_off() -> None:
    assert events(b"data: a\ndata:b\ndata:  c\n\n") == [b"a\nb\n c"]


def test_comments_other_fields_and_empty_events_are_passed_over() -> None:
    assert events(b": ping\n\nevent: message\nid: 7\nretry: 10\n\n: x\ndata: a\n: y\n\n\n\n") == [b"a"]


def test_a_byte_order_mark_is_not_data() -> None:
    assert events(b"\xef", b"\xbb\xbfdata: a\n\n") == [b"a"]


def test_the_end_completes_an_event_without_its_blank_line() -> None:
    assert events(b"data: a\n\ndata: [DONE]") == [b"a", b"[DONE]"]


def test_nothing_is_held_back_once_an_event_is_complete() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\r\n\r\nda") == [b"a"]
    assert parser.feed(b"ta: b\n\n") == [b"b"]


def test_an_endless_line_and_an_endless_event_are_refused() -> None:
    with pytest.raises(EventTooLongError):
        EventParser().feed(b"x" * (MAX_EVENT + 1))
    parser = EventParser()
    with pytest.raises(EventTooLongError):
        for _ in range(5):
            parser.feed(b"data: " + b"x" * (MAX_EVENT // 4) + b"\n")


LINES = st.sampled_from([b"data: x", b"data:y", b"data: \xc3\xa9", b"", b"", b": ping", b"id: 3", b"data"])


@given(st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"]))), st.data())
def test_any_chunking_gives_the_same_events(lines: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    stream = b"".join(line + end for line, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert events(*pieces) == events(stream)


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    events(*pieces)
