"""The view model of the chat: what the user does and what the hub sends go in, what to show comes out. Pure."""

from __future__ import annotations

from link.client import Connected, Disconnected, Event, GaveUp, TurnLost
from link.messages import (
    Action,
    Emotion,
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
from voice.chat.clean import clean, clean_line
from voice.chat.commands import is_command
from voice.chat.connection_news import ConnectionNews
from voice.chat.fragments import Fragments, Ink, Line
from voice.chat.reply import Reply
from voice.chat.status_line import answers, ready

NAME = "Alisa"
GET_A_MODEL = "For real conversation get one: python -m backend models pull"
HELP = "/help shows what you can type."

_SPEAKER: dict[Source, str] = {"voice": "You (spoken)", "viewer": "Viewer"}


class Transcript:
    """Follows one chat over all of its connections.

    reply: the reply in progress, or None. held: lines that wait for its end, because they belong below it.
    """

    def __init__(self, name: str = NAME) -> None:
        self.name = name
        self.reply: Reply | None = None
        self.held: list[Line] = []
        self._news = ConnectionNews()
        self._asked = ""  # request id of a message whose turn has not begun
        self._doubtful = False  # such a message was under way when the connection was lost
        self._command = ""  # a command that has not been answered
        self._answers = ""  # who answers, as told last

    @property
    def waiting(self) -> bool:
        """Whether the first word of a reply is awaited."""
        return bool(self._asked) or (self.reply is not None and not self.reply.begun)

    # ------------------------------------------------------------------------------------------- the user

    def typed(self, text: str) -> list[Ink]:
        """The user entered this. What is said goes below a reply that it is about to end; commands do not wait."""
        line = Line(_speech("You", text))
        if self.reply and not is_command(text):
            self.held.append(line)
            return []
        return [line]

    def asked(self, text: str, request: str) -> None:
        """`text` goes to the hub, with `request` as its id."""
        if not is_command(text):
            self._asked = request
            return
        self._command = text.strip().lower()
        if self._command == "/stop":
            self.stopping()

    def unsent(self) -> list[Ink]:
        """What was asked last could not be sent."""
        self._asked = self._command = ""
        return self._release()

    def stopping(self) -> None:
        """The user asked to stop the reply in progress."""
        if self.reply:
            self.reply.stopping = True

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
                return self.reply.feels(event.name) if self.reply else []
            case Text():
                self.reply = self.reply or Reply(self.name)
                return self.reply.writes(event.text)
            case End():
                return self._ends(cut=bool(self.held))
            case TurnLost():
                return self._loses(event)
            case Notice():
                return self._noticed(event)
            case Error():
                return self._fails(event)
            case UserSaid():
                speaker = _SPEAKER.get(event.source, "You (elsewhere)")
                return [*self._release(), Line(_speech(speaker, event.text))]
            case ModeChanged():
                self._command = ""
                return [_notice(f"The mode is now {clean_line(event.mode)}.")]
            case Action():
                return [_notice(f"{self.name} proposes: {clean_line(event.what)}")]
            case Status():
                return self._status(event)
            case Connected() | Disconnected():
                return self._connection(event)
            case GaveUp():
                return [*self._release(), _error(f"{event.reason} {event.remedy}")]
            case _:
                return []

    def _begins(self, turn: Turn) -> list[Ink]:
        if self.reply and turn.turn == self.reply.turn:
            return []  # it goes on after a reconnect
        ink = self._ends(cut=True)
        self.reply = Reply(self.name, turn.turn, turn.source, turn.who)
        if self.reply.to_the_user:
            self._asked, self._command, self._doubtful = "", "", False
        return ink

    def _ends(self, *, cut: bool) -> list[Ink]:
        reply, self.reply = self.reply, None
        return [*(reply.ends(cut=cut) if reply else []), *self._release()]

    def _loses(self, lost: TurnLost) -> list[Ink]:
        reply = self.reply
        if reply is None or lost.turn != reply.turn:
            return []
        hint = " Type /retry to ask again." if reply.to_the_user else ""
        return [*self._ends(cut=True), _notice(f"The connection was lost and with it the rest of this reply.{hint}")]

    def _noticed(self, notice: Notice) -> list[Ink]:
        if notice.category != "command":
            return [_notice(clean(notice.text))]
        self._command = ""
        return [Line((("", clean(notice.text)),))]

    def _fails(self, error: Error) -> list[Ink]:
        if self.reply and (error.turn == self.reply.turn or not (self._asked or self._command)):
            self.held.append(_error(error.text))  # this reply has failed: its end comes next, the reason below it
            return []
        self._asked = self._command = ""
        return [*self._release(), _error(error.text)]

    def _connection(self, event: Connected | Disconnected) -> list[Ink]:
        ink: list[Ink] = []
        if isinstance(event, Disconnected):
            self._doubtful = self._doubtful or bool(self._asked)
            ink = [*(self.reply.breaks() if self.reply else []), *self.unsent()]
        news = self._news.on(event)
        return [*ink, _notice(clean(news))] if news else ink

    def _status(self, status: Status) -> list[Ink]:
        ink: list[Ink] = []
        self.name = clean_line(status.name) or self.name
        if self._doubtful and not status.turn:
            self._doubtful = False
            ink.append(_notice("It is not certain that your last message arrived. Press Up and Enter to say it again."))
        now = answers(status)
        if now != self._answers:
            ink.append(_notice(_who_answers(status) if self._answers else self._welcome(status)))
            self._answers = now
        return ink

    def _welcome(self, status: Status) -> str:
        if status.llm.get("starter"):
            how = clean_line(str(status.llm.get("remedy") or GET_A_MODEL))
            return f"{self.name} is here as the starter: rules, no language model. {how}\n{HELP}"
        return f"{self.name} is here. {_who_answers(status)}\n{HELP}"

    def _release(self) -> list[Ink]:
        held, self.held = self.held, []
        return [*held]


def _who_answers(status: Status) -> str:
    if status.llm.get("starter"):
        return "The starter (rules, no language model) answers now."
    if ready(status):
        return f"{answers(status)} answers."
    return " ".join(
        [f"{answers(status)}.", *(clean_line(str(status.llm.get(key) or "")) for key in ("detail", "remedy"))]
    )


def _notice(text: str) -> Line:
    return Line(((theme.NOTICE, f"· {text}"),))


def _error(text: str) -> Line:
    return Line(((theme.ERROR, f"! {clean(text)}"),))


def _speech(speaker: str, text: str) -> Fragments:
    """What somebody said; further lines are indented to stand below the first."""
    indent = "\n" + " " * (len(speaker) + 2)
    return (theme.YOU, f"{speaker}:"), ("", f" {clean(text).strip()}".replace("\n", indent))
