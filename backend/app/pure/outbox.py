"""What waits to be sent to one client. Pure: the sender takes, the hub puts.

Tokens are never dropped: those that wait are joined. Of the messages that only describe the present state just the
latest is kept, but never across an `[END]`, and a face never moves past the text it colours. What waits is bounded:
a client that lags hopelessly is told so by `Overflow` and has to come back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from link.codec import encode, encode_text
from link.messages import Emotion, End, HubMessage, Mic, ModeChanged, Quiet, Status, Text

MAX_CHARACTERS = 1_000_000
MAX_MESSAGES = 1_000

_LATEST_ONLY = (Status, Mic, Quiet, ModeChanged)


class Overflow(Exception):  # noqa: N818 - it is an event of the queue, not a fault of the program
    """More waits for this client than it may: it is disconnected and resynchronised when it returns."""


@dataclass(slots=True)
class Outbox:
    """The queue of one client.

    version: 1 for plain clients, who get only the first table; 2 for ours.
    """

    version: int = 2
    _waiting: deque[HubMessage | list[str]] = field(default_factory=deque)
    _characters: int = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put_text(self, text: str) -> None:
        """Queue a piece of a reply, joined to the piece before it if that still waits. Raises Overflow."""
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise Overflow
        if self._waiting and isinstance(self._waiting[-1], list):
            self._waiting[-1].append(text)
        else:
            self._waiting.append([text])

    def put(self, message: HubMessage) -> None:
        """Queue a message. Raises Overflow."""
        if isinstance(message, Text):
            self.put_text(message.text)
            return
        if isinstance(message, _LATEST_ONLY):
            self._drop_outdated(type(message))
        elif isinstance(message, Emotion) and self._waiting and isinstance(self._waiting[-1], Emotion):
            self._waiting.pop()
        if len(self._waiting) >= MAX_MESSAGES:
            raise Overflow
        self._waiting.append(message)

    def take(self) -> list[str]:
        """Everything that waits, as frames in order. The queue is empty afterwards."""
        frames: list[str] = []
        for message in self.take_messages():
            frames += encode_text(message.text) if isinstance(message, Text) else encode(message, self.version)
        return frames

    def take_messages(self) -> list[HubMessage]:
        """Everything that waits, as messages in order. The queue is empty afterwards."""
        taken: list[HubMessage] = [Text("".join(m)) if isinstance(m, list) else m for m in self._waiting]
        self._waiting.clear()
        self._characters = 0
        return taken

    def _drop_outdated(self, kind: type) -> None:
        for index in range(len(self._waiting) - 1, -1, -1):
            message = self._waiting[index]
            if isinstance(message, End):
                return
            if isinstance(message, kind):
                del self._waiting[index]
                return
