"""Keeps what people said, and secrets, out of the logs. Pure."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import Any

WORDS_OF_PEOPLE = frozenset({"text", "message", "messages", "content", "prompt", "reply", "nickname"})
SECRETS = frozenset({"token", "authorization", "password", "secret", "api_key", "apikey", "cookie"})
LONGEST = 500
DEEPEST = 6
HIDDEN = "***"

# Exceptions whose messages speak of code and files. All others may quote their input (a ValueError of a parser
# does), so only their names are kept.
SAFE_MESSAGES = (OSError, ImportError, AttributeError, NameError, TypeError)

_IN_URL = re.compile(
    r"([?&](?:token|api_key|apikey|key|access_token|password|q|search|text|message)=)[^&\s\"'#]+", re.IGNORECASE
)
_BEARER = re.compile(r"(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{4,}", re.IGNORECASE)
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
# asyncio reports a lost task by its repr, which holds the exception with its message.
_TASK_EXCEPTION = re.compile(r"exception=(\w+)\(.*", re.DOTALL)


def masked_text(text: str) -> str:
    """`text` without tokens in URLs, credentials and exceptions' messages, cut to LONGEST characters."""
    text = _IN_URL.sub(rf"\g<1>{HIDDEN}", text)
    text = _BEARER.sub(rf"\g<1>{HIDDEN}", text)
    text = _USERINFO.sub(rf"\g<1>{HIDDEN}@", text)
    text = _TASK_EXCEPTION.sub(r"exception=\g<1>", text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def masked_field(name: str, value: Any, depth: int = 0) -> Any:
    """`value` as it may stand in a log under that name, as plain JSON data.

    Words of people become their length, secrets become stars, unknown objects the name of their type.
    """
    lowered = name.lower()
    if lowered in SECRETS or lowered.endswith(("_token", "_secret", "_password", "_key")):
        return HIDDEN
    if lowered in WORDS_OF_PEOPLE:
        return f"<{len(value)} characters>" if isinstance(value, str) else HIDDEN
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return masked_text(value)
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): masked_field(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [masked_field("", inner, depth + 1) for inner in value]
    if isinstance(value, BaseException):
        return error_in_words(value)
    return f"<{type(value).__name__}>"


def error_in_words(error: BaseException) -> str:
    """The exception's name, with its message only where that cannot quote what people said."""
    name = type(error).__name__
    return f"{name}: {masked_text(str(error))}" if isinstance(error, SAFE_MESSAGES) else name


def traceback_lines(error: BaseException) -> list[str]:
    """Where an exception came from and its causes, outermost first: `file:line function`, `Name`."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__)
        lines += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        lines.append(error_in_words(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines
