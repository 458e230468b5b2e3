"""Tell English from German, and both from everything else, by their small words."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .folding import fold, words
from .types import Language

OTHER = "other"


def _foreign_script(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    foreign = sum(not unicodedata.name(c, "?").startswith(("LATIN", "FEMININE", "MASCULINE", "MICRO")) for c in letters)
    return foreign * 2 > len(letters) and foreign >= 2


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells languages apart. All words are folded.

    small: for each language (en, de and those we do not speak) the small words that give it away.
    ordinary: for en and de the ordinary words that the other does not have; each counts half.
    """

    small: Mapping[str, frozenset[str]]
    ordinary: Mapping[str, frozenset[str]]


def detect(text: str, marks: Marks, otherwise: Language) -> Language | str:
    """`en`, `de`, or OTHER; `otherwise` where the text does not tell."""
    if _foreign_script(text):
        return OTHER
    said = [fold(word.group()) for word in words(text[:2000])]
    score: dict[str, float] = {name: sum(word in known for word in said) for name, known in marks.small.items()}
    for name, known in marks.ordinary.items():
        score[name] += sum(word in known for word in said) / 2
    if any(c in "äöüß" for c in text.casefold()):
        score["de"] += 1
    ours = max(score["en"], score["de"])
    foreign = max((value for name, value in score.items() if name not in ("en", "de")), default=0)
    # One foreign word may be a name or a dish; two, or a long one ("bonjour") that is all there is, are a language.
    if foreign > ours and (foreign >= 2 or (len(said) <= 2 and max(map(len, said)) >= 4)):
        return OTHER
    if score["en"] == score["de"]:
        return otherwise
    return "en" if score["en"] > score["de"] else "de"


def of_conversation(texts: Sequence[str], marks: Marks, start: Language = "en") -> Language:
    """The language of the latest of the user's `texts` (oldest first) that tells one; `start` if none does."""
    for text in reversed(texts[-20:]):
        if (clear := {detect(text, marks, "en"), detect(text, marks, "de")}) in ({"en"}, {"de"}):
            return "en" if "en" in clear else "de"
    return start
