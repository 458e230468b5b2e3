"""The turn machine: who has the floor. Events in, commands out; it knows no clock, socket or model.

One turn is active at a time. Its reply is generated, then (if there is a mouth) spoken; it keeps the floor until it
was delivered. The user preempts everything, viewers preempt idle thoughts, nobody preempts the user but the user.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from link.messages import Source

RANK: dict[Source, int] = {
    "user": 3,
    "voice": 3,
    "action": 2,
    "reminder": 2,
    "viewer": 1,
    "help": 0,
    "idle": 0,
}
"""Who preempts whom: a higher rank takes the floor from a lower one; the user's own rank also from itself."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """Something she may answer.

    turn: id of the turn it would begin. text: the words (empty for an idle thought).
    tainted: the text comes from somebody who is not the user (a viewer, the screen, the web): quoted data only.
    client: id of the connection it came from, which need not be told what it just said itself.
    answers: for a retry, the turn of the message that is answered again; replaces: the turn whose reply it replaces.
    """

    turn: str
    source: Source
    text: str
    who: str = ""
    request: str = ""
    client: str = ""
    tainted: bool = False
    answers: str = ""
    replaces: str = ""


# ------------------------------------------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody said something, or a policy proposes to speak."""

    stimulus: Stimulus


@dataclass(frozen=True, slots=True)
class Generated:
    """The reply of this turn is complete and stored."""

    turn: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The reply of this turn could not be made."""

    turn: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Stop a turn (empty: the one with the floor). `heard` is how much of it was heard; None: all that was sent."""

    turn: str = ""
    heard: str | None = None


@dataclass(frozen=True, slots=True)
class WasDelivered:
    """The mouth has played the last sample of the turn."""

    turn: str


@dataclass(frozen=True, slots=True)
class MouthChanged:
    """Somebody can now speak for her, or nobody any longer."""

    present: bool


@dataclass(frozen=True, slots=True)
class FloorExpired:
    """A turn was not reported as delivered within any believable time."""

    turn: str


Event = Arrived | Generated | Failed | StopAsked | WasDelivered | MouthChanged | FloorExpired


# ---------------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True)
class Begin:
    """Store the stimulus and generate a reply to it."""

    stimulus: Stimulus
    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop generating this turn; what was delivered (or `heard`) is what she said."""

    turn: str
    heard: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Shorten:
    """The stored reply of this turn was heard only so far."""

    turn: str
    heard: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The reply is complete; the turn keeps the floor while it is spoken."""

    turn: str


@dataclass(frozen=True, slots=True)
class Release:
    """The floor is free."""

    turn: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decline:
    """She stays silent about this stimulus."""

    stimulus: Stimulus
    reason: str


Command = Begin | Cancel | Shorten | Hold | Release | Decline


@dataclass(slots=True)
class TurnMachine:
    """State: the stimulus that has the floor, whether its reply is still being generated, and the mouth.

    `last` is the latest turn that gave up the floor: its reply may still be shortened to what was heard.
    """

    mouth: bool = False
    floor: Stimulus | None = None
    generating: bool = False
    last: str = field(default="")

    def handle(self, event: Event) -> list[Command]:
        """Take one event and say what is to be done, in order. Events about turns that are over do nothing."""
        match event:
            case Arrived(stimulus):
                return self._arrived(stimulus)
            case Generated(turn) if self._generates(turn):
                self.generating = False
                if self.mouth:
                    return [Hold(turn)]
                return self._release("generated, and nobody speaks for her")
            case Failed(turn) if self._generates(turn):
                return self._release("the reply failed")
            case StopAsked(turn, heard):
                return self._stop(turn, heard)
            case WasDelivered(turn) if self._speaks(turn):
                return self._release("delivered")
            case FloorExpired(turn) if self._speaks(turn):
                return self._release("not reported as delivered in time")
            case MouthChanged(present):
                self.mouth = present
                if not present and self.floor and not self.generating:
                    return self._release("nobody speaks for her any longer")
        return []

    def _arrived(self, new: Stimulus) -> list[Command]:
        current = self.floor
        if current is None:
            reason = "the floor is free"
        elif RANK[new.source] > RANK[current.source]:
            reason = f"{new.source} preempts {current.source}"
        elif RANK[new.source] == RANK[current.source] == RANK["user"]:
            reason = "the user supersedes the user"
        else:
            return [Decline(new, f"{current.source} has the floor")]
        done: list[Command] = [Cancel(current.turn, None, reason)] if current and self.generating else []
        if current:
            self.last = current.turn
        self.floor, self.generating = new, True
        return [*done, Begin(new, reason)]

    def _stop(self, turn: str, heard: str | None) -> list[Command]:
        if self.floor and turn in ("", self.floor.turn):
            if self.generating:
                return [Cancel(self.floor.turn, heard, "stop was asked for"), *self._release("stopped")]
            cut: list[Command] = [Shorten(self.floor.turn, heard)] if heard is not None else []
            return [*cut, *self._release("stopped")]
        if heard is not None and turn and turn == self.last:
            return [Shorten(turn, heard)]
        return []

    def _release(self, reason: str) -> list[Command]:
        assert self.floor is not None
        self.last = self.floor.turn
        self.floor, self.generating = None, False
        return [Release(self.last, reason)]

    def _generates(self, turn: str) -> bool:
        return self.generating and self.floor is not None and self.floor.turn == turn

    def _speaks(self, turn: str) -> bool:
        return not self.generating and self.floor is not None and self.floor.turn == turn
