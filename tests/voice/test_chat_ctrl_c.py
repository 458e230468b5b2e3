"""What Ctrl-C means."""

from __future__ import annotations

from voice.chat.ctrl_c import CtrlC


def test_stops_a_reply() -> None:
    assert CtrlC().press(10, replying=True, empty=True) == "stop"


def test_a_second_press_leaves() -> None:
    ctrl_c = CtrlC()
    ctrl_c.press(10, replying=True, empty=True)
    assert ctrl_c.press(11, replying=True, empty=True) == "leave"


def test_later_it_stops_again() -> None:
    ctrl_c = CtrlC()
    ctrl_c.press(10, replying=True, empty=True)
    assert ctrl_c.press(20, replying=True, empty=True) == "stop"


def test_clears_what_was_typed() -> None:
    assert CtrlC().press(10, replying=False, empty=False) == "clear"


def test_leaves_from_an_empty_prompt() -> None:
    assert CtrlC().press(10, replying=False, empty=True) == "leave"


def test_does_not_leave_when_the_reply_ended_just_before_the_press() -> None:
    ctrl_c = CtrlC()
    ctrl_c.reply_ended(10)
    assert ctrl_c.press(10.5, replying=False, empty=True) == "hint"
    assert ctrl_c.press(11, replying=False, empty=True) == "leave"
