"""The replies of the last turns, kept so that a client that was away can go on where its connection broke."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from backend.app.clients import Client
from backend.app.pure.turns import Stimulus
from link.messages import Emotion, EmotionName, End, Text, Turn

Outcome = Literal["", "finished", "interrupted", "failed"]
KEPT = 8


@dataclass(slots=True)
class Reply:
    """One turn's reply as it went out.

    announced: its `[TURN]` was sent. outcome: empty while it runs. error: the sentence shown when it failed.
    """

    stimulus: Stimulus
    pieces: list[str] = field(default_factory=list)
    emotion: EmotionName | None = None
    announced: bool = False
    outcome: Outcome = ""
    error: str = ""

    @property
    def turn(self) -> str:
        """Id of the turn."""
        return self.stimulus.turn

    @property
    def text(self) -> str:
        """What was sent so far."""
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    def announcement(self, resumed: int = 0) -> Turn:
        """The frame that begins it."""
        return Turn(self.turn, self.stimulus.source, self.stimulus.who, self.stimulus.request, resumed)


class RecentReplies:
    """The last turns by id."""

    def __init__(self) -> None:
        self._replies: OrderedDict[str, Reply] = OrderedDict()

    def begin(self, stimulus: Stimulus) -> Reply:
        """A new turn; the oldest kept one is forgotten."""
        reply = self._replies[stimulus.turn] = Reply(stimulus)
        while len(self._replies) > KEPT:
            self._replies.popitem(last=False)
        return reply

    def get(self, turn: str) -> Reply | None:
        """The reply of a turn, if it is still kept."""
        return self._replies.get(turn)

    def being_answered(self) -> set[str]:
        """Ids of the turns whose user message is being answered now."""
        running = [reply.stimulus for reply in self._replies.values() if not reply.outcome]
        return {stimulus.answers or stimulus.turn for stimulus in running}

    def resume(self, client: Client, turn: str, received: int) -> None:
        """Queue what a client needs that has just connected: the rest of the reply it was reading, then the reply
        that runs now, from its beginning.

        turn, received: the reply it was reading and how many characters of it have come; empty and 0 for none.
        """
        for reply in self._replies.values():
            if reply.announced and (reply.turn == turn or not reply.outcome):
                self._replay(client, reply, received if reply.turn == turn else 0)

    def _replay(self, client: Client, reply: Reply, received: int) -> None:
        text = reply.text
        received = max(0, min(received, len(text)))
        client.put(reply.announcement(received))
        if reply.emotion:
            client.put(Emotion(reply.emotion))
        if rest := text[received:]:
            client.put(Text(rest))
        if reply.outcome:
            client.put(End())
        else:
            client.in_reply = True
