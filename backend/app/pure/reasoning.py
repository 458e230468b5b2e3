"""Takes a model's inline reasoning (`<think>…</think>`) out of its answer, however the stream is cut.

A mark counts only at the start of the answer or of a line, so that a sentence about the tag stays a sentence.
Reasoning that is never closed is reasoning to the end. White space right after a block belongs to it.
"""

from __future__ import annotations

import enum
import re

from backend.app.ports import ReasoningDelta, TextDelta

# Opening mark -> closing mark, as the templates of current models write them.
_MARKS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[think]": "[/think]",
}
_FLAGS = re.IGNORECASE | re.ASCII
_CLOSING = {close: re.compile(re.escape(close), _FLAGS) for close in _MARKS.values()}

Piece = TextDelta | ReasoningDelta


class _At(enum.Enum):
    BEGINNING = enum.auto()  # of the answer, or right behind a block: white space is held back
    LINE = enum.auto()  # the start of a later line
    INSIDE = enum.auto()  # a line: only its end is of interest
    BLOCK = enum.auto()  # reasoning: only its closing mark is of interest


class ReasoningFilter:
    """Incremental filter of one answer: text in, pieces of text and of reasoning out."""

    def __init__(self) -> None:
        self._at = _At.BEGINNING
        self._held = ""
        self._close = ""
        self._behind_block = False

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain now; what might be the beginning of a mark is held back."""
        if self._at is _At.INSIDE and "\n" not in text:
            return [TextDelta(text)]
        pieces: list[Piece] = []
        self._held += text
        while self._held and self._step(pieces):
            pass
        return pieces

    def end(self) -> list[Piece]:
        """What was held back, now that no more will come."""
        held, self._held = self._held, ""
        if self._behind_block and self._at is _At.BEGINNING:
            held = held.lstrip()
        if not held:
            return []
        return [ReasoningDelta(held) if self._at is _At.BLOCK else TextDelta(held)]

    def _step(self, pieces: list[Piece]) -> bool:
        """Take one step through what is held; False when more text is needed."""
        if self._at is _At.BLOCK:
            return self._in_block(pieces)
        if self._at is _At.INSIDE:
            end = self._held.find("\n") + 1
            self._emit(pieces, end or len(self._held))
            self._at = _At.LINE if end else _At.INSIDE
            return True
        return self._at_start(pieces)

    def _at_start(self, pieces: list[Piece]) -> bool:
        rest = self._held.lstrip()
        if self._at is _At.LINE and len(rest) < len(self._held):
            self._emit(pieces, len(self._held) - len(rest))
            return True
        if self._behind_block and self._at is _At.BEGINNING:
            self._held = rest
        for opening, close in _MARKS.items():
            if rest[: len(opening)].lower() == opening:
                self._held = rest[len(opening) :]
                self._at, self._close = _At.BLOCK, close
                return True
        if any(opening.startswith(rest.lower()) for opening in _MARKS):  # also when only white space has come
            return False
        self._at = _At.INSIDE
        return True

    def _in_block(self, pieces: list[Piece]) -> bool:
        found = _CLOSING[self._close].search(self._held)
        if found:
            self._emit(pieces, found.start())
            self._held = self._held[len(found.group()) :].lstrip()
            self._at, self._behind_block = _At.BEGINNING, True
            return True
        self._emit(pieces, len(self._held) - _partial(self._held, self._close))
        return False

    def _emit(self, pieces: list[Piece], length: int) -> None:
        """Move the first `length` characters out, joined to the last piece if that is of the same kind."""
        text, self._held = self._held[:length], self._held[length:]
        if not text:
            return
        kind = ReasoningDelta if self._at is _At.BLOCK else TextDelta
        if pieces and type(pieces[-1]) is kind:
            text = pieces.pop().text + text
        pieces.append(kind(text))


def _partial(text: str, mark: str) -> int:
    """Length of the longest end of `text` that is a beginning of `mark`."""
    tail = text[-(len(mark) - 1) :].lower()
    return next((n for n in range(len(tail), 0, -1) if mark.startswith(tail[-n:])), 0)
