"""Commands, lexicon, prompt, window and token guesses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.app.persona import PersonaError, read_persona
from backend.app.ports import ChatRequest, StoredMessage
from backend.app.pure.commands import COMMANDS, SlashCommand, UnknownCommand, parse
from backend.app.pure.lexicon import guess_emotion
from backend.app.pure.persona import Persona, build_prompt, note_of_the_moment
from backend.app.pure.tokens import estimate_tokens
from backend.app.pure.window import heard_part, room_for_history, tokens_of, window

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PERSONA = Persona(
    name="Alisa", prompt="You are {name}.", emotion_marks="Marks: {emotions}", modes={"default": "", "calm": "Be calm."}
)


def message(number: int, role: str, text: str = "x", **rest: object) -> StoredMessage:
    return StoredMessage(number, 1, role, text, "user", f"t{number}", NOW, **rest)  # type: ignore[arg-type]


def dialogue(turns: int) -> list[StoredMessage]:
    return [message(n, "user" if n % 2 == 0 else "assistant", f"m{n}") for n in range(2 * turns)]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/mode calm", SlashCommand("mode", "calm")),
        ("  /MODE   Calm  ", SlashCommand("mode", "Calm")),
        ("/history two words", SlashCommand("history", "two words")),
        ("/stop", SlashCommand("stop")),
        ("/etc/hosts is what?", None),
        ("/ is a slash", None),
        ("hello /mode calm", None),
        ("//comment", None),
        ("1/2", None),
    ],
)
def test_commands_are_told_from_what_is_said(text: str, command: SlashCommand | None) -> None:
    assert parse(text) == command


def test_an_unknown_command_names_the_known_and_the_nearest() -> None:
    unknown = parse("/mod calm")
    assert isinstance(unknown, UnknownCommand)
    assert "Did you mean /mode?" in unknown.text
    assert all(f"/{name}" in unknown.text for name in COMMANDS)


@given(st.text())
def test_parsing_is_total(text: str) -> None:
    parse(text)
    parse("/" + text)


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I'm so sorry to hear that. Unfortunately there is little one can do.", "sad"),
        ("Wow, no way!", "surprised"),
        ("Hmph. It's not like I waited for you, dummy.", "teasing"),
        ("Please be careful, that is dangerous.", "serious"),
        ("Das tut mir leid.", "sad"),
        ("Super, das freut mich!", "happy"),
        ("Take a deep breath. No rush.", "calm"),
        ("The file is in the folder.", "neutral"),
        ("", "neutral"),
        ("I am glad and sad.", "neutral"),
    ],
)
def test_the_lexicon_knows_plain_signals_only(text: str, emotion: str) -> None:
    assert guess_emotion(text) == emotion


def test_the_lexicon_looks_at_the_end_of_a_long_text_alone() -> None:
    assert guess_emotion("So sad. " * 1_000 + "And then? " * 200) == "neutral"
    assert guess_emotion("So sad. " * 1_000 + "And then? " * 200 + "How lovely!") == "happy"


def test_the_prompt_begins_with_what_never_changes_and_alternates() -> None:
    history = [
        message(1, "assistant", "dangling"),
        message(2, "user", "one"),
        message(3, "user", "two"),
        message(4, "assistant", "hm", interrupted=True),
        message(5, "user", "three"),
    ]
    prompt = build_prompt(PERSONA, "calm", history)
    assert [(m.role, m.content) for m in prompt] == [
        (
            "system",
            "You are Alisa.\n\nBe calm.\n\nMarks: neutral, happy, sad, angry, surprised, teasing, calm, serious",
        ),
        ("user", "one\n\ntwo"),
        ("assistant", "hm —"),
        ("user", "three"),
    ]


def test_the_time_stands_before_the_newest_message_and_is_not_part_of_it() -> None:
    request = ChatRequest(build_prompt(PERSONA, "calm", [message(1, "user", "hi")]), note=note_of_the_moment(NOW))
    assert request.messages[-1].content == "hi"
    assert request.messages_with_note()[-1].content == "(Now: Saturday, 21 November 2026, 09:30.)\nhi"


def test_an_unknown_mode_counts_as_default() -> None:
    assert PERSONA.system("gone") == PERSONA.system("default")


def test_the_shipped_persona_is_whole() -> None:
    from importlib.resources import files

    persona = read_persona(files("backend.app").joinpath("persona.yaml").read_text("utf-8"))
    assert set(persona.modes) == {"default", "teasing", "calm", "serious"}
    assert "<emotion=" in persona.system("default")
    assert "{name}" not in persona.system("default")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("name: A\nprompt: [", "line 2"),
        ("name: A\nprompt: x\nmodes: {calm: y}", "default"),
        ("name: A\nprompt: x\nmodes: {default: '', 'very calm': y}", "one word"),
        ("name: A\nprompt: x\nmodes: {default: ''}\nnope: 1", "nope"),
        ("just text", "the file"),
        ("", "the file"),
    ],
)
def test_a_broken_persona_names_the_fault(text: str, part: str) -> None:
    with pytest.raises(PersonaError) as caught:
        read_persona(text)
    assert part in caught.value.text


def test_persona_models_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValidationError):
        Persona(name="", prompt="x", modes={"default": ""})


def test_the_window_holds_the_last_turns() -> None:
    kept = window(dialogue(15), turns=10, tokens=100_000)
    assert [m.id for m in kept] == list(range(10, 30))


def test_the_window_counts_tokens_by_whole_turns_and_keeps_the_newest() -> None:
    messages = [message(n, "user" if n % 2 == 0 else "assistant", tokens=40) for n in range(10)]
    assert [m.id for m in window(messages, turns=10, tokens=200)] == [6, 7, 8, 9]
    assert [m.id for m in window(messages, turns=10, tokens=1)] == [8, 9]


def test_superseded_messages_belong_to_one_turn() -> None:
    messages = [message(0, "user"), message(1, "assistant"), message(2, "user"), message(3, "user"), message(4, "user")]
    assert [m.id for m in window(messages, turns=1, tokens=1000)] == [2, 3, 4]
    assert window([message(1, "assistant")], turns=5, tokens=100) == ()


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 500)), max_size=40), st.integers(1, 12), st.integers(1, 3000))
def test_the_window_is_a_suffix_within_its_limits(shape: list[tuple[bool, int]], turns: int, tokens: int) -> None:
    messages = [message(n, "user" if user else "assistant", tokens=t) for n, (user, t) in enumerate(shape)]
    kept = window(messages, turns, tokens)
    assert list(kept) == messages[len(messages) - len(kept) :]
    if kept:
        begins = [
            m for a, m in zip([None, *kept], kept, strict=False) if m.role == "user" and (not a or a.role != "user")
        ]
        assert kept[0].role == "user"
        assert len(begins) <= turns
        assert sum(map(tokens_of, kept)) <= tokens or len(begins) == 1


@given(st.text(max_size=300), st.text(max_size=300))
def test_token_guesses_grow_with_the_text(a: str, b: str) -> None:
    assert estimate_tokens(a + b) >= max(estimate_tokens(a), estimate_tokens(b)) >= 4


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("", ""),
        ("I have 20", "I have 20"),
        ("I have twenty", "I have 20"),
        ("I have twenty cats and more than that", "I have 20 cats."),
        ("something she never sai", "I have 20 cats."),
        ("x", "I"),
        ("xxx", "I"),
    ],
)
def test_only_her_own_words_count_as_heard(heard: str, kept: str) -> None:
    assert heard_part("I have 20 cats.", heard) == kept


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_was_heard_is_a_beginning_of_what_was_said(text: str, heard: str) -> None:
    assert text.startswith(heard_part(text, heard))


def test_the_history_leaves_room_for_persona_and_reply() -> None:
    assert room_for_history(3000, None, 512, 600) == 3000
    assert room_for_history(3000, 32_768, 512, 600) == 3000
    assert room_for_history(3000, 4096, 512, 600) == 2984
    assert room_for_history(3000, 1024, 512, 600) == 128
