"""The situation she answers in: the message, what came before it, and what is known of the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backend.app.ports import ChatMessage

from .facts import Known, gather
from .folding import fold, quotable, words
from .script import Script
from .types import Chooser, StarterContext
from .understanding import Understanding

_DETERMINER = re.compile(r"(?i)^(?:any|some|a few|irgendwelche|ein paar)\s+")
_TAIL = re.compile(r"(?i)(?:\s+(?:btw|lol|xd|ha(?:ha)+|too|though|übrigens|auch|halt))+\W*$")


@dataclass(frozen=True, slots=True)
class Scene:
    """What the answers are made from.

    message: the newest, as typed. earlier: the user's messages before it in this conversation, oldest first.
    her_last: her latest reply in this conversation, or "". known: what he said of himself before this message.
    """

    script: Script
    context: StarterContext
    understood: Understanding
    message: str
    earlier: Sequence[str]
    her_last: str
    known: Known
    chooser: Chooser

    def swapped(self, text: str, limit: int = 60) -> str:
        """`text` from her point of view ("my brother" -> "your brother"), cut short for quoting."""

        def swap(match: re.Match[str]) -> str:
            return self.script.swaps.get(fold(match.group()), match.group())

        text = _TAIL.sub("", _DETERMINER.sub("", text))
        return quotable(re.sub(r"[^\W_]+(?:['’][^\W_]+)*", swap, text).rstrip("?!., "), limit)


def newest(history: Sequence[ChatMessage]) -> int:
    """Place of the user's newest message in `history`, or -1."""
    return next((i for i in range(len(history) - 1, -1, -1) if history[i].role == "user"), -1)


def known_before(context: StarterContext, place: int, script: Script) -> Known:
    """What the user said before message `place` of the history, in all that is remembered and in this conversation."""
    told = {message.content for message in context.remembered if message.role == "user"}
    exchange: list[tuple[str, str]] = []
    for messages, skipped in ((context.remembered, frozenset[str]()), (context.history[:place], told)):
        asked = ""
        for message in messages:
            if message.role == "user" and message.content not in skipped:
                exchange.append((asked, message.content))
            asked = message.content if message.role == "assistant" else ""
    return gather(exchange, script.ordinary)


def repeats(message: str, earlier: Sequence[str]) -> int:
    """How often the user has said the same in a row, this time included."""

    def plain(text: str) -> list[str]:
        return [fold(word.group()) for word in words(text[:2000])] or [text.strip()]

    count, wanted = 1, plain(message)
    for said in reversed(earlier):
        if plain(said) != wanted:
            break
        count += 1
    return count
