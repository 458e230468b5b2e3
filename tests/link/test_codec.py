"""The codec's rules, each by example."""

from __future__ import annotations

import pytest

from link.codec import Malformed, decode_client, decode_hub, encode, encode_text, tag_of
from link.messages import (
    Confirm,
    Emotion,
    End,
    Hello,
    ModeChanged,
    Notice,
    Quiet,
    Say,
    SpeechEnd,
    SpeechStart,
    Status,
    Text,
    Turn,
    VisionDesktop,
    VisionFace,
)


def test_a_message_of_the_user() -> None:
    assert decode_client('{"message": "hello"}') == Say("hello")
    assert decode_client('{"message": "hello", "id": "r1", "more": 1}') == Say("hello", "r1")
    assert encode(Say("hello")) == ['{"message":"hello"}']
    assert encode(Say("hello", "r1")) == ['{"message":"hello","id":"r1"}']


@pytest.mark.parametrize(
    ("frame", "category"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        (b"\x00\x01", "binary"),
        ("hello", "malformed"),
        ("[1, 2]", "malformed"),
        ('{"text": "hello"}', "malformed"),
        ('{"message": 5}', "malformed"),
        ('{"message": "hello", "id": 5}', "malformed"),
        ('{"message": "\ud800"}', "malformed"),
        ('{"message": "\\ud800"}', "malformed"),
        ("[" * 100_000, "malformed"),
        ('{"message": ' + "9" * 5000 + "}", "malformed"),
        ("[NO_SUCH_TAG]{}", "malformed"),
        ("[VISION_FACE]asleep", "malformed"),
        ("[HELLO]", "malformed"),
        ("[HELLO]{}", "malformed"),
        ('[HELLO]{"name": "' + "n" * 201 + '"}', "malformed"),
        ("[SPEECH_START]soon", "malformed"),
        ('[SPEECH_START]{"envelope": [2]}', "malformed"),
        ('[SPEECH_START]{"clock": 1e999}', "malformed"),
        ('[CONFIRM]{"id": "a", "allow": "yes"}', "malformed"),
        ('[CONFIRM]{"id": "a", "allow": 1}', "malformed"),
        ("[EMOTION]happy", "unknown"),
        ("[END]", "unknown"),
    ],
)
def test_what_a_client_cannot_say(frame: str | bytes, category: str) -> None:
    answer = decode_client(frame)
    assert isinstance(answer, Malformed)
    assert answer.category == category
    assert answer.text.endswith(".")
    assert "\n" not in answer.text


def test_the_answer_never_repeats_the_input() -> None:
    for frame in (
        '[QUIET]{"scope": "my secret"}',
        '[HELLO]{"name": ["my secret"]}',
        "[MIC]my secret",
        '{"my secret": 1}',
    ):
        answer = decode_client(frame)
        assert isinstance(answer, Malformed)
        assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ("Hello", Text("Hello")),
        ("", Text("")),
        ("[", Text("[")),
        ("[END", Text("[END")),
        ("[end]", Text("[end]")),
        (" [END]", Text(" [END]")),
        ("[SMILES] Hi", Text("[SMILES] Hi")),
        ('{"message": "x"}', Text('{"message": "x"}')),
        ("[END]", End()),
        ("[EMOTION]happy", Emotion("happy")),
        ("[MODE CHANGED]calm", ModeChanged("calm")),
        ("[SPEECH_START]", SpeechStart()),
        ('[SPEECH_END]{"turn": "t1", "utterance": "u1"}', SpeechEnd("t1", "u1")),
        ('[TURN]{"turn": "t1", "resumed": 3}', Turn("t1", resumed=3)),
    ],
)
def test_what_the_hub_says(frame: str, message: object) -> None:
    assert decode_hub(frame) == message


def test_frames_in_the_wrong_direction_are_named() -> None:
    for answer in (decode_hub('[HELLO]{"name": "x"}'), decode_client('[STATUS]{"mode": "calm"}')):
        assert isinstance(answer, Malformed)
        assert answer.category == "unknown"
        assert answer.tag in ("HELLO", "STATUS")


def test_text_that_would_begin_like_a_tag_is_split_after_its_bracket() -> None:
    assert encode_text("[END] of story") == ["[", "END] of story"]
    assert encode_text("[MODE CHANGED]x") == ["[", "MODE CHANGED]x"]
    assert encode_text("[SMILES]") == ["[SMILES]"]  # nobody takes it for a tag
    assert encode_text(" [END]") == [" [END]"]
    assert encode_text("") == []


def test_surrogates_become_what_can_be_sent() -> None:
    assert encode_text("a\ud83d\ude00b\ud83d") == ["a\U0001f600b\ufffd"]
    assert encode(Notice("\ud800", "a\udfff")) == ['[NOTICE]{"category":"\ufffd","text":"a\ufffd"}']
    assert encode(Say("\ud83d\ude00")) == ['{"message":"\U0001f600"}']
    assert encode(VisionDesktop("\ud800")) == ["[VISION_DESKTOP]\ufffd"]
    assert encode(Status(llm={"\ud800": ["\ud800", 1]}))[0].count("\ufffd") == 2


def test_plain_clients_get_the_first_table_only() -> None:
    full = SpeechStart("t1", "u1", 12.5, 60.0, (0.0, 1.0))
    assert encode(full, version=1) == ["[SPEECH_START]"]
    assert decode_hub(encode(full)[0]) == full
    assert encode(SpeechStart()) == ["[SPEECH_START]"]
    assert encode(Turn("t1"), version=1) == []
    assert encode(Quiet("all"), version=1) == []
    assert encode(Emotion("sad"), version=1) == ["[EMOTION]sad"]
    assert encode(Say("x", "id"), version=1) == ['{"message":"x"}']


def test_spaces_round_a_word_do_not_count_and_raw_text_stays_as_it_is() -> None:
    assert decode_client("[VISION_FACE] present\n") == VisionFace("present")
    assert decode_client('[VISION_DESKTOP] {"a": 1} ') == VisionDesktop(' {"a": 1} ')


def test_fields_that_are_not_known_yet_are_overlooked() -> None:
    assert decode_client('[HELLO]{"name": "x", "colour": "red"}') == Hello("x")
    assert decode_client('[CONFIRM]{"id": "a", "allow": true, "why": null}') == Confirm("a", True)


def test_only_registered_names_are_tags() -> None:
    assert tag_of("[END]") == "END"
    assert tag_of("[MODE CHANGED]calm") == "MODE CHANGED"
    assert tag_of("[MODE]calm") == "MODE"
    assert tag_of("[ENDE]") is None
    assert tag_of("[EN") is None
