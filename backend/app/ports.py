"""The hub's ports: what it needs of the outside world, as protocols and plain data.

Adapters (backend/app/adapters/) implement them; only main.py connects the two. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from link.settings.schema import LLMSettings

# --------------------------------------------------------------------------------------------- language model

ChatRole = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt, as chat-completion servers understand it."""

    role: ChatRole
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a language model is asked.

    messages: system prompt first, then the conversation, the newest message last, exactly as it was said.
    note: what holds only now (the time); a model reads it before the newest message, where no cached prefix of the
    prompt depends on it. It is no part of what was said.
    conversation: number of the conversation; servers with slots keep its prompt cache by it.
    request: id for the logs (never sent to the server as a header).
    mode: the conversation mode; models read it in the system prompt, the starter (which reads none) here.
    """

    messages: tuple[ChatMessage, ...]
    conversation: int = 0
    request: str = ""
    mode: str = "default"
    note: str = ""

    def messages_with_note(self) -> tuple[ChatMessage, ...]:
        """The messages for a model, with the note before the newest one."""
        if not self.note:
            return self.messages
        *before, newest = self.messages
        return (*before, ChatMessage(newest.role, f"{self.note}\n{newest.content}"))


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's hidden reasoning. Never shown, spoken or stored."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete. A stream that ends without one has failed.

    reason: `stop` or `length` (cut off at the reply's token limit).
    """

    reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


Chunk = TextDelta | ReasoningDelta | Finished

LLMErrorKind = Literal[
    "unreachable",  # nobody answers at the address: not started, gone, wrong port
    "starting",  # the server answers but is still loading its model
    "server",  # the server failed (5xx, or an error in the stream)
    "stalled",  # no first token, or no next one, within the limit
    "cut",  # the stream ended before it was finished
    "overflow",  # the prompt does not fit the context
    "rejected",  # the server refused the request (4xx): wrong model, bad option, bad key
    "busy",  # too many requests at once
]


class LLMError(Exception):
    """A request that failed.

    kind: what happened. text: one sentence for people, with no path, address of a secret, or traceback in it.
    retry: whether the same request may succeed if tried again soon.
    n_prompt_tokens, n_ctx: for `overflow`, where the server tells.
    """

    def __init__(
        self,
        kind: LLMErrorKind,
        text: str,
        *,
        retry: bool = False,
        n_prompt_tokens: int | None = None,
        n_ctx: int | None = None,
    ) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.retry = retry
        self.n_prompt_tokens = n_prompt_tokens
        self.n_ctx = n_ctx


LLMStatus = Literal["starting", "ready", "down"]


@dataclass(frozen=True, slots=True)
class LLMState:
    """What an engine says of itself, for /status.

    provider: the engine's registered name (`llamacpp`, `openai`, `starter`).
    model: what answers, as people would name it. detail: why it is not ready, one sentence; remedy: what to do.
    starter: True for the rule-based starter, which is no language model and must be labelled.
    """

    provider: str
    status: LLMStatus
    model: str = ""
    detail: str = ""
    remedy: str = ""
    n_ctx: int | None = None
    starter: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


class LLM(Protocol):
    """A language model engine.

    `batches` is an async generator of the answer's chunks, one non-empty list for each piece that came over the
    network, so that many tokens cost one wake-up. Closing it (aclose, or cancelling the task that reads it) must
    make the server stop generating. It raises LLMError, always after the chunks that came before the fault.
    `count_tokens` returns None where the engine cannot count without a guess. `start` returns at once (it may
    begin background work); `close` ends what was started. `watch` asks for a call of `changed` (from the event
    loop, never from within `watch` itself) whenever `state()` has changed.
    """

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def batches(self, request: ChatRequest) -> AsyncGenerator[list[Chunk], None]: ...

    async def count_tokens(self, text: str) -> int | None: ...

    async def models(self) -> Sequence[str]: ...

    def state(self) -> LLMState: ...

    def watch(self, changed: Callable[[], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class LLMContext:
    """What the hub gives an engine's factory.

    settings: the live settings, asked again for each request so that changes take effect at once.
    persona_name: her name as the persona file has it. now: the local time.
    dialogue: what was said before this turn, in all conversations, oldest first, at most 1,000 messages. It is the
    starter's memory: what the user told her, what a bare "Max" answered, which of her lines are used up.
    """

    settings: Callable[[], LLMSettings]
    models_dir: Path
    data_dir: Path
    persona_name: Callable[[], str]
    dialogue: Callable[[], Awaitable[Sequence[ChatMessage]]]
    now: Callable[[], datetime]


# ------------------------------------------------------------------------------------------------- the history

Speaker = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose conversation it is. Every query is filtered by it, so that no one meets another's words.

    companion: the persona's id; user: `local` or a viewer's id; platform: `desktop`, `tiktok`, ...
    """

    companion: str = "alisa"
    user: str = "local"
    platform: str = "desktop"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be stored.

    source: who caused it (`user`, `voice`, `viewer`, `idle`, `help`, `reminder`, `action`).
    turn: id of the turn it belongs to. interrupted: for replies, the text is what was delivered before a stop.
    tokens: its length by the model's own tokenizer, if known.
    """

    conversation: int
    role: Speaker
    text: str
    source: str
    turn: str
    emotion: str | None = None
    interrupted: bool = False
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message that is on the disk. `at` is an aware UTC time."""

    id: int
    conversation: int
    role: Speaker
    text: str
    source: str
    turn: str
    at: datetime
    emotion: str | None = None
    interrupted: bool = False
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation and how much is in it."""

    id: int
    title: str
    created: datetime
    messages: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class HistorySummary:
    """Totals over everything in the scope."""

    messages: int
    conversations: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages, newest first; `before` fetches the next older page, None when there is none."""

    messages: tuple[StoredMessage, ...]
    before: int | None


class StoreError(Exception):
    """Storage failed (disk full, not writable, damaged). `text` is one sentence for people that says what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Store(Protocol):
    """History and small pieces of state that outlive the hub. Every method may raise StoreError.

    Writes return when the data would survive a kill and a power cut. Nothing here blocks the event loop.
    All reads and writes keep to the scope the store was opened with.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def add(self, *messages: NewMessage) -> tuple[StoredMessage, ...]:
        """Store messages in one transaction, in order."""
        ...

    async def shorten(self, turn: str, text: str) -> bool:
        """Cut the reply of `turn` to what was heard and mark it interrupted; an empty text removes the reply.
        Returns False when the turn has no stored reply."""
        ...

    async def remove_reply(self, turn: str) -> bool:
        """Take back the reply of `turn` (for a retry). Returns False when there is none."""
        ...

    async def set_tokens(self, counts: dict[int, int]) -> None:
        """Remember counted lengths: message id -> tokens."""
        ...

    async def recent(self, conversation: int, limit: int) -> tuple[StoredMessage, ...]:
        """The newest `limit` messages of a conversation, oldest first."""
        ...

    async def page(
        self,
        *,
        conversation: int | None = None,
        search: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> HistoryPage:
        """Messages newest first, of one conversation or all; `search` is plain words, never query syntax."""
        ...

    async def summary(self) -> HistorySummary: ...

    async def clear(self, conversation: int | None = None) -> int:
        """Delete the messages of a conversation (or all) beyond recovery; returns how many there were."""
        ...

    async def conversations(self) -> tuple[Conversation, ...]:
        """All conversations, the most recently used first."""
        ...

    async def create_conversation(self, title: str = "") -> Conversation: ...

    async def get_state(self, key: str) -> str | None: ...

    async def set_state(self, key: str, value: str) -> None: ...

    async def durability(self) -> dict[str, str]:
        """The settings that decide what survives, read from the live write connection."""
        ...
