"""Which turn a client asks for after a reconnect."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from link.messages import Emotion, End, Status, Text, Turn
from link.resync import TurnTracker


def told(*messages: object) -> TurnTracker:
    tracker = TurnTracker()
    for message in messages:
        assert tracker.message(message) is None
    return tracker


def test_nothing_to_ask_for_between_turns() -> None:
    assert told(Status(boot="b"), Text("stray")).query() == {}
    assert told(Status(boot="b"), Turn("t1"), Text("x"), End()).query() == {}


def test_counts_characters_of_the_turn_in_progress() -> None:
    tracker = told(Status(boot="b"), Turn("t1"), Text("Grüße"), Emotion("happy"), Text("😀"))
    assert tracker.query() == {"turn": "t1", "received": "6"}
    assert told(Turn("t1"), Text("old"), End(), Turn("t2"), Text("x")).query() == {"turn": "t2", "received": "1"}


def test_a_resumed_turn_goes_on_counting() -> None:
    tracker = told(Status(boot="b"), Turn("t1"), Text("Hel"))
    tracker.disconnected()
    assert tracker.awaiting
    assert tracker.message(Status(boot="b")) is None
    assert tracker.message(Turn("t1", resumed=3)) is None
    assert tracker.message(Text("lo")) is None
    assert not tracker.awaiting
    assert tracker.query() == {"turn": "t1", "received": "5"}
    assert tracker.expired() is None


def test_a_new_run_of_the_hub_has_lost_it() -> None:
    tracker = told(Status(boot="b"), Turn("t1"), Text("Hel"))
    tracker.disconnected()
    assert tracker.message(Status(boot="c", turn="t1")) == "t1"
    assert tracker.query() == {}
    assert tracker.message(End()) is None


def test_a_second_break_before_the_answer_asks_again() -> None:
    tracker = told(Status(boot="b"), Turn("t1"), Text("Hel"))
    tracker.disconnected()
    tracker.message(Status(boot="b"))
    tracker.disconnected()
    assert tracker.query() == {"turn": "t1", "received": "3"}


def test_it_is_lost_when_time_is_up() -> None:
    tracker = told(Status(boot="b"), Turn("t1"))
    tracker.disconnected()
    tracker.message(Status(boot="b"))
    assert tracker.expired() == "t1"
    assert tracker.expired() is None


messages = st.sampled_from(
    [Status(boot="a"), Status(boot="b"), Turn("t1"), Turn("t2"), Text("xy"), End(), "break", "time"]
)


@given(st.lists(messages, max_size=20))
def test_a_turn_is_lost_at_most_once_and_never_asked_for_afterwards(story: list[object]) -> None:
    tracker = TurnTracker()
    open_turn = ""
    for step in story:
        if step == "break":
            tracker.disconnected()
            lost = None
        elif step == "time":
            lost = tracker.expired()
        else:
            lost = tracker.message(step)
        if lost is not None:
            assert lost == open_turn != ""
            open_turn = ""
        if isinstance(step, Turn):
            open_turn = step.turn
        elif isinstance(step, End):
            open_turn = ""
        assert tracker.turn == open_turn
        assert tracker.query().get("turn", "") == open_turn
