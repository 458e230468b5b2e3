"""One question and its answer, picked out of everything the hub sends. Pure."""

from __future__ import annotations

from typing import Literal

from link.client import Disconnected, Event, GaveUp, TurnLost
from link.messages import Emotion, EmotionName, End, Error, ModeChanged, Notice, Text, Turn
from voice.chat.clean import Trim, clean
from voice.chat.commands import is_command

State = Literal["asked", "replying", "done", "failed"]


class Exchange:
    """Follows the answer to the message `text`, sent with the id `request`.

    A message is answered by the turn that it began, a command by a notice or, if it makes her speak, also by a turn.
    state: how far it is. reason: why it failed, in one sentence. emotion: her face while she answered.
    """

    def __init__(self, text: str, request: str) -> None:
        self.request = request
        self.turn = ""
        self.state: State = "asked"
        self.reason = ""
        self.emotion: EmotionName = "neutral"
        self._command = is_command(text)
        self._trim = Trim()

    @property
    def said(self) -> bool:
        """Whether any of the answer has been handed out."""
        return bool(self._trim.last)

    @property
    def over(self) -> bool:
        """Whether the answer is complete, or will not come."""
        return self.state in ("done", "failed")

    def on(self, event: Event) -> str:
        """Take the next event; returns the piece of the answer it brought, safe to print and often empty."""
        match event:
            case _ if self.over:
                return ""
            case GaveUp():
                self.fail(f"{event.reason} {event.remedy}")
            case Disconnected() if self.state == "asked":
                self.fail("The connection to the hub was lost before the answer.")
            case Error() if event.turn and event.turn != self.turn:
                return ""  # somebody else's turn has failed
            case Error() if self.state == "asked":
                self.fail(event.text)
            case Error():
                self.reason = clean(event.text)
            case Notice() if self._command and self.state == "asked" and event.category == "command":
                self.state = "done"
                return self._trim.push(event.text)
            case ModeChanged() if self._command and self.state == "asked":
                self.state = "done"
                return self._trim.push(f"The mode is now {event.mode}.")
            case End() if self._command and self.state == "asked":
                self.state = "done"  # of /stop the end of the reply is the whole answer
            case Turn():
                self._begins(event)
            case TurnLost() if event.turn == self.turn:
                self.fail("The connection to the hub was lost in the middle of the reply.")
            case Emotion() if self.state == "replying":
                self.emotion = event.name
            case Text() if self.state == "replying":
                return self._trim.push(event.text)
            case End() if self.state == "replying":
                self._ends()
            case _:
                pass
        return ""

    def _begins(self, turn: Turn) -> None:
        if self.state == "asked" and turn.request == self.request:
            self.turn, self.state = turn.turn, "replying"
        elif self.state == "replying" and turn.turn != self.turn:
            self.fail("The reply broke off, because something else was said to her.")

    def _ends(self) -> None:
        if self.reason:
            self.state = "failed"
        elif not self._trim.last:
            self.fail("The reply was empty.")
        else:
            self.state = "done"

    def fail(self, reason: str) -> None:
        """Give the answer up, for this reason."""
        self.state, self.reason = "failed", clean(reason)
