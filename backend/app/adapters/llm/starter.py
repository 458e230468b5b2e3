"""The starter as an engine: it reads the script's files, knows the clock, and speaks at a human pace.

What it says is decided by the pure package backend.app.pure.starter.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from backend.app.ports import (
    LLM,
    ChatMessage,
    ChatRequest,
    Chunk,
    Finished,
    LLMContext,
    LLMError,
    LLMState,
    StoreError,
    TextDelta,
)
from backend.app.pure import starter as rules
from link.registry import Engine, Missing

LABEL = "starter (rules, no language model)"
REMEDY = "Run `python -m backend models pull` to download a language model, then restart."

PACE = 0.03
"""Seconds between two words: as quick as a fast model, so that a reply is seen to grow."""
LONGEST = 0.5
"""Seconds that a whole reply may take at most; longer ones are spoken faster."""
KEPT = 40
"""Her latest replies that are kept in memory, so that she repeats none of them in any conversation."""

_SCRIPT = Path(rules.__file__).parent / "script"
_PIECE = re.compile(r"\S+\s*|\s+")


def load_scripts(folder: Path = _SCRIPT) -> dict[rules.Language, rules.Script]:
    """Read and check the script of each language. Takes about a tenth of a second. Raises rules.ScriptError."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    languages: tuple[rules.Language, ...] = ("en", "de")
    scripts = {}
    for language in languages:
        texts = [path.read_text(encoding="utf-8") for path in sorted((folder / language).glob("*.yaml"))]
        scripts[language] = rules.parse_script(language, [yaml.load(text, loader) for text in texts])
    return scripts


def pieces(text: str) -> list[str]:
    """The text in words, each with the space behind it; they join to the exact text. The emotion mark is one piece."""
    return _PIECE.findall(text)


class StarterEngine:
    """Answers by rules. Implements the LLM port; it is ready at once and needs nothing."""

    name = "starter"

    def __init__(
        self,
        context: LLMContext,
        *,
        chooser: rules.Chooser | None = None,
        scripts: Mapping[rules.Language, rules.Script] | None = None,
    ) -> None:
        self._context = context
        self._chooser = chooser or random.Random()
        self._scripts = scripts
        self._starter: rules.Starter | None = None
        self._loading = asyncio.Lock()
        self._said: deque[str] = deque(maxlen=KEPT)
        self._hinted: deque[int] = deque(maxlen=1000)

    async def start(self) -> None:
        """Nothing to start: the script is read when the first reply is wanted."""

    async def close(self) -> None:
        """Nothing to end."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Its state never changes."""

    async def batches(self, request: ChatRequest) -> AsyncGenerator[list[Chunk], None]:
        """The reply, word by word, beginning with its emotion mark. Raises LLMError when the history cannot be read."""
        reply = await self._reply(request)
        words = pieces(reply.marked)
        pause = min(PACE, LONGEST / len(words))
        for place, word in enumerate(words):
            if place:
                await asyncio.sleep(pause)
            yield [TextDelta(word)]
        yield [Finished("stop")]

    async def count_tokens(self, text: str) -> int | None:
        """Rules have no tokens."""
        return None

    async def models(self) -> Sequence[str]:
        return (LABEL,)

    def state(self) -> LLMState:
        return LLMState(provider=self.name, status="ready", model=LABEL, remedy=REMEDY, starter=True)

    async def _reply(self, request: ChatRequest) -> rules.StarterReply:
        starter = await self._rules()
        remembered = await self._remembered()
        reply = starter.respond(
            rules.StarterContext(
                history=[message for message in request.messages if message.role != "system"],
                now=self._context.now(),
                name=self._context.persona_name(),
                remembered=remembered,
                mode=request.mode,
                used=tuple(self._said),
                hinted=request.conversation in self._hinted,
                model=self._model(),
            )
        )
        self._said.append(reply.text)
        if reply.hints_at_model:
            self._hinted.append(request.conversation)
        return reply

    async def _rules(self) -> rules.Starter:
        async with self._loading:
            if self._starter is None:
                scripts = await asyncio.to_thread(load_scripts) if self._scripts is None else self._scripts
                self._starter = rules.Starter(scripts, self._chooser)
            return self._starter

    async def _remembered(self) -> Sequence[ChatMessage]:
        try:
            return await self._context.dialogue()
        except StoreError as error:  # without her memory she might deny what she was told
            raise LLMError("server", error.text, retry=True) from error

    def _model(self) -> rules.Model:
        """Why she answers and not a model, as far as settings and the models folder tell."""
        settings = self._context.settings()
        if settings.provider == "starter":
            return "switched_off"
        there = settings.provider == "openai" or settings.url or settings.model
        return "away" if there or any(self._context.models_dir.glob("*.gguf")) else "none"


class StarterOptions(BaseModel):
    """The starter has no options."""


def _missing(context: LLMContext) -> list[Missing]:
    return []


def _create(context: LLMContext) -> LLM:
    return StarterEngine(context)


ENGINE: Engine[LLM, LLMContext] = Engine(
    name="starter",
    summary="Rules in her voice, in English and German, for when there is no language model.",
    options=StarterOptions,
    validate_environment=_missing,
    create=_create,
)
