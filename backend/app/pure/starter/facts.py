"""What the user said of himself or asked to be remembered, gathered from his own words and nothing else.

A fold over his messages: what is forgotten, renamed or said anew later wins, and a restart changes nothing as long
as the messages are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from . import stating
from .folding import fold, quotable, words

_LIMIT = 600  # characters of a message that are looked at: people state facts briefly


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the user said. context: the message before, by which "his name is Bruno" is found under "dog".

    asked: he asked to have it remembered; else he merely mentioned it.
    """

    text: str
    context: str = ""
    asked: bool = False

    @property
    def naming(self) -> bool:
        return bool(stating.NAMING.search(self.text))


class Known:
    """The user's name, if he said it, and the facts. A fact told again counts as told now."""

    def __init__(self, name: str | None = None, facts: Iterable[Fact] = ()) -> None:
        self.name = name
        self._facts = {fact.text.casefold(): fact for fact in facts}

    @property
    def facts(self) -> list[Fact]:
        """Oldest first."""
        return list(self._facts.values())

    def add(self, fact: Fact) -> None:
        self._facts.pop(fact.text.casefold(), None)
        self._facts[fact.text.casefold()] = fact

    def drop(self, unwanted: Callable[[Fact], bool]) -> None:
        self._facts = {text: fact for text, fact in self._facts.items() if not unwanted(fact)}


def keywords(text: str) -> frozenset[str]:
    """The words of `text` that say what it is about, folded and without a plural or genitive s."""
    said = (fold(word.group()) for word in words(text))
    return frozenset(word.rstrip("s") if len(word) > 3 else word for word in said if word not in stating.SMALL_WORDS)


def gather(messages: Iterable[tuple[str, str]], ordinary: frozenset[str]) -> Known:
    """Fold over (what she had said before, what the user said), oldest first.

    ordinary: words (folded) that are nobody's name.
    """
    known = Known()
    before = ""
    for asked, said in messages:
        said = said[:_LIMIT]
        if stating.NO_NAME_OF_MINE.search(said):
            known.name = None
        elif not forget(known, said, before):
            known.name = name_in(said, ordinary, name_asked=asks_name(asked)) or known.name
            _learn(known, said, before)
        before = said
    return known


def asks_name(line: str) -> bool:
    """Whether a line of hers asks what the user is called."""
    return bool(stating.ASKS_NAME.search(line))


def name_in(said: str, ordinary: frozenset[str], *, name_asked: bool = False) -> str | None:
    """The name by which the user introduces himself in `said`, or None. A lower-case name is capitalised."""
    if stating.QUESTION.search(said) and not stating.NAMED.search(said):
        said = re.split(r"(?<=[.!,])\s", said)[0]
    if match := stating.NAMED.search(said):
        return _as_name(match.group("name"), ordinary)
    if match := stating.INTRODUCED.search(said):
        name = match.group("name")
        if match.group("article") or not (name.islower() and stating.NOT_A_NAME.search(name)):
            return _as_name(name, ordinary)
    bare = said.strip().rstrip(".!")
    if name_asked and len(bare) <= 30 and len(bare.split()) <= 2 and "?" not in bare:
        return _as_name(bare, ordinary)
    return None


def _as_name(text: str, ordinary: frozenset[str]) -> str | None:
    parts = [part for part in text.split() if part]
    while parts and _is_ordinary(parts[-1], ordinary):
        parts.pop()
    if not parts or not all(re.fullmatch(r"[^\W\d_][\w'’-]*", part) for part in parts):
        return None
    if _is_ordinary(parts[0], ordinary):
        return None
    return " ".join(part if part != part.lower() and part != part.upper() else part.capitalize() for part in parts)


def _is_ordinary(part: str, ordinary: frozenset[str]) -> bool:
    """An ordinary word is no name, unless it is written like one ("Will", "Rose", "May")."""
    return fold(part) in ordinary and not (part.istitle() and fold(part) not in stating.SMALL_WORDS and len(part) > 2)


def _learn(known: Known, said: str, before: str) -> None:
    if match := stating.REMEMBER.search(said):
        what = match.group("what").strip().rstrip(".!")
        if not stating.QUESTION.search(said) and keywords(what):
            known.add(Fact(quotable(what, 160), asked=True))
        return
    if stating.QUESTION.search(said) or stating.NOT_OWN.search(said):
        return
    introduced = stating.NAMED.search(said) or stating.INTRODUCED.search(said)
    if (introduced and re.search(r"\d|\bfrom\b|\baus\b", said)) or (not introduced and stating.OWN.search(said)):
        known.add(Fact(quotable(said.strip(), 160), before if stating.REFERS.match(said) else ""))


def forget(known: Known, said: str, before: str) -> bool:
    """Drop from `known` what `said` asks to forget; returns False if it asks for no such thing.

    before: the message before it. A plain "forget that" means what it stated, or what it asked for.
    """
    match = stating.FORGET.match(said)
    if match is None:
        return False
    what = match.group("what")
    if stating.EVERYTHING.search(what):
        known.name = None
        known.drop(lambda fact: True)
    elif stating.LAST.match(what):
        meant = [] if stating.DISMISSED.match(what) or not known.facts else _meant(known, before)
        known.drop(lambda fact: fact in meant)
    elif stating.OWN_NAME.search(what):
        known.name = None
    else:
        wanted = keywords(what)
        known.drop(lambda fact: bool(wanted & keywords(fact.text)))
    return True


def _meant(known: Known, before: str) -> list[Fact]:
    if stating.QUESTION.search(before):
        return find(known, before)[:1]
    last = known.facts[-1]
    text = quotable(before.strip(), 160)
    return [last] if last.text in text or text in last.text else []


def find(known: Known, question: str) -> list[Fact]:
    """The facts that answer `question`, best and newest first; empty when he never said it.

    A fact must share a keyword with the question, in its own words or those of the message before it, or state the
    aspect (age, home, work) that is asked for.
    """
    for asking, stating_it in stating.ASPECTS:
        if asking.search(question) and (fitting := [f for f in known.facts if stating_it.search(f.text)]):
            return fitting[::-1]
    wanted = keywords(question)
    naming = bool(stating.NAMING.search(question))
    scored = []
    for place, fact in enumerate(known.facts):
        own, around = keywords(fact.text), keywords(fact.context)
        shared = 2 * len(wanted & own) + len(wanted & around)
        if shared and len(wanted - own - around) * 2 <= len(wanted):
            scored.append((shared + 2 * (naming and fact.naming), place, fact))
    scored.sort(key=lambda item: item[:2], reverse=True)
    return [fact for _, _, fact in scored]


def mentions(messages: Sequence[str], subject: str) -> list[str]:
    """Messages of the user that hold all keywords of `subject`, newest first.

    Questions are left out, and so are messages that state a fact: such a one is known, or is to be forgotten.
    """
    wanted = keywords(subject)
    if not wanted:
        return []
    return [
        quotable(said, 120)
        for said in reversed(messages)
        if wanted <= keywords(said[:_LIMIT])
        and not stating.QUESTION.search(said[:_LIMIT])
        and not stating.FORGET.match(said)
        and not gather([("", said)], frozenset()).facts
    ]
