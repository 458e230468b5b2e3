"""The view model of the chat: what the user does and what the hub sends go in, what to show comes out. Pure."""

from __future__ import annotations

from link.client import Connected, Disconnected, Event, GaveUp, TurnLost
from link.messages import (
    Action,
    Emotion,
    EmotionName,
    End,
    Error,
    ModeChanged,
    Notice,
    Source,
    Status,
    Text,
    Turn,
    UserSaid,
)
from voice.chat import theme
from voice.chat.clean import Trim, clean, clean_line
from voice.chat.commands import is_command
from voice.chat.fragments import Close, Fragments, Ink, Line, Piece
from voice.chat.status_line import answers

NAME = "Alisa"
GET_A_MODEL = "python -m backend models pull"
PATIENCE = 1.5
"""Seconds of waiting after which the start of the chat says that the hub does not answer."""

_ASIDE: dict[Source, str] = {
    "idle": "speaks up",
    "help": "offers help",
    "reminder": "reminds you",
    "action": "reports",
}
_SPEAKER: dict[Source, str] = {"voice": "You (spoken)", "viewer": "Viewer", "user": "You (elsewhere)"}


class Transcript:
    """Follows one chat over all of its connections.

    turn: id of the reply in progress, or empty. waiting: something was asked and no word of the reply has come yet.
    held: lines that wait for the reply in progress to end, because they belong below it.
    """

    def __init__(self, name: str = NAME) -> None:
        self.name = name
        self.turn = ""
        self.held: list[Line] = []
        self._open = False
        self._source: Source = "user"
        self._who = ""
        self._emotion: EmotionName = "neutral"
        self._trim = Trim()
        self._stopping = False
        self._asked = ""
        self._command = ""
        self._mode_set = ""
        self._connected = False
        self._unreached = 0.0
        self._away = False
        self._answers = ""

    @property
    def replying(self) -> bool:
        """Whether a reply is in progress."""
        return self._open

    @property
    def waiting(self) -> bool:
        """Whether the first word of a reply is awaited."""
        return bool(self._asked) or (self._open and not self._trim.last)

    # ------------------------------------------------------------------------------------------- the user

    def typed(self, text: str) -> list[Ink]:
        """The user entered this. What is said goes below a reply that it is about to end; commands do not wait."""
        line = Line(self._speech("You", text))
        if self._open and not is_command(text):
            self.held.append(line)
            return []
        return [line]

    def asked(self, text: str, request: str) -> None:
        """`text` goes to the hub, with `request` as its id."""
        if is_command(text):
            self._command = text.strip().lower()
            self._stopping = self._stopping or (self._open and self._command == "/stop")
        else:
            self._asked = request

    def unsent(self) -> list[Ink]:
        """What was asked last could not be sent."""
        self._asked = self._command = ""
        return self._release()

    def stopping(self) -> None:
        """The user asked to stop the reply in progress."""
        self._stopping = self._open

    def tell(self, text: str) -> list[Ink]:
        """A notice that does not come from the hub."""
        return [_notice(text)]

    # -------------------------------------------------------------------------------------------- the hub

    def on(self, event: Event) -> list[Ink]:
        """Take the next event of the connection."""
        match event:
            case Turn():
                return self._begins(event)
            case Emotion():
                return self._feels(event.name)
            case Text():
                return self._writes(event.text)
            case End():
                return self._ends(cut=self._stopping or bool(self.held))
            case TurnLost():
                return self._lost(event)
            case Notice():
                return self._noticed(event)
            case Error():
                return self._fails(event)
            case UserSaid():
                speaker = _SPEAKER.get(event.source, "You (elsewhere)")
                return [*self._release(), Line(self._speech(speaker, event.text))]
            case ModeChanged():
                own = self._command == f"/mode {event.mode}".lower() or self._mode_set == event.mode
                self._mode_set = ""
                return [] if own else [_notice(f"The mode is now {clean_line(event.mode)}.")]
            case Action():
                return [_notice(f"{self.name} proposes: {clean_line(event.what)}")]
            case Status():
                return self._status(event)
            case Connected() | Disconnected() | GaveUp():
                return self._connection(event)
            case _:
                return []

    def _begins(self, turn: Turn) -> list[Ink]:
        if self._open and turn.turn == self.turn:
            return []  # the same reply goes on, after a reconnect
        ink = self._ends(cut=True)
        if turn.source in ("user", "voice"):
            self._asked = self._command = ""
        self._open, self.turn, self._source, self._who = True, turn.turn, turn.source, turn.who
        self._emotion, self._trim = "neutral", Trim()
        return ink

    def _feels(self, emotion: EmotionName) -> list[Ink]:
        changed, self._emotion = emotion != self._emotion, emotion
        if not (changed and self._open and self._trim.last):
            return []
        return [Piece(((theme.emotion_style(emotion), f" ({emotion})"),))]

    def _writes(self, text: str) -> list[Ink]:
        self._open = True
        first = not self._trim.last
        solid = self._trim.push(text)
        if not solid:
            return []
        return [Piece((*(self._label() if first else ()), ("", solid)))]

    def _ends(self, *, cut: bool) -> list[Ink]:
        """Close the reply. cut: it did not come to its own end."""
        ink: list[Ink] = []
        if self._trim.last:
            if cut and (self._trim.last.isalnum() or self._trim.last in ",;:-"):
                ink.append(Piece(((theme.NOTICE, " —"),)))
            ink.append(Close())
        elif self._stopping:
            ink.append(_notice("Stopped before the first word."))
        self._open, self.turn, self._trim, self._stopping = False, "", Trim(), False
        return ink + self._release()

    def _noticed(self, notice: Notice) -> list[Ink]:
        if notice.category != "command":
            return [_notice(clean(notice.text))]
        if self._command.startswith("/mode "):
            self._mode_set = self._command.removeprefix("/mode ").strip()
        self._command = ""
        return [Line((("", clean(notice.text)),))]

    def _fails(self, error: Error) -> list[Ink]:
        line = Line(((theme.ERROR, f"! {clean(error.text)}"),))
        if self._open and not self._asked and not self._command:
            self.held.append(line)  # it is this reply that failed: its end comes next, and the reason below it
            return []
        self._asked = self._command = ""
        return [*self._release(), line]

    def _lost(self, lost: TurnLost) -> list[Ink]:
        if lost.turn != self.turn:
            return []
        hint = " Type /retry to ask again." if self._source in ("user", "voice") else ""
        return [*self._ends(cut=True), _notice(f"The connection was lost and with it the rest of this reply.{hint}")]

    def _status(self, status: Status) -> list[Ink]:
        ink: list[Ink] = []
        if self._asked and not status.turn and not self._open and self._away:
            self._asked = ""
            ink.append(_notice("It is not certain that your last message arrived. Press Up and Enter to say it again."))
        self._away = False
        now = answers(status)
        if now != self._answers:
            ink.append(_notice(self._answers_now(status, first=not self._answers)))
            self._answers = now
        return ink

    def _answers_now(self, status: Status, *, first: bool) -> str:
        starter = bool(status.llm.get("starter"))
        if not first:
            return (
                "The starter answers now: rules, no language model." if starter else f"{answers(status)} answers now."
            )
        if starter:
            return (
                f"{self.name} is here as the starter: rules, no language model. "
                f"For real conversation get a model: {GET_A_MODEL}\n/help shows what you can type."
            )
        return f"{self.name} is here; {answers(status)} answers. /help shows what you can type."

    def _connection(self, event: Connected | Disconnected | GaveUp) -> list[Ink]:
        if isinstance(event, GaveUp):
            return [*self._release(), Line(((theme.ERROR, f"! {clean(event.reason)} {clean(event.remedy)}"),))]
        if isinstance(event, Connected):
            told, self._unreached, self._connected = self._unreached, 0.0, True
            return [_notice("Connected again." if event.again else "Connected.")] if told >= PATIENCE else []
        ink = self._release()
        self._away = True
        before, self._unreached = self._unreached, self._unreached + max(0.01, event.retry_in)
        if self._connected and before == 0:
            self._unreached = max(PATIENCE, self._unreached)
            return [*ink, _notice("The hub is away; trying again…")]
        if not self._connected and before < PATIENCE <= self._unreached:
            return [*ink, _notice(f"{clean(event.reason)} Trying again…")]
        return ink

    # -------------------------------------------------------------------------------------------- wording

    def _release(self) -> list[Ink]:
        held, self.held = self.held, []
        return list(held)

    def _label(self) -> Fragments:
        feeling = f" ({self._emotion})" if self._emotion != "neutral" else ""
        aside = f" to {clean_line(self._who)}" if self._source == "viewer" and self._who else ""
        aside = f" {_ASIDE[self._source]}" if self._source in _ASIDE else aside
        return (theme.emotion_style(self._emotion), f"{self.name}{feeling}{aside}:"), ("", " ")

    @staticmethod
    def _speech(speaker: str, text: str) -> Fragments:
        indent = "\n" + " " * (len(speaker) + 2)
        return (theme.YOU, f"{speaker}:"), ("", f" {clean(text).strip()}".replace("\n", indent))


def _notice(text: str) -> Line:
    return Line(((theme.NOTICE, f"· {text}"),))
