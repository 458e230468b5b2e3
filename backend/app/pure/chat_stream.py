"""The streamed answer of an OpenAI-compatible server: bytes in, chunks or a fault out.

Tolerates what servers differ in: `content` null or missing, a last chunk with usage and no choices, reasoning in
fields of its own or inline, a missing `[DONE]`, and an answer that is one JSON document in spite of `stream`.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from backend.app.ports import Chunk, Finished, LLMError, ReasoningDelta
from backend.app.pure import llm_faults
from backend.app.pure.reasoning import ReasoningFilter
from backend.app.pure.sse import EventParser, EventTooLongError

_REASONING_KEYS = ("reasoning_content", "reasoning")  # llama.cpp, DeepSeek / Ollama, vLLM, OpenRouter
_FAILED = {"error", "abort"}  # finish reasons that mean no finished answer


class ChatStream:
    """One answer. Feed it the body's bytes; the chunks do not depend on how these were cut.

    done: nothing more is to be expected. finishing: the text is complete, only usage may still come.
    error: why the answer failed; to be raised after the chunks that came with it.
    """

    def __init__(self) -> None:
        self._events = EventParser()
        self._reasoning = ReasoningFilter()
        self._high = ""  # the first half of a surrogate pair
        self._reason: str | None = None
        self._usage: tuple[int | None, int | None] = (None, None)
        self.done = False
        self.error: LLMError | None = None

    @property
    def finishing(self) -> bool:
        return self._reason is not None and not self.done

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that `data` completes, in order."""
        if self.done:
            return []
        try:
            events = self._events.feed(data)
        except EventTooLongError:
            return self._fail(_unreadable())
        return self._take(events)

    def end(self) -> list[Chunk]:
        """The body has ended (or need not be waited for any longer). Sets `error` if the answer is not finished."""
        if self.done:
            return []
        chunks = self._take(self._events.end(), last=True)
        return chunks if self.done else chunks + self._finish()

    def whole(self, body: bytes) -> list[Chunk]:
        """An answer that came as one JSON document, from a server that does not stream."""
        try:
            document = json.loads(body)
            choice = document["choices"][0]
            chunks = self._delta(choice.get("message") or {})
            self._reason = choice.get("finish_reason") or "stop"
        except (ValueError, LookupError, TypeError, AttributeError):
            return self._fail(llm_faults.from_response(500, body))
        self._count(document.get("usage"))
        return chunks + self._finish()

    def _take(self, events: list[bytes], *, last: bool = False) -> list[Chunk]:
        chunks: list[Chunk] = []
        for event in events:
            if event == b"[DONE]":
                return chunks + self._finish()
            try:
                data = _parse(event)
            except ValueError:
                return chunks + self._fail(_cut() if last else _unreadable())
            if not isinstance(data, dict):
                return chunks + self._fail(_unreadable())
            if data.get("error"):
                return chunks + self._fail(llm_faults.from_event(data["error"]))
            if choices := data.get("choices"):
                try:
                    choice = choices[0]
                    chunks += self._delta(choice.get("delta") or {})
                    self._reason = choice.get("finish_reason") or self._reason
                except (LookupError, TypeError, AttributeError):
                    return chunks + self._fail(_unreadable())
            if usage := data.get("usage"):
                self._count(usage)
        return chunks

    def _delta(self, delta: dict[str, Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for key in _REASONING_KEYS:
            text = delta.get(key)
            if text and isinstance(text, str):
                chunks.append(ReasoningDelta(text.encode("utf-8", "replace").decode()))
                break
        text = delta.get("content")
        if text and isinstance(text, str):
            if self._high or not text.isascii():
                text = self._whole_characters(text)
            chunks += self._reasoning.feed(text)
        return chunks

    def _whole_characters(self, text: str) -> str:
        """Join a character that JSON escapes split between two chunks; what stays half becomes U+FFFD."""
        text = self._high + text
        self._high = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = text.removesuffix(self._high)
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
            self._usage = (
                prompt if isinstance(prompt, int) else None,
                completion if isinstance(completion, int) else None,
            )

    def _finish(self) -> list[Chunk]:
        if self._reason is None:
            return self._fail(_cut())
        if self._reason in _FAILED:
            return self._fail(llm_faults.from_event(""))
        self.done = True
        reason = "length" if self._reason == "length" else "stop"
        return [*self._held(), Finished(reason, *self._usage)]

    def _fail(self, error: LLMError) -> list[Chunk]:
        self.done, self.error = True, error
        return self._held()

    def _held(self) -> list[Chunk]:
        rest = self._reasoning.feed("\ufffd") if self._high else []
        self._high = ""
        return [*rest, *self._reasoning.end()]


def _parse(event: bytes) -> Any:
    """One event's JSON. Raises ValueError. pydantic's parser takes 40 % of json's time, but is strict."""
    try:
        return from_json(event)
    except ValueError:  # half a surrogate pair or a broken character: json can live with them
        return json.loads(event.decode("utf-8", "replace"))


def _cut() -> LLMError:
    return LLMError("cut", "The answer broke off before it was finished.", retry=True)


def _unreadable() -> LLMError:
    return LLMError("server", "The model server sent something that is no answer: check llm.url.")
