"""The wire's codec: messages to frames and back. Pure, no I/O.

A frame is a tag only if it starts with `[NAME]` of a registered name. Text that would begin like one is split after
its `[`, so that no escaping is needed and the pieces still join to the exact text. Decoding is total: no frame, text
or binary, raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from link.messages import FRAMES, SPEC_OF, ClientMessage, FrameSpec, HubMessage, Say, SpeechEnd, SpeechStart, Text

_TAG = re.compile(r"\[([A-Z][A-Z_ ]{0,31})\]")
_BY_TAG: dict[str, FrameSpec] = {spec.tag: spec for spec in FRAMES if spec.tag}
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A frame that could not be understood: one sentence for people, and the name of its tag if it had one."""

    category: str
    text: str
    tag: str = ""


def tag_of(frame: str) -> str | None:
    """The registered tag that `frame` begins with, or None when it is text."""
    match = _TAG.match(frame)
    return match[1] if match and match[1] in _BY_TAG else None


def encode_text(text: str) -> list[str]:
    """Frames that carry a piece of a reply: one, or two when it would begin like a tag; none for empty text.

    Surrogates, which no UTF-8 frame can hold, become the character their pair means, or U+FFFD when alone.
    """
    if not text:
        return []
    text = _utf8_safe(text)
    if text[0] == "[" and tag_of(text) is not None:
        return ["[", text[1:]]
    return [text]


def encode(message: HubMessage | ClientMessage, version: int = 2) -> list[str]:
    """Frames for one message, as a client of this protocol version understands it.

    version: 1 for plain clients, which get nothing of table 2 and speech frames bare; 2 for ours.
    """
    if isinstance(message, Text):
        return encode_text(message.text)
    spec = SPEC_OF[type(message)]
    if spec.version > version:
        return []
    if isinstance(message, Say):
        extra = {"id": message.id} if message.id and version >= 2 else {}
        return [_to_json(dict, {"message": message.text, **extra})]
    head = f"[{spec.tag}]"
    if spec.payload == "none":
        return [head]
    if spec.payload in ("word", "raw"):
        return [head + _utf8_safe(str(getattr(message, fields(message)[0].name)))]
    if spec.payload == "optional json" and (version < 2 or message in (SpeechStart(), SpeechEnd())):
        return [head]
    return [head + _to_json(spec.message, message)]


def decode_client(frame: str | bytes) -> ClientMessage | Malformed:
    """What a client sent. Never raises; anything that is no client frame comes back as Malformed."""
    if isinstance(frame, bytes):
        return Malformed("binary", "Binary frames are not understood; send text.")
    tag = tag_of(frame)
    if tag is None:
        return _decode_say(frame)
    spec = _BY_TAG[tag]
    if not spec.roles:
        return Malformed("unknown", f"[{tag}] is sent by the hub, not to it.", tag)
    return cast("ClientMessage | Malformed", _decode_tagged(spec, frame[len(tag) + 2 :]))


def decode_hub(frame: str | bytes) -> HubMessage | Malformed:
    """What the hub sent. Never raises. Text that begins with no registered tag is a piece of a reply."""
    if isinstance(frame, bytes):
        return Malformed("binary", "The hub sent a binary frame.")
    tag = tag_of(frame)
    if tag is None:
        return Text(frame)
    spec = _BY_TAG[tag]
    if not spec.hub:
        return Malformed("unknown", f"[{tag}] is sent to the hub, not by it.", tag)
    return cast("HubMessage | Malformed", _decode_tagged(spec, frame[len(tag) + 2 :]))


def _decode_say(frame: str) -> Say | Malformed:
    if not frame.strip():
        return Malformed("empty", "The message is empty.")
    try:
        body = _adapter(dict).validate_json(frame)
    except ValidationError:
        body = None
    if not isinstance(body, dict):
        return Malformed("malformed", 'This was not understood. Send {"message": "text"} or a registered tag.')
    if "message" not in body:
        return Malformed("malformed", 'The field "message" is missing.')
    try:
        return cast(Say, _adapter(Say).validate_python({"text": body["message"], "id": body.get("id", "")}))
    except ValidationError:
        return Malformed("malformed", 'The field "message" must be text, and "id" text of at most 64 characters.')


def _decode_tagged(spec: FrameSpec, payload: str) -> object:
    if spec.payload == "none" or (spec.payload == "optional json" and not payload.strip()):
        return spec.message()
    try:
        if spec.payload in ("word", "raw"):
            value = payload.strip() if spec.payload == "word" else payload
            return _adapter(spec.message).validate_python({fields(spec.message)[0].name: value})
        return _adapter(spec.message).validate_json(payload, strict=True)
    except ValidationError as error:
        return Malformed("malformed", f"[{spec.tag}] was not understood: {_problem(error)}.", spec.tag)


def _problem(error: ValidationError) -> str:
    """The first fault in words that never repeat the input."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"][:3])
    what = "it is not valid JSON" if first["type"] == "json_invalid" else first["msg"]
    return f"{where}: {what}" if where else what


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(dict[str, Any] if kind is dict else kind)


def _to_json(kind: type, value: object) -> str:
    try:
        return _adapter(kind).dump_json(value).decode()
    except PydanticSerializationError:  # a surrogate somewhere inside
        return to_json(_utf8_safe_tree(_adapter(kind).dump_python(value))).decode()


def _utf8_safe(text: str) -> str:
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _utf8_safe_tree(value: Any) -> Any:
    if isinstance(value, str):
        return _utf8_safe(value)
    if isinstance(value, dict):
        return {_utf8_safe_tree(key): _utf8_safe_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_utf8_safe_tree(item) for item in value]
    return value
