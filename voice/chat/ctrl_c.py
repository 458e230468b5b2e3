"""What Ctrl-C means at this moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["stop", "clear", "hint", "leave"]

GRACE = 1.5
"""Seconds after a reply's end in which a press is taken for a late attempt to stop it."""

AGAIN = 2.0
"""Seconds in which a second press means: leave."""


@dataclass(slots=True)
class CtrlC:
    """Remembers the last press and the last reply. Times are seconds of any steady clock."""

    _pressed: float = float("-inf")
    _replied: float = float("-inf")

    def reply_ended(self, now: float) -> None:
        """A reply has just ended."""
        self._replied = now

    def press(self, now: float, *, replying: bool, empty: bool) -> Action:
        """Decide on a press: stop the reply, clear the line, hint that a second press leaves, or leave."""
        twice = now - self._pressed <= AGAIN
        self._pressed = now
        if twice:
            return "leave"
        if replying:
            return "stop"
        if not empty:
            return "clear"
        return "hint" if now - self._replied <= GRACE else "leave"
