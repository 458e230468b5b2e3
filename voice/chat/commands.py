"""What the chat knows of slash commands: help, completion, and the few that never reach the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

COMMANDS: dict[str, str] = {
    "/help": "what you can type here",
    "/mode": "show the conversation modes, or change to one: /mode calm",
    "/history": "the last messages, or search them: /history 20, /history birthday",
    "/new": "begin a new conversation, with a title if you like",
    "/conversations": "list the conversations",
    "/switch": "go on with another conversation: /switch 2",
    "/clear": "delete this conversation (asks first)",
    "/status": "what is connected, and who answers",
    "/retry": "answer the last message again",
    "/stop": "stop the reply",
    "/quit": "end the chat",
}
KEYS = "Ctrl-C stops a reply, Ctrl-D ends the chat, Alt-Enter begins a new line, Up and Down recall what you typed."


def is_command(text: str) -> bool:
    """Whether this is a command and nothing said: a slash, letters, then nothing or a space."""
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    return word.startswith("/") and word[1:].isalpha() and word.isascii()


def local(text: str) -> Literal["help", "quit"] | None:
    """The command that this program answers by itself, or None."""
    word = text.strip().lower()
    if word == "/help":
        return "help"
    return "quit" if word in ("/quit", "/exit") else None


def help_text() -> str:
    """Every command with what it does, one a line."""
    width = max(map(len, COMMANDS))
    return "\n".join([*(f"{name:<{width}}  {does}" for name, does in COMMANDS.items()), KEYS])


def completions(typed: str, modes: Sequence[str] = ()) -> list[tuple[str, str, int]]:
    """How a half-typed line may go on: replacement, explanation, and how many characters before the cursor it replaces.

    Only commands are completed; anything else has none. modes: the conversation modes there are.
    """
    if not typed.startswith("/") or "\n" in typed:
        return []
    word, space, argument = typed.partition(" ")
    if not space:
        return [(name, does, len(word)) for name, does in COMMANDS.items() if name.startswith(word.lower())]
    choices: dict[str, Sequence[str]] = {"/mode": modes, "/clear": ("yes",)}
    return [
        (choice, "", len(argument)) for choice in choices.get(word.lower(), ()) if choice.startswith(argument.lower())
    ]
