"""One question and its answer among everything else that is said."""

from __future__ import annotations

import pytest

from link.client import Disconnected, Event, GaveUp, TurnLost
from link.messages import Emotion, End, Error, ModeChanged, Notice, Text, Turn
from voice.chat.exchange import Exchange

MINE = Turn("t1", request="r")
OTHER = Turn("t0", request="other")


def heard(exchange: Exchange, *events: Event) -> str:
    return "".join(exchange.on(event) for event in events)


def test_only_the_own_reply_counts() -> None:
    exchange = Exchange("hi", "r")
    text = heard(
        exchange, OTHER, Text("no"), End(), Notice("x", "no"), MINE, Emotion("happy"), Text(" Yes"), Text(". "), End()
    )
    assert (text, exchange.state, exchange.emotion, exchange.turn) == ("Yes.", "done", "happy", "t1")


def test_the_failure_of_another_turn_is_not_ours() -> None:
    exchange = Exchange("hi", "r")
    failed = Error("server", "It broke.", turn="t0")
    assert heard(exchange, OTHER, failed, End(), MINE, failed, Text("Yes."), End()) == "Yes."
    assert exchange.state == "done"


def test_nothing_counts_after_the_end() -> None:
    exchange = Exchange("hi", "r")
    assert heard(exchange, MINE, Text("Yes."), End(), Turn("t2"), Text("More."), End()) == "Yes."


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((Error("long", "Too long."),), "Too long."),
        ((Disconnected("x", 1),), "before the answer"),
        ((GaveUp("No token.", "Get one."),), "No token. Get one."),
        ((MINE, Text("We"), Error("llm", "Broke off."), End()), "Broke off."),
        ((MINE, Text("We"), TurnLost("t1")), "in the middle of the reply"),
        ((MINE, Text("We"), Turn("t2", request="other")), "something else was said"),
        ((MINE, End()), "empty"),
    ],
)
def test_failures_have_a_reason(events: tuple[Event, ...], reason: str) -> None:
    exchange = Exchange("hi", "r")
    heard(exchange, *events)
    assert exchange.state == "failed"
    assert reason in exchange.reason


def test_a_reply_that_is_resumed_is_no_failure() -> None:
    exchange = Exchange("hi", "r")
    text = heard(
        exchange, MINE, Text("We"), Disconnected("x", 1), Turn("t1", request="r", resumed=2), Text("ll."), End()
    )
    assert (text, exchange.state) == ("Well.", "done")


@pytest.mark.parametrize(
    ("command", "events", "answer"),
    [
        ("/status", (Notice("news", "no"), Notice("command", "Fine.")), "Fine."),
        ("/mode calm", (ModeChanged("calm"),), "The mode is now calm."),
        ("/retry", (MINE, Text("Again."), End()), "Again."),
        ("/stop", (End(),), ""),
    ],
)
def test_commands_are_answered_in_their_own_ways(command: str, events: tuple[Event, ...], answer: str) -> None:
    exchange = Exchange(command, "r")
    assert heard(exchange, *events) == answer
    assert exchange.state == "done"
