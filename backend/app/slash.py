"""What the slash commands do. Parsed in pure/commands.py, typed only by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend.app.conversation import Conversation
from backend.app.ports import Store, StoredMessage, StoreError
from backend.app.pure import turns as t
from backend.app.pure.commands import SlashCommand
from backend.app.services import Services
from link.messages import Error, Notice

SHOWN = 10
"""Messages that /history shows unless told otherwise."""

LONGEST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Begun:
    """No answer is needed: this turn has begun."""

    turn: str


Answer = Notice | Error | Begun | None
"""What somebody gets for what they typed; None when what happens is answer enough (a stop, a change of mode)."""


class SlashCommands:
    """Runs the commands. Each method takes the argument and returns the answer for whoever typed it."""

    def __init__(
        self, conversation: Conversation, services: Services, store: Store, status: Callable[[], dict[str, Any]]
    ) -> None:
        self._conversation = conversation
        self._s = services
        self._store = store
        self._status = status

    async def run(self, command: SlashCommand, *, who: str = "", request: str = "") -> Answer:
        """Do what a command asks for. Never raises StoreError: a storage fault is an answer too."""
        try:
            match command.name:
                case "retry":
                    return await self._retry(who, request)
                case "stop":
                    return await self._stop()
                case "status":
                    return self._describe()
                case "conversations":
                    return await self._list()
            do = {
                "mode": self._mode,
                "new": self._new,
                "switch": self._switch,
                "history": self._history,
                "clear": self._clear,
            }[command.name]
            return await do(command.argument)
        except StoreError as error:
            return Error("storage", error.text)

    async def _mode(self, argument: str) -> Answer:
        known = ", ".join(self._conversation.modes)
        if not argument:
            return _said(f"The mode is {self._s.state.mode}. The modes are {known}.")
        if await self._conversation.set_mode(argument.lower()):
            return None
        return Error("mode", f"There is no mode called {argument[:40]}. The modes are {known}.")

    async def _new(self, argument: str) -> Answer:
        created = await self._conversation.perform(lambda: self._s.memory.new(argument[:80]))
        return _said(f"This is conversation {created.id} now. The earlier ones stay: /conversations lists them.")

    async def _list(self) -> Answer:
        lines = []
        for conversation in (await self._store.conversations())[:SHOWN]:
            here = "*" if conversation.id == self._s.memory.conversation else " "
            last = f"{conversation.last:%Y-%m-%d %H:%M} UTC" if conversation.last else "empty"
            title = conversation.title or "(no title)"
            lines.append(f"{here} {conversation.id}  {title}  ({conversation.messages} messages, {last})")
        return _said("\n".join(["The conversations, newest first (/switch N goes on with one):", *lines]))

    async def _switch(self, argument: str) -> Answer:
        known = {conversation.id: conversation for conversation in await self._store.conversations()}
        if not argument.isdecimal() or int(argument) not in known:
            return Error("conversation", "Which one? /conversations lists them, /switch 3 goes on with number 3.")
        number = int(argument)
        await self._conversation.perform(lambda: self._s.memory.switch(number))
        title = known[number].title
        return _said(f"This is conversation {number} now" + (f": {title}" if title else "."))

    async def _history(self, argument: str) -> Answer:
        if argument.isdecimal() or not argument:
            limit = max(1, min(int(argument or SHOWN), LONGEST_SHOWN))
            found = (await self._store.page(conversation=self._s.memory.conversation, limit=limit)).messages
            return _said("\n".join(map(self._line, reversed(found))) or "Nothing was said here yet.")
        found = (await self._store.page(search=argument, limit=SHOWN)).messages
        return _said("\n".join(map(self._line, reversed(found))) or "Nothing was found.")

    async def _clear(self, argument: str) -> Answer:
        if argument.lower() != "yes":
            number = self._s.memory.conversation
            known = {conversation.id: conversation.messages for conversation in await self._store.conversations()}
            return _said(
                f"This deletes the {known.get(number, 0)} messages of this conversation for ever. "
                "/clear yes does it; /new begins a new one and keeps them."
            )
        count = await self._conversation.perform(lambda: self._s.memory.clear(everything=False))
        return _said(f"Deleted: {count} messages.")

    async def _retry(self, who: str, request: str) -> Answer:
        turn = await self._conversation.retry(who=who, request=request)
        return Begun(turn) if turn else Error("retry", "There is nothing to answer again yet.")

    async def _stop(self) -> Answer:
        if not self._s.state.turn:
            return _said("There is nothing to stop.")
        await self._conversation.handle(t.StopAsked())
        return None

    def _describe(self) -> Answer:
        status = self._status()
        llm = status["llm"]
        label = "starter rules, no language model" if llm.get("starter") else llm.get("model") or llm.get("provider")
        parts = ", ".join(f"{part['name']} ({part['role']})" for part in status["parts"]) or "none"
        lines = [
            f"Who answers: {label} ({llm.get('status', 'unknown')})",
            f"Connected: {parts}",
            *(f"Started: {name} is {part['state']}" for name, part in status["started"].items() if "state" in part),
            f"Mode: {status['mode']}",
            f"Conversation: {status['conversation']}",
        ]
        lines += [f"{entry['part']}: {entry['why']} {entry['remedy']}".rstrip() for entry in status["degraded"]]
        return _said("\n".join(lines))

    def _line(self, message: StoredMessage) -> str:
        name = "You" if message.role == "user" else self._s.persona.current().name
        cut = " (interrupted)" if message.interrupted else ""
        return f"[{message.at:%Y-%m-%d %H:%M}] {name}: {message.text}{cut}"


def _said(text: str) -> Notice:
    return Notice("command", text)
