"""Slash commands as the chat sees them."""

from __future__ import annotations

import pytest

from voice.chat.commands import COMMANDS, completions, help_text, is_command, local


@pytest.mark.parametrize("text", ["/mode", "/mode calm", " /retry ", "/moood"])
def test_commands(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", ["", "hello /mode", "/etc/hosts", "/ what", "/3", "and/or"])
def test_things_said(text: str) -> None:
    assert not is_command(text)


def test_only_help_and_quit_stay_here() -> None:
    assert [local(name) for name in ("/help", "/quit", "/EXIT", "/mode", "help")] == [
        "help",
        "quit",
        "quit",
        None,
        None,
    ]


def test_help_names_every_command() -> None:
    assert all(f"\n{name} " in "\n" + help_text() for name in COMMANDS)


def test_completion_of_names_and_arguments() -> None:
    assert [text for text, _, _ in completions("/s")] == ["/switch", "/status", "/stop"]
    assert completions("/mode ca", ["default", "calm", "wild"]) == [("calm", "", 2)]
    assert completions("/mode ") == []
    assert completions("hello") == completions("/new my") == completions("/mode\nx") == []
