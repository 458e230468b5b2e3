"""Bring what people type into one plain spelling, and what is quoted back to them into one safe line."""

from __future__ import annotations

import re
import unicodedata

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘`´ʼ"))
_WORD = re.compile(r"[^\W_]+(?:['’‘`´ʼ][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<!\d)[.:]+|[!?;…\n]+|(?<=\d)\.$")
# Quotation marks would break our own; brackets could look like an emotion mark or a protocol tag.
_UNQUOTABLE = re.compile(r"[<>\[\]{}`\"“”„«»\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def fold(text: str) -> str:
    """Lower case, ä ö ü ß as ae oe ue ss, no other accents, no apostrophes."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_UMLAUTS).translate(_APOSTROPHES)
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def without_umlauts(text: str) -> str:
    """ä ö ü ß as ae oe ue ss and nothing else changed, for patterns that will meet folded text."""
    return text.translate(_UMLAUTS)


def words(text: str) -> list[re.Match[str]]:
    """The words of a text as matches, so that their places are known; numbers count as words."""
    return list(_WORD.finditer(text))


def sentences(text: str) -> list[str]:
    """Split at sentence ends, keeping decimal numbers and times whole. Empty parts are dropped."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def quotable(text: str, limit: int = 80) -> str:
    """`text` as one line that may stand inside quotation marks, at most `limit` characters, cut at a word."""
    line = " ".join(_UNQUOTABLE.sub(" ", text[: limit * 20]).split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[limit // 2 :] else cut).rstrip(" ,.;:") + "…"
