"""The line below the prompt."""

from __future__ import annotations

from link.messages import ModeChanged, Quiet, Status
from voice.chat.fragments import text_of
from voice.chat.status_line import StatusLine, quiet_words


def line(*messages: object, connected: bool = True, width: int = 200, hint: str = "") -> str:
    status = StatusLine()
    status.connected = connected
    for message in messages:
        status.on(message)
    return text_of(status.fragments(width, hint))


MODEL = Status(llm={"provider": "llamacpp", "model": "tiny.gguf", "starter": False, "status": "ready"}, mode="calm")


def test_connection_mode_and_model() -> None:
    assert line(MODEL) == "connected · mode calm · tiny.gguf"


def test_before_the_hub_has_answered() -> None:
    assert line(connected=False) == "the hub is away"


def test_the_starter_is_labelled() -> None:
    assert line(Status(llm={"provider": "starter", "starter": True})).endswith("starter (no language model)")


def test_a_model_that_is_not_ready_says_so() -> None:
    loading = Status(llm={"model": "tiny.gguf", "status": "loading", "starter": False})
    assert line(loading).endswith("tiny.gguf (loading)")


def test_it_follows_changes() -> None:
    assert line(MODEL, ModeChanged("teasing"), Quiet("voice")) == "connected · mode teasing · tiny.gguf · voice off"


def test_quiet_with_and_without_end() -> None:
    assert quiet_words({"scope": "all", "until": 0}) == "quiet"
    assert quiet_words({"scope": "off"}) == quiet_words({}) == ""
    assert quiet_words({"scope": "all", "until": 1_800_000_000.0}).startswith("quiet until ")


def test_it_is_cut_to_the_width_and_holds_no_control_characters() -> None:
    assert all(len(line(MODEL, width=width)) <= width for width in range(40))
    assert "\x1b" not in line(Status(llm={"model": "\x1b[31m\nx"}))


def test_a_hint_comes_first() -> None:
    assert line(MODEL, hint="Again?").startswith("Again? · connected")
