"""What she has in mind of the current conversation: its last messages, in step with what is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime

from backend.app.ports import ChatMessage, Conversation, NewMessage, Store, StoredMessage
from backend.app.pure.turns import Stimulus
from backend.app.pure.window import heard_part, tokens_of, window
from link.settings.schema import ConversationSettings

_CURRENT = "conversation"


class ShortTermMemory:
    """The messages of the current conversation that may enter a prompt.

    Only the conversation's driver calls what changes it, one call at a time.
    """

    def __init__(self, store: Store, settings: Callable[[], ConversationSettings]) -> None:
        self._store = store
        self._settings = settings
        self._messages: list[StoredMessage] = []
        self.conversation = 0

    async def load(self) -> None:
        """Take up the conversation of last time, or begin the first."""
        known = {conversation.id for conversation in await self._store.conversations()}
        current = await self._store.get_state(_CURRENT)
        number = int(current) if current and current.isdigit() and int(current) in known else 0
        await self.switch(number or max(known, default=0) or (await self._store.create_conversation()).id)

    async def switch(self, conversation: int) -> None:
        """Go on with this conversation."""
        self._messages = list(await self._store.recent(conversation, self._settings().turns * 4))
        self.conversation = conversation
        await self._store.set_state(_CURRENT, str(conversation))

    async def new(self, title: str) -> Conversation:
        """Begin a conversation and go on with it."""
        created = await self._store.create_conversation(title)
        await self.switch(created.id)
        return created

    async def clear(self, everything: bool) -> int:
        """Delete the current conversation's messages, or all; returns how many there were."""
        count = await self._store.clear(None if everything else self.conversation)
        await self.load()
        return count

    def window(self, stimulus: Stimulus, tokens: int) -> tuple[StoredMessage, ...]:
        """The turns for a prompt that answers `stimulus`, which comes last; at most `tokens` long."""
        messages = self._messages
        if stimulus.answers:
            messages = [m for m in messages if not (m.role == "assistant" and m.turn == stimulus.replaces)]
        elif not any(m.turn == stimulus.turn and m.role == "user" for m in messages):
            messages = [*messages, self._pending(stimulus)]
        return window(messages, self._settings().turns, tokens)

    @property
    def tokens(self) -> int:
        """Length of the turns in mind, in tokens."""
        settings = self._settings()
        return sum(tokens_of(message) for message in window(self._messages, settings.turns, settings.tokens))

    def last(self) -> tuple[StoredMessage | None, StoredMessage | None]:
        """The newest message of the user and the reply to it, if there is one."""
        for index in range(len(self._messages) - 1, -1, -1):
            if self._messages[index].role == "user":
                later = self._messages[index + 1 :]
                return self._messages[index], (later[-1] if later else None)
        return None, None

    async def add_user(self, stimulus: Stimulus) -> StoredMessage:
        """Store what was said to her. Raises StoreError."""
        return await self._add(NewMessage(self.conversation, "user", stimulus.text, stimulus.source, stimulus.turn))

    async def add_reply(
        self, stimulus: Stimulus, text: str, emotion: str | None, *, interrupted: bool = False
    ) -> StoredMessage:
        """Store what she said; for a retry the earlier reply goes at this moment, not before. Raises StoreError."""
        if stimulus.replaces:
            await self._store.remove_reply(stimulus.replaces)
            self._messages = [m for m in self._messages if not (m.role == "assistant" and m.turn == stimulus.replaces)]
        return await self._add(
            NewMessage(
                self.conversation, "assistant", text, stimulus.source, stimulus.turn, emotion, interrupted=interrupted
            )
        )

    async def shorten(self, turn: str, heard: str) -> None:
        """The stored reply of a turn was heard only so far. Raises StoreError."""
        known = [m for m in self._messages if m.role == "assistant" and m.turn == turn]
        for message in known:
            text = heard_part(message.text, heard)
            if text != message.text and await self._store.shorten(turn, text):
                shorter = dataclasses.replace(message, text=text, interrupted=True, tokens=None)
                self._messages = [shorter if m is message else m for m in self._messages if m is not message or text]

    async def remember(self, key: str, value: str) -> None:
        """Keep a piece of state for the next start. Raises StoreError."""
        await self._store.set_state(key, value)

    async def remembered(self, key: str) -> str | None:
        """A piece of state as it was kept. Raises StoreError."""
        return await self._store.get_state(key)

    async def count(self, count_tokens: Callable[[str], Awaitable[int | None]]) -> None:
        """Let the model's own tokenizer count what is only estimated so far; stops where it cannot."""
        counted: dict[int, int] = {}
        for message in [m for m in self._messages if m.tokens is None]:
            tokens = await count_tokens(message.text)
            if tokens is None:
                break
            counted[message.id] = tokens
        if counted:
            self._messages = [
                dataclasses.replace(m, tokens=counted[m.id]) if m.id in counted and m.tokens is None else m
                for m in self._messages
            ]
            await self._store.set_tokens(counted)

    async def _add(self, message: NewMessage) -> StoredMessage:
        (stored,) = await self._store.add(message)
        if stored.conversation == self.conversation:
            self._messages.append(stored)
            del self._messages[: -self._settings().turns * 4]
        return stored

    def _pending(self, stimulus: Stimulus) -> StoredMessage:
        """The message that is being stored while the model is already asked."""
        return StoredMessage(
            0, self.conversation, "user", stimulus.text, stimulus.source, stimulus.turn, datetime.now(UTC)
        )


async def earlier_dialogue(store: Store, besides: Collection[str], limit: int = 1000) -> Sequence[ChatMessage]:
    """The newest messages of all conversations, oldest first, at most `limit`, but for those of the turns `besides`:
    what is being answered now was not said before. Raises StoreError."""
    found: list[StoredMessage] = []
    before: int | None = None
    while len(found) < limit:
        page = await store.page(before=before, limit=200)
        found += [message for message in page.messages if message.turn not in besides]
        before = page.before
        if before is None:
            break
    return [ChatMessage(message.role, message.text) for message in reversed(found[:limit])]
