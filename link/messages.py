"""The messages that hub and clients exchange: one frozen dataclass each, and the table that names their frames.

Everything else follows from this file: the codec (link/codec.py) encodes and checks by it, the hub lets frames
in by it, and docs/PROTOCOL.md is generated from it. Table 1 is the fixed contract with plain clients; table 2 is
spoken with clients that connect with `?v=2`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from link.roles import Role

Face = Literal["present", "absent", "focused", "away"]
EmotionName = Literal["neutral", "happy", "sad", "angry", "surprised", "teasing", "calm", "serious"]
Source = Literal["user", "voice", "viewer", "idle", "help", "reminder", "action"]
EMOTIONS: tuple[EmotionName, ...] = get_args(EmotionName)

Id = Annotated[str, Field(max_length=64)]
Short = Annotated[str, Field(max_length=200)]
Level = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


# ---------------------------------------------------------------------------------------------------- table 1


@dataclass(frozen=True, slots=True)
class Say:
    """What the user says. Sent as `{"message": "text"}`; the hub refuses empty text and more than 10,000 characters."""

    text: Annotated[str, Field(description="The words.")]
    id: Annotated[Id, Field(description="Chosen by the client; comes back as `request` of the turn.")] = ""


@dataclass(frozen=True, slots=True)
class VisionFace:
    """Presence and attention of the user, as the webcam shows it."""

    state: Annotated[Face, Field(description="What the webcam shows.")]


@dataclass(frozen=True, slots=True)
class VisionDesktop:
    """What is on the screen: JSON, quoted to the model as data and never obeyed."""

    context: Annotated[str, Field(max_length=16_384, description="A JSON document.")]


@dataclass(frozen=True, slots=True)
class SpeechStart:
    """She begins to be heard. Plain clients get it bare; others also get what a mouth needs to move in time."""

    turn: Annotated[Id, Field(description="The turn that is spoken.")] = ""
    utterance: Annotated[Id, Field(description="The piece of it that begins now.")] = ""
    clock: Annotated[Seconds, Field(description="Unix time in seconds at which its first sample is heard.")] = 0.0
    rate: Annotated[Seconds, Field(description="Values of the envelope a second.")] = 60.0
    envelope: Annotated[
        tuple[Level, ...], Field(max_length=7200, description="Mouth openness, 0 closed to 1 wide open.")
    ] = ()


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """The last sample of an utterance was played."""

    turn: Annotated[Id, Field(description="The turn that was spoken.")] = ""
    utterance: Annotated[Id, Field(description="The piece of it that has ended.")] = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the reply, as the model streams it. The pieces join to the exact text."""

    text: Annotated[str, Field(description="One token while the client keeps up, several joined when it lags.")]


@dataclass(frozen=True, slots=True)
class Emotion:
    """The face to show. Comes before the text it colours."""

    name: Annotated[EmotionName, Field(description="The emotion.")]


@dataclass(frozen=True, slots=True)
class End:
    """The reply is complete. Exactly one for each turn, failed and cancelled ones too."""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The conversation mode is now this one."""

    mode: Annotated[Short, Field(description="Name of the mode.")]


# ---------------------------------------------------------------------------------------------------- table 2


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client is and can do. Its role comes from its token, not from here."""

    name: Annotated[Short, Field(description="What people call this client.")]
    version: Annotated[Short, Field(description="Its version.")] = ""
    features: Annotated[
        tuple[Short, ...], Field(max_length=32, description="`mouth`: can speak; `ears`: can hear; and others.")
    ] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the whole, on connecting and on change."""

    parts: Annotated[tuple[Short, ...], Field(description="Names of the connected clients.")] = ()
    mouth: Annotated[Short, Field(description="Client that speaks for her, or empty.")] = ""
    ears: Annotated[Short, Field(description="Client that listens for her, or empty.")] = ""
    llm: Annotated[
        dict[str, Any], Field(description="provider, model, status, starter (true: no language model), detail.")
    ] = field(default_factory=dict)
    mode: Annotated[Short, Field(description="Conversation mode.")] = "default"
    emotion: Annotated[EmotionName, Field(description="Her face now.")] = "neutral"
    quiet: Annotated[dict[str, Any], Field(description="Quiet state: scope and until; empty when not quiet.")] = field(
        default_factory=dict
    )
    speaking: Annotated[bool, Field(description="Whether she is heard speaking.")] = False
    turn: Annotated[Id, Field(description="The turn that holds the floor, or empty.")] = ""
    conversation: Annotated[int, Field(description="Number of the current conversation.")] = 0
    boot: Annotated[Id, Field(description="Changes when the hub was started anew: what ran before is lost.")] = ""
    name: Annotated[Short, Field(description="Her name, as the persona has it.")] = "Alisa"
    modes: Annotated[tuple[Short, ...], Field(description="The conversation modes there are.")] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A reply begins."""

    turn: Annotated[Id, Field(description="Id of the turn.")]
    source: Annotated[Source, Field(description="What caused it.")] = "user"
    who: Annotated[Short, Field(description="Name of the client or viewer that caused it.")] = ""
    request: Annotated[Id, Field(description="The `id` of the message that caused it.")] = ""
    resumed: Annotated[
        int,
        Field(ge=0, description="After reconnecting: this many characters were already sent; the text goes on there."),
    ] = 0


@dataclass(frozen=True, slots=True)
class UserSaid:
    """What was said to her, for the other clients."""

    turn: Annotated[Id, Field(description="The turn it began.")]
    text: Annotated[str, Field(description="The words.")]
    source: Annotated[Source, Field(description="How they came.")] = "user"


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop this turn."""

    turn: Annotated[Id, Field(description="The turn to stop; empty: the one that holds the floor.")] = ""
    heard: Annotated[
        str | None, Field(max_length=100_000, description="How much of it was heard; null: everything that was sent.")
    ] = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The last sample of the turn was played: the floor is free."""

    turn: Annotated[Id, Field(description="The turn.")]


@dataclass(frozen=True, slots=True)
class Mic:
    """Somebody talks into the microphone, or has stopped."""

    speaking: Annotated[bool, Field(description="Whether a voice is heard.")]
    level: Annotated[Level, Field(description="Loudness; 1 is the loudest there is.")] = 0.0


@dataclass(frozen=True, slots=True)
class Viewer:
    """A live-chat event, or a request to reply to chosen viewers."""

    event: Annotated[dict[str, Any], Field(description="The event.")]


@dataclass(frozen=True, slots=True)
class Action:
    """A desktop action she proposes."""

    id: Annotated[Id, Field(description="Id to confirm by.")]
    what: Annotated[str, Field(max_length=2000, description="What would be done, for people.")]
    risk: Annotated[Short, Field(description="How risky it is.")] = ""
    expires: Annotated[Seconds, Field(description="Unix time after which it can no longer be confirmed.")] = 0.0


@dataclass(frozen=True, slots=True)
class Confirm:
    """The user's answer to a proposed action."""

    id: Annotated[Id, Field(description="Id of the proposal.")]
    allow: Annotated[bool, Field(description="Whether it may be done.")]


@dataclass(frozen=True, slots=True)
class Mode:
    """Change the conversation mode (what `/mode` does when typed)."""

    mode: Annotated[Short, Field(description="Name of the mode.")]


@dataclass(frozen=True, slots=True)
class Quiet:
    """Be quiet, or no longer. One state for all, held by the hub."""

    scope: Annotated[
        Literal["off", "initiative", "voice", "all"],
        Field(description="off; initiative: no speaking up on her own; voice: no sound; all: both."),
    ]
    until: Annotated[Seconds, Field(description="Unix time at which it ends; 0: until it is taken back.")] = 0.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something people should know; the answer to a command."""

    category: Annotated[Short, Field(description="A word for programs.")]
    text: Annotated[str, Field(description="One or more sentences for people.")]


@dataclass(frozen=True, slots=True)
class Error:
    """Something went wrong, or a frame was refused."""

    category: Annotated[Short, Field(description="A word for programs.")]
    text: Annotated[str, Field(description="One sentence for people; never a path or a traceback.")]
    turn: Annotated[Id, Field(description="The turn that failed; empty when a frame of yours was refused.")] = ""


ClientMessage = (
    Say
    | VisionFace
    | VisionDesktop
    | SpeechStart
    | SpeechEnd
    | Hello
    | Interrupt
    | Delivered
    | Mic
    | Viewer
    | Confirm
    | Mode
    | Quiet
)
HubMessage = (
    Text
    | Emotion
    | End
    | ModeChanged
    | SpeechStart
    | SpeechEnd
    | Status
    | Turn
    | UserSaid
    | Action
    | Quiet
    | Mic
    | Notice
    | Error
)

Payload = Literal["text", "message", "none", "word", "raw", "json", "optional json"]


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """How one message travels.

    tag: name in brackets at the start of the frame; empty for the two frames without one.
    payload: what follows it: nothing, one word, raw text, JSON, or JSON that may be left out.
    version: 1: also spoken with plain clients; 2: only with clients that connect with `?v=2`.
    roles: who may send it to the hub (empty: only the hub sends it). hub: whether the hub sends it.
    """

    message: type
    tag: str
    payload: Payload
    version: Literal[1, 2]
    roles: frozenset[Role] = frozenset()
    hub: bool = False


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset({Role.USER, *roles})


EVERYONE = frozenset(Role)

FRAMES: tuple[FrameSpec, ...] = (
    FrameSpec(Say, "", "message", 1, _roles(Role.VOICE)),
    FrameSpec(VisionFace, "VISION_FACE", "word", 1, _roles(Role.VISION)),
    FrameSpec(VisionDesktop, "VISION_DESKTOP", "raw", 1, _roles(Role.VISION)),
    FrameSpec(SpeechStart, "SPEECH_START", "optional json", 1, _roles(Role.VOICE, Role.BOT), hub=True),
    FrameSpec(SpeechEnd, "SPEECH_END", "optional json", 1, _roles(Role.VOICE, Role.BOT), hub=True),
    FrameSpec(Text, "", "text", 1, hub=True),
    FrameSpec(Emotion, "EMOTION", "word", 1, hub=True),
    FrameSpec(End, "END", "none", 1, hub=True),
    FrameSpec(ModeChanged, "MODE CHANGED", "word", 1, hub=True),
    FrameSpec(Hello, "HELLO", "json", 2, EVERYONE),
    FrameSpec(Status, "STATUS", "json", 2, hub=True),
    FrameSpec(Turn, "TURN", "json", 2, hub=True),
    FrameSpec(UserSaid, "USER", "json", 2, hub=True),
    FrameSpec(Interrupt, "INTERRUPT", "json", 2, _roles(Role.VOICE, Role.OVERLAY)),
    FrameSpec(Delivered, "DELIVERED", "json", 2, _roles(Role.VOICE)),
    FrameSpec(Mic, "MIC", "json", 2, _roles(Role.VOICE), hub=True),
    FrameSpec(Viewer, "VIEWER", "json", 2, frozenset({Role.BOT})),
    FrameSpec(Action, "ACTION", "json", 2, hub=True),
    FrameSpec(Confirm, "CONFIRM", "json", 2, _roles(Role.VOICE)),
    FrameSpec(Mode, "MODE", "word", 2, _roles(Role.OVERLAY)),
    FrameSpec(Quiet, "QUIET", "json", 2, _roles(Role.OVERLAY, Role.VOICE), hub=True),
    FrameSpec(Notice, "NOTICE", "json", 2, hub=True),
    FrameSpec(Error, "ERROR", "json", 2, hub=True),
)

SPEC_OF: dict[type, FrameSpec] = {spec.message: spec for spec in FRAMES}
