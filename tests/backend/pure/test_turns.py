"""The turn machine, as dialogue."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from backend.app.pure.turns import (
    RANK,
    Arrived,
    Begin,
    Cancel,
    Decline,
    Event,
    Failed,
    FloorExpired,
    Generated,
    Hold,
    MouthChanged,
    Release,
    Shorten,
    Stimulus,
    StopAsked,
    TurnMachine,
    WasDelivered,
)
from link.messages import Source
from link.testing.playbook import Playbook, where


def said(turn: str, source: Source = "user") -> Stimulus:
    return Stimulus(turn, source, "hello")


def test_a_turn_from_message_to_end_without_a_mouth() -> None:
    machine = TurnMachine()
    (
        Playbook(machine.handle)
        .event(Arrived(said("t1")))
        .expect(where(Begin, stimulus=said("t1")))
        .event(Generated("t1"))
        .expect(where(Release, turn="t1"))
    )
    assert machine.floor is None


def test_with_a_mouth_the_floor_is_kept_until_it_was_heard() -> None:
    (
        Playbook(TurnMachine().handle)
        .event(MouthChanged(True))
        .expect()
        .event(Arrived(said("t1")))
        .expect(Begin)
        .event(Generated("t1"))
        .expect(Hold("t1"))
        .event(Arrived(said("t2", "idle")))
        .expect(where(Decline, stimulus=said("t2", "idle"), reason="user has the floor"))
        .event(WasDelivered("t1"))
        .expect(where(Release, turn="t1"))
        .event(WasDelivered("t1"))
        .expect()
    )


def test_the_user_supersedes_herself_in_mid_reply() -> None:
    (
        Playbook(TurnMachine().handle)
        .event(Arrived(said("t1")))
        .expect(Begin)
        .event(Arrived(said("t2")))
        .expect(where(Cancel, turn="t1", heard=None), where(Begin, stimulus=said("t2")))
        .event(Generated("t1"))  # comes too late
        .expect()
        .event(Generated("t2"))
        .expect(where(Release, turn="t2"))
    )


def test_the_user_takes_the_floor_while_the_last_reply_is_spoken() -> None:
    """Nothing is generated any more, so nothing is cancelled; what was not heard can still be cut off."""
    (
        Playbook(TurnMachine(mouth=True).handle)
        .event(Arrived(said("t1")), Generated("t1"))
        .expect(Begin, Hold)
        .event(Arrived(said("t2", "voice")))
        .expect(where(Begin, stimulus=said("t2", "voice")))
        .event(StopAsked("t1", heard="Hel"))
        .expect(Shorten("t1", "Hel"))
    )


def test_viewers_preempt_idle_thoughts_and_nobody_preempts_the_user() -> None:
    (
        Playbook(TurnMachine().handle)
        .event(Arrived(said("t1", "idle")))
        .expect(Begin)
        .event(Arrived(said("t2", "viewer")))
        .expect(where(Cancel, turn="t1"), Begin)
        .event(Arrived(said("t3", "viewer")))
        .expect(Decline)
        .event(Arrived(said("t4")))
        .expect(where(Cancel, turn="t2"), Begin)
        .event(Arrived(said("t5", "reminder")))
        .expect(Decline)
    )


def test_stop_and_stale_stops() -> None:
    (
        Playbook(TurnMachine().handle)
        .event(StopAsked())
        .expect()
        .event(Arrived(said("t1")))
        .expect(Begin)
        .event(StopAsked("another"))
        .expect()
        .event(StopAsked("t1", heard="He"))
        .expect(where(Cancel, turn="t1", heard="He"), where(Release, turn="t1", reason="stopped"))
        .event(Failed("t1"))
        .expect()
    )


def test_a_mouth_that_leaves_or_never_reports_frees_the_floor() -> None:
    machine = TurnMachine(mouth=True)
    play = Playbook(machine.handle)
    play.event(Arrived(said("t1")), Generated("t1")).expect(Begin, Hold)
    play.event(FloorExpired("t0")).expect().event(FloorExpired("t1")).expect(Release)
    play.event(Arrived(said("t2")), Generated("t2")).expect(Begin, Hold)
    play.event(MouthChanged(False)).expect(where(Release, turn="t2"))


TURNS = st.sampled_from(["a", "b", "c"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Arrived, st.builds(Stimulus, TURNS, st.sampled_from(get_args(Source)), st.just("x"))),
    st.builds(Generated, TURNS),
    st.builds(Failed, TURNS),
    st.builds(StopAsked, st.sampled_from(["", "a", "b", "c"]), st.none() | st.just("x")),
    st.builds(WasDelivered, TURNS),
    st.builds(FloorExpired, TURNS),
    st.builds(MouthChanged, st.booleans()),
)


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_at_most_one_reply_is_generated(events: list[Event]) -> None:
    """A generated reply is cancelled, fails or completes before the next one begins, and declined ones never begin."""
    machine, generating = TurnMachine(), ""
    for number, event in enumerate(events):
        if isinstance(event, Arrived):  # ids are unique in life
            event = Arrived(Stimulus(f"{event.stimulus.turn}{number}", event.stimulus.source, "x"))
        elif generating and getattr(event, "turn", "") == "a":  # let many of the others concern the running turn
            event = type(event)(generating)
        if isinstance(event, Generated | Failed) and event.turn == generating:
            generating = ""
        for command in machine.handle(event):
            match command:
                case Begin(stimulus):
                    assert not generating
                    generating = stimulus.turn
                case Cancel(turn):
                    assert turn == generating
                    generating = ""
        assert machine.generating == bool(generating)
        assert not machine.generating or (machine.floor and machine.floor.turn == generating)


def test_every_source_has_a_rank() -> None:
    assert set(RANK) == set(get_args(Source))
