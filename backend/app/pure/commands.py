"""Slash commands, as typed by the user. The hub parses them; `/help` and `/quit` belong to the clients."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

COMMANDS: dict[str, str] = {
    "mode": "/mode [name]: show the conversation modes, or change to one",
    "new": "/new [title]: begin a new conversation",
    "conversations": "/conversations: list the conversations",
    "switch": "/switch N: go on with conversation N",
    "history": "/history [n | words]: the last messages, or those that hold these words",
    "clear": "/clear: delete this conversation",
    "status": "/status: what is connected, and who answers",
    "retry": "/retry: answer the last message again",
    "stop": "/stop: stop the reply",
}

_COMMAND = re.compile(r"/([a-zA-Z]+)(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command and what follows it."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """Something that looks like a command and is none; `text` says so and lists what there is."""

    text: str


def parse(text: str) -> SlashCommand | UnknownCommand | None:
    """The command in a message, or None when it is something said (`/etc/hosts is what?` is no command)."""
    match = _COMMAND.fullmatch(text.strip())
    if not match:
        return None
    name = match[1].lower()
    if name in COMMANDS:
        return SlashCommand(name, (match[2] or "").strip())
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" Did you mean /{close[0]}?" if close else ""
    known = ", ".join(f"/{known}" for known in COMMANDS)
    return UnknownCommand(f"There is no command /{name[:40]}.{hint} The commands are {known}.")
