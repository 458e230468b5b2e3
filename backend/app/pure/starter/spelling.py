"""Mend typing errors in the words the rules listen for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_REPEATED = re.compile(r"(.)\1{2,}")


def near(a: str, b: str, limit: int) -> bool:
    """Whether at most `limit` insertions, deletions, substitutions or swaps of neighbours turn `a` into `b`.

    The optimal string alignment distance (Damerau 1964, restricted: no part is edited twice).
    """
    if abs(len(a) - len(b)) > limit:
        return False
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return False
    return row[-1] <= limit


class Speller:
    """Corrects unknown words to the one target they are close to.

    known: words that are right as they are. targets: words worth correcting to. Both folded.
    Only words that share the first letter are compared, since people rarely miss that one.
    """

    def __init__(self, known: Iterable[str], targets: Iterable[str]) -> None:
        self._targets: dict[str, list[str]] = defaultdict(list)
        for word in sorted({word for word in targets if len(word) >= 3}):
            self._targets[word[0]].append(word)
        self._known = frozenset(known).union(*self._targets.values())

    def knows(self, word: str) -> bool:
        return word in self._known

    def correct(self, word: str) -> str:
        """`word` itself if it is known, short, a number, or like no target (or several)."""
        if self.knows(word) or len(word) > 24:
            return word
        if _REPEATED.search(word):  # "heyyyy", "cooool"
            for kept in (r"\1", r"\1\1"):
                if self.knows(short := _REPEATED.sub(kept, word)):
                    return short
        if len(word) < 3 or not word.isalpha():
            return word
        limit = 2 if len(word) >= 9 else 1
        found = [target for target in self._targets[word[0]] if self._likely(word, target, limit)]
        if len(found) > 1 and limit == 2:
            found = [target for target in found if near(word, target, 1)] or found
        return found[0] if len(found) == 1 else word

    @staticmethod
    def _likely(word: str, target: str, limit: int) -> bool:
        if len(word) <= 4:  # short words differ by one letter too often: only swaps ("waht") and one missing letter
            return (
                sorted(word) == sorted(target) and near(word, target, 1)
                if len(word) == len(target)
                else (len(target) == len(word) + 1 and len(word) == 4 and near(word, target, 1))
            )
        return near(word, target, limit)
