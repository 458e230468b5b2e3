"""One reply, as it is written on the terminal. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from link.messages import EmotionName, Source
from voice.chat import theme
from voice.chat.clean import Trim, clean_line
from voice.chat.fragments import Close, Fragments, Ink, Line, Piece

_ASIDE: dict[Source, str] = {
    "idle": " speaks up",
    "help": " offers help",
    "reminder": " reminds you",
    "action": " reports",
}


@dataclass(slots=True)
class Reply:
    """A reply in progress.

    who: the viewer it is meant for, if any. stopping: the user asked to stop it. broken: the connection was lost, so
    that what follows, if anything, begins on a new line.
    """

    name: str
    turn: str = ""
    source: Source = "user"
    who: str = ""
    emotion: EmotionName = "neutral"
    stopping: bool = False
    broken: bool = False
    _trim: Trim = field(default_factory=Trim)

    @property
    def begun(self) -> bool:
        """Whether any of it has been shown."""
        return bool(self._trim.last)

    @property
    def to_the_user(self) -> bool:
        """Whether it answers the user."""
        return self.source in ("user", "voice")

    def feels(self, emotion: EmotionName) -> list[Ink]:
        """Her face from here on; within a reply it is written down, since the label has been shown."""
        changed, self.emotion = emotion != self.emotion, emotion
        if not (changed and self.begun):
            return []
        return [Piece(((theme.emotion_style(emotion), f" ({emotion})"),))]

    def writes(self, text: str) -> list[Ink]:
        """More of the text."""
        first = not self.begun
        solid = self._trim.push(text)
        if not solid:
            return []
        if self.broken:
            solid, self.broken = solid.lstrip(), False
        return [Piece((*(self._label() if first else ()), ("", solid)))]

    def breaks(self) -> list[Ink]:
        """The connection is lost; the reply may go on later, below what is told now."""
        if not self.begun or self.broken:
            return []
        self.broken = True
        return [Piece((("", "\n"),))]

    def ends(self, *, cut: bool) -> list[Ink]:
        """The reply is over. cut: it may not have come to its own end."""
        if not self.begun:
            return [Line(((theme.NOTICE, "· Stopped before the first word."),))] if self.stopping else []
        last = self._trim.last
        open_end = (cut or self.stopping) and not self.broken and (last.isalnum() or last in ",;:-")
        return [*([Piece(((theme.NOTICE, " —"),))] if open_end else []), Close()]

    def _label(self) -> Fragments:
        feeling = f" ({self.emotion})" if self.emotion != "neutral" else ""
        aside = f" to {clean_line(self.who)}" if self.source == "viewer" and self.who else ""
        aside = aside or _ASIDE.get(self.source, "")
        return (theme.emotion_style(self.emotion), f"{self.name}{feeling}{aside}:"), ("", " ")
