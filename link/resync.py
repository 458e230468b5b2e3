"""Which turn a client is in the middle of, so that it can ask for the rest after a reconnect. Pure.

A client that was cut off reconnects with the turn's id and the number of characters it has. A hub that still knows
the turn answers `[STATUS]`, then `[TURN]` with that id and `resumed`, the rest of the text, and `[END]` if the
turn is over. Anything else means that the turn is lost.
"""

from __future__ import annotations

from link.messages import End, HubMessage, Status, Text, Turn


class TurnTracker:
    """Follows the hub's messages of one client over all of its connections.

    turn: id of the turn in progress, or empty. received: characters (Unicode code points) of its text so far.
    awaiting: reconnected, and the hub has not yet said whether it resumes `turn`.
    """

    def __init__(self) -> None:
        self.turn = ""
        self.received = 0
        self.awaiting = False
        self._boot = ""

    def query(self) -> dict[str, str]:
        """What to add to the URL of the next connection."""
        return {"turn": self.turn, "received": str(self.received)} if self.turn else {}

    def disconnected(self) -> None:
        """The connection ended; the turn in progress, if any, must be resumed."""
        self.awaiting = bool(self.turn)

    def message(self, message: HubMessage) -> str | None:
        """Take the hub's next message. Returns the id of a turn that is hereby known to be lost."""
        lost = self._loses(message)
        gone = self._forget() if lost else None
        match message:
            case Status():
                self._boot = message.boot
            case Turn():
                self.turn, self.received, self.awaiting = message.turn, message.resumed, False
            case Text() if self.turn:
                self.received += len(message.text)
            case End():
                self._forget()
            case _:
                pass
        return gone

    def expired(self) -> str | None:
        """The hub had time enough to resume the turn. Returns its id if it did not."""
        return self._forget() if self.awaiting else None

    def _loses(self, message: HubMessage) -> bool:
        if isinstance(message, Status):
            return bool(self.turn and self._boot and message.boot != self._boot)
        if not self.awaiting:
            return False
        return isinstance(message, Text | End) or (isinstance(message, Turn) and message.turn != self.turn)

    def _forget(self) -> str:
        turn, self.turn, self.received, self.awaiting = self.turn, "", 0, False
        return turn
