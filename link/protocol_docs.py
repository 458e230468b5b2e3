"""docs/PROTOCOL.md, written from the table of frames in link/messages.py."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from typing import Any

from pydantic.fields import FieldInfo

from link import messages as m
from link.codec import encode
from link.messages import FRAMES, ClientMessage, FrameSpec, HubMessage
from link.roles import Role

INTRODUCTION = """# Protocol

Generated from `link/messages.py` by `python -m link.docs_cli`; do not edit.

The hub and its clients exchange text frames over one WebSocket. A frame is a tag with a payload, such as
`[EMOTION]happy`, or plain text, which is a piece of her reply. Any language with a WebSocket library can take part.

## Connecting

`ws://127.0.0.1:8000/ws/chat` (settings `hub.host` and `hub.port`), with a token:

- as header `Authorization: Bearer <token>`, or as `?token=<token>` where headers cannot be set. The user's token is in
  `hub.token` in the data folder, those of the parts are in `tokens/<role>`. The hub makes them at its first start;
  only their owner may read them. **The role of a client follows from its token.** Without a valid one the handshake
  is refused with HTTP status 401 or 403.
- `Host` must be a name of this machine (or one of `hub.allowed_hosts`). A web page must come from the hub itself or
  from one of `hub.allowed_origins`: its `Origin` is checked. Programs send no `Origin`.
- `?v=2` asks for both tables below; a client without it is a *plain client* and speaks the first alone. `?name=`
  says what people call the client.

A client of version 2 sends `[HELLO]` first; the hub answers with `[STATUS]`.

## How a frame is read

- A frame is a tag only if it starts with `[NAME]`, and `NAME` is in the tables below. Everything else from the hub is
  text of the reply. The pieces join to the exact text.
- Text never looks like a tag: a piece that would begin like one is sent as two frames, `[` and the rest. Nothing is
  escaped, so nothing needs to be unescaped.
- A reply is a `[TURN]` (version 2), then text and `[EMOTION]` in any mixture, then exactly one `[END]`, also when the
  reply failed or was cancelled. `[EMOTION]` comes before the text it colours.
- Payloads are JSON where this page says so. Unknown fields are ignored, missing ones take their defaults.
- Frames that cannot be understood, and those a role may not send, cost nothing but an answer: `[ERROR]` for version 2.
  A plain client whose *message* was refused gets one sentence and `[END]`; other faults of its frames are only logged.

## After a break

A client of version 2 that was cut off in the middle of a turn adds `turn=<id>` and `received=<characters>` to the URL
when it reconnects; characters are Unicode code points of the turn's text so far. A hub that still knows the turn
sends, after `[STATUS]`, `[TURN]` with the same id and `resumed` set to that number, the text from there on, the
`[EMOTION]` that holds, and `[END]` if the turn is over. If `boot` in `[STATUS]` has changed, or text, `[END]` or
another `[TURN]` comes instead, or nothing within two seconds, the turn is lost and has no `[END]`. State of its own
that the hub must know (a quiet state, a running utterance) a client sends again after each `[HELLO]`.
"""

EXAMPLES: tuple[HubMessage | ClientMessage, ...] = (
    m.Say("Hello, Alisa!", "r17"),
    m.VisionFace("present"),
    m.VisionDesktop('{"window": "Terminal", "text": "make: *** [all] Error 2"}'),
    m.SpeechStart("t42", "t42-1", 1767225600.25, 60.0, (0.0, 0.31, 0.74)),
    m.SpeechEnd("t42", "t42-1"),
    m.Text("It's not like I was waiting for you"),
    m.Emotion("teasing"),
    m.End(),
    m.ModeChanged("calm"),
    m.Hello("terminal", "0.1.0", ("mouth",)),
    m.Status(
        ("terminal", "voice"),
        "voice",
        "voice",
        {"provider": "starter", "model": "", "status": "ready", "starter": True, "detail": ""},
        turn="t42",
        conversation=3,
        boot="5f2c",
    ),
    m.Turn("t42", "user", "terminal", "r17"),
    m.UserSaid("t42", "Hello, Alisa!", "voice"),
    m.Interrupt("t42", "It's not like"),
    m.Delivered("t42"),
    m.Mic(True, 0.4),
    m.Viewer({"kind": "comment", "nickname": "somebody", "comment": "hi"}),
    m.Action("a1", "Open the text editor", "low", 1767225660.0),
    m.Confirm("a1", True),
    m.Mode("calm"),
    m.Quiet("voice", 1767229200.0),
    m.Notice("mode", "The modes are default, teasing, calm, serious."),
    m.Error("too_long", "The message is longer than 10,000 characters."),
)

_PAYLOADS = {
    "text": "the text itself",
    "message": "JSON with `message` and, optionally, `id`",
    "none": "nothing",
    "word": "one word or name",
    "raw": "the rest of the frame",
    "json": "JSON",
    "optional json": "nothing, or JSON",
}


def protocol_markdown() -> str:
    """The whole page, ended by a newline."""
    parts = [INTRODUCTION]
    for version, title in ((1, "Table 1: every client"), (2, "Table 2: clients that connect with `?v=2`")):
        own = [spec for spec in FRAMES if spec.version == version]
        rows = "\n".join(f"| {_link(spec)} | {_senders(spec)} | {_summary(spec)} |" for spec in own)
        parts.append(f"## {title}\n\n| Frame | From | Meaning |\n|---|---|---|\n{rows}\n")
    parts.append(_capabilities())
    parts.append("## Frames\n")
    parts.extend(_frame(spec) for spec in FRAMES)
    return "\n".join(parts)


def _title(spec: FrameSpec) -> str:
    if spec.tag:
        return f"[{spec.tag}]"
    return '{"message": …}' if spec.payload == "message" else "text"


def _link(spec: FrameSpec) -> str:
    return f"[`{_title(spec)}`](#{spec.message.__name__.lower()})"


def _senders(spec: FrameSpec) -> str:
    senders = [role.value for role in Role if role in spec.roles]
    if len(senders) == len(Role):
        senders = ["any client"]
    return ", ".join(["hub"] * spec.hub + senders)


def _summary(spec: FrameSpec) -> str:
    return " ".join(cleandoc(spec.message.__doc__ or "").split())


def _capabilities() -> str:
    rows = []
    for role in Role:
        tags = [f"`{_title(spec)}`" for spec in FRAMES if role in spec.roles]
        rows.append(f"| {role.value} | {', '.join(tags)} |")
    return (
        "## Who may send what\n\n| Role | Frames to the hub |\n|---|---|\n" + "\n".join(rows) + "\n\n"
        "A plain client may send the frames of table 1 that its role allows; it confirms no actions.\n"
    )


def _frame(spec: FrameSpec) -> str:
    example = next(one for one in EXAMPLES if type(one) is spec.message)
    lines = [
        f'<a id="{spec.message.__name__.lower()}"></a>\n',
        f"### `{_title(spec)}`\n",
        f"{_summary(spec)}\n",
        f"From: {_senders(spec)}. Payload: {_PAYLOADS[spec.payload]}.\n",
        "```text",
        *encode(example),
        "```",
    ]
    if spec.payload == "optional json":
        lines.insert(4, f"Plain clients get it bare, and may send it so: `[{spec.tag}]`.\n")
    own = fields(spec.message)
    if own:
        hints = typing.get_type_hints(spec.message, include_extras=True)
        lines += ["", "| Field | Type | Default | Meaning |", "|---|---|---|---|"]
        lines += [_field_row(spec, one, hints[one.name]) for one in own]
    return "\n".join([*lines, ""])


def _field_row(spec: FrameSpec, one: Field[Any], hint: Any) -> str:
    # The one frame whose field has another name in JSON than in the code.
    name = "message" if spec.payload == "message" and one.name == "text" else one.name
    infos = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, FieldInfo)]
    description = next((info.description for info in infos if info.description), "")
    cells = (f"`{name}`", _type(hint), _default(one), description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(one: Field[Any]) -> str:
    value = one.default_factory() if one.default_factory is not MISSING else one.default
    if value is MISSING:
        return "required"
    words: dict[Any, str] = {None: "`null`", True: "`true`", False: "`false`"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    if isinstance(value, int | float):
        return f"`{value:g}`"
    return "empty"


def _type(hint: Any, limits: tuple[Any, ...] = ()) -> str:
    """A field's type and limits in words. limits: those of an Annotated that was unwrapped already."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        found = [limit for extra in arguments[1:] if isinstance(extra, FieldInfo) for limit in extra.metadata]
        return _type(arguments[0], (*limits, *found))
    if origin is typing.Literal:
        return "one of " + ", ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        return f"list{_longest(limits, 'entries')}, each {_type(arguments[0])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(one, limits if one is str else ()) for one in arguments)
    if origin is dict:
        return "JSON object"
    names = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", type(None): "`null`"}
    return names[hint] + _bounds(limits) + _longest(limits, "characters")


def _bounds(limits: tuple[Any, ...]) -> str:
    lowest, highest = _limit(limits, "ge"), _limit(limits, "le")
    if lowest is None:
        return ""
    return f" from {lowest} to {highest}" if highest is not None else f", at least {lowest}"


def _longest(limits: tuple[Any, ...], what: str) -> str:
    most = _limit(limits, "max_length")
    return f", at most {most:,} {what}" if most is not None else ""


def _limit(limits: tuple[Any, ...], name: str) -> Any:
    """The limit of that name (`ge`, `le`, `max_length`) among pydantic's constraints, or None. The first one counts."""
    return next((getattr(limit, name) for limit in limits if hasattr(limit, name)), None)
