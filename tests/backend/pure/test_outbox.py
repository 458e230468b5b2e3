"""The queue of one client: tokens are never lost, states coalesce, nothing crosses an [END]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.pure.outbox import MAX_CHARACTERS, MAX_MESSAGES, Outbox, Overflow
from link.codec import decode_hub
from link.messages import Emotion, End, HubMessage, Mic, ModeChanged, Notice, Status, Text, Turn


def test_a_client_that_keeps_up_gets_one_frame_a_token() -> None:
    box = Outbox()
    for token in ("Hel", "lo", "!"):
        box.put_text(token)
        assert box.take() == [token]


def test_tokens_that_wait_are_joined_but_not_across_other_messages() -> None:
    box = Outbox()
    for token in ("Hel", "lo"):
        box.put_text(token)
    box.put(Emotion("happy"))
    box.put_text("!")
    box.put_text("!")
    box.put(End())
    assert box.take() == ["Hello", "[EMOTION]happy", "!!", "[END]"]
    assert box.take() == []


def test_only_the_latest_state_is_kept_and_never_across_an_end() -> None:
    box = Outbox()
    box.put(Mic(True, 0.1))
    box.put(Status(mode="calm"))
    box.put(Mic(True, 0.9))
    box.put(End())
    box.put(Mic(False, 0.0))
    assert box.take_messages() == [Status(mode="calm"), Mic(True, 0.9), End(), Mic(False, 0.0)]


def test_a_face_stays_before_the_text_it_colours() -> None:
    box = Outbox()
    for message in (Emotion("sad"), Emotion("happy"), Text("Hi"), Emotion("calm"), Text(" there")):
        box.put(message)
    assert box.take() == ["[EMOTION]happy", "Hi", "[EMOTION]calm", " there"]


def test_plain_clients_get_only_the_first_table() -> None:
    box = Outbox(version=1)
    for message in (Status(), Turn("t1"), Notice("x", "y"), ModeChanged("calm"), Text("Hi"), End()):
        box.put(message)
    assert box.take() == ["[MODE CHANGED]calm", "Hi", "[END]"]


def test_what_waits_is_bounded() -> None:
    box = Outbox()
    for _ in range(MAX_MESSAGES):
        box.put(Notice("x", "y"))
    with pytest.raises(Overflow):
        box.put(Notice("x", "y"))
    box = Outbox()
    box.put_text("x" * MAX_CHARACTERS)
    with pytest.raises(Overflow):
        box.put_text("x")


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["[", "END]", "[END]", "[EMOTION]happy", '{"message": "x"}', "[STATUS]{}", "MODE CHANGED]", " "]
        ),
        st.text(max_size=8),
        st.just(Emotion("calm")),
        st.just(Status()),
    ),
    max_size=30,
)


@given(PIECES, st.sets(st.integers(0, 30)), st.sampled_from([1, 2]))
def test_the_text_arrives_whole_whatever_it_holds_and_whenever_it_is_sent(
    pieces: list[str | HubMessage], sends: set[int], version: int
) -> None:
    box, frames = Outbox(version=version), []
    for number, piece in enumerate(pieces):
        box.put_text(piece) if isinstance(piece, str) else box.put(piece)
        if number in sends:
            frames += box.take()
    frames += box.take()
    messages = [decode_hub(frame) for frame in frames]
    text = "".join(message.text for message in messages if isinstance(message, Text))
    assert text == "".join(piece for piece in pieces if isinstance(piece, str))
    assert all(isinstance(message, Text | Emotion | Status) for message in messages)
