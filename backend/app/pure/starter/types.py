"""The data that passes through the starter: what it is told, what it answers, and who throws its dice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from backend.app.ports import ChatMessage
from link.messages import EmotionName

Item = TypeVar("Item")

Emotion = EmotionName

Language = Literal["en", "de"]

Model = Literal["none", "away", "switched_off"]

NO_REPEAT = 20
"""A line she said in this many of her latest replies is not said again."""

COMMAND = "python -m backend"
"""What every hint at a language model holds, and nothing else she says."""


class Chooser(Protocol):
    """The one thing the starter needs of `random.Random`."""

    def choice(self, seq: Sequence[Item], /) -> Item: ...


@dataclass(frozen=True, slots=True)
class StarterContext:
    """All the starter knows when it answers.

    history: the conversation, oldest first, ending with the user's newest message; system messages are ignored.
    remembered: what was said before in all conversations, oldest first; may hold the start of `history` as well.
    now: local time. name: her own name. mode: `default`, `teasing`, `calm` or `serious` (others count as default).
    used: her replies that are in neither `history` nor `remembered`, oldest first.
    hinted: she has said in this conversation how to get a model (where `history` no longer reaches back to it).
    model: why a starter answers: there is no model, it does not answer now, or the settings ask for the starter.
    """

    history: Sequence[ChatMessage]
    now: datetime
    name: str = "Alisa"
    remembered: Sequence[ChatMessage] = ()
    mode: str = "default"
    used: Sequence[str] = ()
    hinted: bool = False
    model: Model = "none"


@dataclass(frozen=True, slots=True)
class StarterReply:
    """Her answer. `rule` names the rule that gave it (for tests and statistics; it is never shown)."""

    text: str
    emotion: Emotion
    rule: str

    @property
    def hints_at_model(self) -> bool:
        """Whether the text says how to get a language model."""
        return COMMAND in self.text

    @property
    def marked(self) -> str:
        """The text with its emotion mark in front, as a language model is asked to write it."""
        return f"<emotion={self.emotion}>{self.text}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Which group of lines answers, and what fills their slots. A line whose slots are not all filled is left out."""

    group: str
    slots: dict[str, str] = field(default_factory=dict)
