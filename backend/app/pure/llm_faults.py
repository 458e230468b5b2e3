"""What a model server's refusal means: HTTP status and body in, an LLMError with a sentence for people out.

The server's own message is never passed on: it may quote the prompt, a path or a key.
"""

from __future__ import annotations

import json
import re
from typing import Any

from backend.app.ports import LLMError

# How servers say that a prompt is too long: llama.cpp, OpenAI and vLLM, LM Studio.
_OVERFLOW_TYPES = {"exceed_context_size_error", "context_length_exceeded"}
_OVERFLOW_TEXT = re.compile(r"context (length|size|window)|context the overflows|too many tokens", re.IGNORECASE)
_CONTEXT_IN_TEXT = re.compile(r"(?:context length is|n_ctx[: =]+|context size \()\s*(\d+)", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[a-z][a-z_]{2,60}")


def overflow(n_prompt_tokens: int | None = None, n_ctx: int | None = None) -> LLMError:
    """The prompt does not fit."""
    text = "The conversation is longer than the model's context."
    return LLMError("overflow", text, n_prompt_tokens=n_prompt_tokens, n_ctx=n_ctx)


def loading() -> LLMError:
    """The server is there, its model not yet."""
    return LLMError("starting", "The model is still being loaded.", retry=True)


def from_response(status: int, body: bytes) -> LLMError:
    """The fault behind an HTTP answer other than 200."""
    try:
        parsed = json.loads(body)
    except ValueError:  # an HTML page of a proxy, or nothing
        parsed = None
    return _classify(status, parsed.get("error", parsed) if isinstance(parsed, dict) else parsed)


def from_event(error: Any) -> LLMError:
    """The fault behind an `error` in the middle of a 200 stream: an object, or only a message."""
    code = error.get("code") if isinstance(error, dict) else None
    return _classify(code if isinstance(code, int) and 400 <= code <= 599 else 500, error)


def _classify(status: int, error: Any) -> LLMError:
    details = error if isinstance(error, dict) else {"message": error}
    message = details.get("message")
    message = message if isinstance(message, str) else ""
    kinds = {str(details.get("type")), str(details.get("code"))}
    if kinds & _OVERFLOW_TYPES or _OVERFLOW_TEXT.search(message):
        found = _CONTEXT_IN_TEXT.search(message)
        return overflow(
            _number(details.get("n_prompt_tokens")),
            _number(details.get("n_ctx")) or (int(found.group(1)) if found else None),
        )
    if status in (401, 403):
        return LLMError("rejected", "The model server does not accept the key: set llm.api_key.")
    if status == 404:
        text = "The model server knows no such model, or its address is incomplete: check llm.model and llm.url."
        return LLMError("rejected", text)
    if status in (408, 429):
        return LLMError("busy", "The model server has too much to do at the moment.", retry=True)
    if status == 503 and "loading" in message.lower():
        return loading()
    if status >= 500:
        return LLMError("server", f"The model server failed (error {status}).", retry=True)
    if 300 <= status < 400:
        return LLMError("rejected", "The model server's address leads elsewhere: set llm.url to the final one.")
    kind = details.get("type")
    named = f", {kind}" if isinstance(kind, str) and _IDENTIFIER.fullmatch(kind) else ""
    return LLMError("rejected", f"The model server refused the request (error {status}{named}).")


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
