"""A server's stream becomes chunks and at most one fault, whatever server and chunking."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.ports import Chunk, Finished, LLMError, ReasoningDelta, TextDelta
from backend.app.pure.chat_stream import ChatStream
from tests.support.fake_llm import Script

STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def say(text: str | None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text, **more}, "finish_reason": None}]}


def wire(*events: Any) -> bytes:
    return b"".join(
        b"data: " + (e.encode() if isinstance(e, str) else json.dumps(e).encode()) + b"\n\n" for e in events
    )


def read(*pieces: bytes) -> tuple[list[Chunk], LLMError | None]:
    stream = ChatStream()
    chunks = [chunk for piece in pieces for chunk in stream.feed(piece)]
    chunks += stream.end()
    assert stream.done
    return chunks, stream.error


def test_a_plain_answer() -> None:
    chunks, error = read(wire(say(None, role="assistant"), say("Hel"), say(""), say("lo"), STOP, "[DONE]"))
    assert chunks == [TextDelta("Hel"), TextDelta("lo"), Finished("stop")]
    assert error is None


def test_usage_in_a_last_chunk_without_choices() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}}
    chunks, error = read(wire(say("a"), STOP, usage, "[DONE]"))
    assert (chunks[-1], error) == (Finished("stop", 12, 3), None)


def test_done_may_be_missing_when_there_is_a_finish_reason() -> None:
    assert read(wire(say("a"), STOP)) == ([TextDelta("a"), Finished("stop")], None)


def test_length_is_told_apart_and_other_reasons_are_a_stop() -> None:
    for given_reason, reason in (("length", "length"), ("eos", "stop"), ("content_filter", "stop")):
        last = {"choices": [{"delta": {}, "finish_reason": given_reason}]}
        assert read(wire(say("a"), last, "[DONE]"))[0][-1] == Finished(reason)


@pytest.mark.parametrize("tail", [b"", b"data: [DONE]\n\n", b'data: {"choices":[{"del'])
def test_an_answer_without_a_finish_reason_is_cut(tail: bytes) -> None:
    chunks, error = read(wire(say("a")) + tail)
    assert chunks == [TextDelta("a")]
    assert error is not None
    assert (error.kind, error.retry) == ("cut", True)


@pytest.mark.parametrize("reason", ["error", "abort"])
def test_a_finish_reason_that_says_failed_is_a_fault(reason: str) -> None:
    _, error = read(wire(say("a"), {"choices": [{"delta": {}, "finish_reason": reason}]}, "[DONE]"))
    assert error is not None
    assert error.kind == "server"


@pytest.mark.parametrize("fault", [{"message": "the graph failed", "code": 500}, "the graph failed", {"message": "x"}])
def test_an_error_in_the_stream_comes_after_the_chunks_before_it(fault: Any) -> None:
    chunks, error = read(wire(say("a"), {"error": fault}, say("b")))
    assert chunks == [TextDelta("a")]
    assert error is not None
    assert error.kind == "server"
    assert "graph" not in error.text


def test_an_error_that_is_null_is_none() -> None:
    assert read(wire({**say("a"), "error": None}, STOP))[1] is None


@pytest.mark.parametrize("junk", ["no json", "[1]", '"text"', '{"choices": [7]}', '{"choices": {"a": 1}}'])
def test_what_is_no_chunk_is_a_fault_of_the_server(junk: str) -> None:
    _, error = read(wire(say("a"), junk, STOP))
    assert error is not None
    assert error.kind == "server"


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_of_its_own_field(key: str) -> None:
    chunks, _ = read(wire(say(None, **{key: "hm"}), say("a"), STOP))
    assert chunks == [ReasoningDelta("hm"), TextDelta("a"), Finished("stop")]


def test_inline_reasoning_and_what_was_held_back_at_the_end() -> None:
    chunks, _ = read(wire(say("<thi"), say("nk>hm</think>"), say("\n<"), STOP))
    assert chunks == [ReasoningDelta("hm"), TextDelta("<"), Finished("stop")]


def test_a_character_split_between_two_chunks_by_json_escapes() -> None:
    first = b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n'
    raw = first + b'data: {"choices":[{"delta":{"content":"\\ude00b"}}]}\n\n'
    assert read(raw + wire(STOP))[0] == [TextDelta("a"), TextDelta("😀b"), Finished("stop")]


def test_half_a_character_never_gets_out() -> None:
    for half in (b"\\ud83d", b"\\ude00", b"\\ud83dx\\ude00"):
        raw = b'data: {"choices":[{"delta":{"content":"' + half + b'"}}]}\n\n'
        chunks, _ = read(raw + wire(STOP))
        for chunk in chunks:
            if isinstance(chunk, TextDelta):
                assert "\ufffd" in chunk.text
                chunk.text.encode()


def test_bytes_that_are_no_utf8_cost_only_themselves() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"a\xff"}}]}\n\n'
    assert read(raw + wire(STOP))[0][0] == TextDelta("a\ufffd")


def test_an_answer_that_is_one_document() -> None:
    stream = ChatStream()
    message = {"role": "assistant", "content": "<think>x</think>Hello"}
    body = {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"prompt_tokens": 1}}
    assert stream.whole(json.dumps(body).encode()) == [ReasoningDelta("x"), TextDelta("Hello"), Finished("length", 1)]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"choices": []}', b'{"error": "no"}'])
def test_a_document_that_is_no_answer_is_a_fault(body: bytes) -> None:
    stream = ChatStream()
    assert stream.whole(body) == []
    assert stream.error is not None


SCRIPTS = st.builds(
    Script,
    tokens=st.lists(st.text(st.sampled_from("ab é😀\n<think/>"), min_size=1, max_size=6), max_size=6),
    reasoning=st.lists(st.text(min_size=1, max_size=4), max_size=2),
    finish=st.sampled_from(["stop", "length", None]),
    done=st.booleans(),
    usage=st.booleans(),
    crlf=st.booleans(),
    comments=st.booleans(),
    error_after=st.sampled_from([None, 0, 2]),
)


@given(SCRIPTS, st.data())
def test_any_chunking_of_the_bytes_gives_the_same_chunks(script: Script, data: st.DataObject) -> None:
    raw = b"".join(event for event, _ in script.encoded if event is not None)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    chunks, error = read(*pieces)
    whole, whole_error = read(raw)
    assert chunks == whole
    assert (error and error.kind) == (whole_error and whole_error.kind)
    assert (error is None) == isinstance(whole[-1] if whole else None, Finished)


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    read(*(b"data: " + piece + b"\n\n" for piece in pieces))
