"""The codec's promises, for any input."""

from __future__ import annotations

import json
import random
import types
import typing
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from link.codec import Malformed, decode_client, decode_hub, encode, encode_text
from link.messages import (
    FRAMES,
    SPEC_OF,
    ClientMessage,
    Emotion,
    End,
    FrameSpec,
    HubMessage,
    SpeechEnd,
    SpeechStart,
    Text,
)

CLIENT_MESSAGES = get_args(ClientMessage)
HUB_MESSAGES = get_args(HubMessage)
TAGS = [spec.tag for spec in FRAMES if spec.tag]

any_text = st.text(st.characters(codec=None, exclude_categories=()))  # lone surrogates too
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def tagged(draw: st.DrawFn) -> str:
    """Frames that begin like ours, with payloads that are nearly right, wrong or wild."""
    spec = draw(st.sampled_from([spec for spec in FRAMES if spec.tag]))
    names = [one.name for one in fields(spec.message)] or ["x"]

    near = st.dictionaries(st.sampled_from(names), json_values, max_size=4).map(json.dumps)
    payload = draw(near | any_text | st.just(""))
    return f"[{spec.tag}]{payload}"


def cut_anywhere(frame: str) -> st.SearchStrategy[str]:
    return st.integers(0, len(frame)).map(lambda end: frame[:end])


frames = any_text | st.binary() | tagged() | tagged().flatmap(cut_anywhere) | json_values.map(repr)


@settings(max_examples=500, deadline=None)
@given(frames)
@example('{"message": "\ud800"}')
@example("[VIEWER]" + '{"event":' * 5000)
@example("[HELLO]" + "[" * 5000)
@example("[MIC]" + "9" * 5000)
def test_decoding_is_total(frame: str | bytes) -> None:
    assert isinstance(decode_client(frame), (*CLIENT_MESSAGES, Malformed))
    assert isinstance(decode_hub(frame), (*HUB_MESSAGES, Malformed))


def test_ten_thousand_mutilated_frames_are_each_answered() -> None:
    rng = random.Random(2)
    whole = [
        '{"message": "hello", "id": "r1"}',
        '[HELLO]{"name": "x", "version": "1", "features": ["mouth"]}',
        '[SPEECH_START]{"turn": "t1", "utterance": "u1", "clock": 1.5, "rate": 60.0, "envelope": [0.0, 0.5]}',
        '[STATUS]{"parts": ["a"], "llm": {"model": "m"}, "quiet": {}, "speaking": false}',
        '[VIEWER]{"event": {"a": [1, {"b": null}]}}',
        "[EMOTION]happy",
        "[VISION_FACE]present",
    ]
    alphabet = '[]{}",:\\ \x00\ud800\uffff0129eE-+.tfnAZ'
    malformed = 0
    for _ in range(10_000):
        frame = list(rng.choice(whole))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(frame))
            frame[place : place + rng.randint(0, 3)] = rng.choices(alphabet, k=rng.randint(0, 3)) or [""]
        for answer in (decode_client("".join(frame)), decode_hub("".join(frame))):
            assert isinstance(answer, (*CLIENT_MESSAGES, *HUB_MESSAGES, Malformed))
            malformed += isinstance(answer, Malformed)
    assert malformed > 10_000  # most of the 20,000 answers: the mutilation does its work


# ---------------------------------------------------------------------------------------------- round trips


def messages(spec: FrameSpec) -> st.SearchStrategy[Any]:
    """Any valid message of this kind, built from its dataclass and the limits its fields declare."""

    hints = typing.get_type_hints(spec.message, include_extras=True)
    values = {one.name: _values(hints[one.name], word=spec.payload == "word") for one in fields(spec.message)}
    return st.builds(spec.message, **values)


def _values(hint: Any, word: bool = False, longest: int | None = None) -> st.SearchStrategy[Any]:

    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        for extra in arguments[1:]:
            for limit in getattr(extra, "metadata", ()):
                longest = getattr(limit, "max_length", longest)
        bounds = {type(limit).__name__ for extra in arguments[1:] for limit in getattr(extra, "metadata", ())}
        if arguments[0] is float:
            return st.floats(0, 1 if "Le" in bounds else 1e12)
        if arguments[0] is int and "Ge" in bounds:
            return st.integers(0, 2**31)
        return _values(arguments[0], word, longest)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(_values(arguments[0]), max_size=min(longest or 5, 5)).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), json_values, max_size=3)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([_values(one, word, longest) for one in arguments])
    simple = {type(None): st.none(), bool: st.booleans(), int: st.integers(0, 2**31), float: st.floats(0, 1e12)}
    if hint in simple:
        return simple[hint]
    assert hint is str, hint
    text = st.text(max_size=min(longest or 100, 100))
    return text.map(str.strip) if word else text


@pytest.mark.parametrize("spec", FRAMES, ids=lambda spec: spec.message.__name__)
def test_every_message_comes_back_as_it_went(spec: FrameSpec) -> None:
    @settings(max_examples=60, deadline=None)
    @given(messages(spec))
    def check(message: Any) -> None:
        wire = encode(message)
        assert all(isinstance(frame, str) and frame.encode() for frame in wire)
        if isinstance(message, Text):
            assert "".join(text_of(frame) for frame in wire) == message.text
            return
        (frame,) = wire
        if spec.roles:
            assert decode_client(frame) == message
        if spec.hub:
            assert decode_hub(frame) == message

    check()


@pytest.mark.parametrize("spec", FRAMES, ids=lambda spec: spec.message.__name__)
def test_plain_clients_never_get_table_two(spec: FrameSpec) -> None:
    @settings(max_examples=30, deadline=None)
    @given(messages(spec))
    def check(message: Any) -> None:
        for frame in encode(message, version=1):
            assert SPEC_OF[type(message)].version == 1
            if spec.hub:
                seen = decode_hub(frame)
                assert SPEC_OF[type(seen)].version == 1
                if isinstance(seen, SpeechStart | SpeechEnd):
                    assert seen == type(seen)()
        if spec.version == 2:
            assert encode(message, version=1) == []

    check()


# -------------------------------------------------------------------------------------------- text and tags


def text_of(frame: str) -> str:
    """What a client makes of a frame of text; a tag would be the fault that must not happen."""
    message = decode_hub(frame)
    assert isinstance(message, Text), f"{frame!r} was read as {message}"
    return message.text


pieces = st.lists(
    st.one_of(
        st.sampled_from(["[", "]", "END", "[E", "ND]", " ", "CHANGED", "MODE", *TAGS]),
        st.sampled_from(TAGS).map("[{}]".format),
        st.sampled_from(TAGS).map("[{}]happy".format),
        st.text(max_size=4),
    ),
    max_size=12,
)


@settings(max_examples=400, deadline=None)
@given(pieces, st.data())
def test_model_output_is_never_a_tag_in_any_chunking(parts: list[str], data: st.DataObject) -> None:
    whole = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert "".join(text_of(frame) for chunk in chunks for frame in encode_text(chunk)) == whole

    # Chunks that waited for a slow client are joined before they are encoded; the promise holds for those too.
    joins = sorted(data.draw(st.lists(st.integers(0, len(chunks)), max_size=3)))
    groups = [chunks[start:end] for start, end in zip([0, *joins], [*joins, len(chunks)], strict=True)]
    assert "".join(text_of(frame) for group in groups for frame in encode_text("".join(group))) == whole


@given(any_text)
def test_any_text_can_be_sent(text: str) -> None:
    wire = encode_text(text)
    sent = "".join(frame.encode().decode() for frame in wire)
    assert sent == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert all(isinstance(decode_hub(frame), Text) for frame in wire)


@given(st.sampled_from(TAGS))
def test_plain_clients_too_are_never_fooled(tag: str) -> None:
    frames = encode(Text(f"[{tag}]happy"), version=1)
    assert not any(isinstance(decode_hub(frame), Emotion | End) for frame in frames)


def test_messages_are_immutable_and_hashable_where_their_fields_are() -> None:
    start = SpeechStart("t1")
    assert replace(start, turn="t2") != start
    assert hash(start) == hash(SpeechStart("t1"))
