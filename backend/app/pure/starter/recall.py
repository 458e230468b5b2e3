"""Answers from memory. Each quotes what the user said, or says that he did not."""

from __future__ import annotations

from collections.abc import Callable

from . import facts
from .folding import quotable
from .scene import Scene
from .types import COMMAND, Answer

_LISTED = 5  # facts that are told at once
_QUOTES = {"en": ("“", "”"), "de": ("„", "“")}
_INNER = {"en": str.maketrans("“”", "‘’"), "de": str.maketrans("„“", "‚‘")}  # quotations within a quotation


def _my_name(scene: Scene) -> Answer:
    if scene.known.name:
        return Answer("my_name.known", {"user": scene.known.name})
    return Answer("my_name.unknown")


def _remember(scene: Scene) -> Answer:
    learnt = facts.gather([("", scene.message)], frozenset()).facts
    if learnt:
        return Answer("remember", {"fact": learnt[-1].text})
    return Answer("remember.what")


def _forget(scene: Scene) -> Answer:
    before = scene.known
    earlier = scene.earlier[-1] if scene.earlier else ""
    left = facts.Known(before.name, before.facts)
    facts.forget(left, scene.message, earlier)
    if (left.name, left.facts) == (before.name, before.facts):
        return Answer("forget.nothing")
    if not left.facts and not left.name and len(before.facts) + bool(before.name) > 1:
        return Answer("forget.all")
    if left.name != before.name:
        return Answer("forget.name")
    gone = next(fact for fact in reversed(before.facts) if fact not in left.facts)
    return Answer("forget", {"fact": gone.text})


def _memory(scene: Scene) -> Answer:
    known = scene.known
    latest = sorted(known.facts, key=lambda fact: fact.asked)[-_LISTED:]
    quotes = ", ".join(
        f"{_QUOTES[scene.script.language][0]}{f.text}{_QUOTES[scene.script.language][1]}" for f in latest
    )
    if quotes and known.name:
        return Answer("memory.both", {"user": known.name, "facts": quotes})
    if quotes:
        return Answer("memory.facts", {"facts": quotes})
    return Answer("memory.name", {"user": known.name}) if known.name else Answer("memory.nothing")


def _recall_fact(scene: Scene) -> Answer:
    found = facts.find(scene.known, scene.understood.sentence.raw)
    if found:
        best = found[0]
        return Answer("recall.found", {"fact": best.text})
    said = facts.mentions(scene.earlier, scene.understood.sentence.raw)
    if said:
        return Answer("recall.found", {"fact": said[0]})
    return Answer("recall.unknown")


def _said_about(scene: Scene) -> Answer:
    subject = scene.understood.captured["subject"]
    if found := facts.find(scene.known, subject):
        return Answer("recall.found", {"fact": found[0].text})
    if said := facts.mentions(scene.earlier, subject):
        return Answer("recall.found", {"fact": said[0]})
    return Answer("recall.unknown")


def _just_said(scene: Scene) -> Answer:
    if scene.earlier:
        return Answer("just_said", {"quote": quotable(scene.earlier[-1], 160)})
    return Answer("just_said.nothing")


def _first_said(scene: Scene) -> Answer:
    if scene.earlier:
        return Answer("first_said", {"quote": quotable(scene.earlier[0], 160)})
    return Answer("just_said.nothing")


def _your_words(scene: Scene) -> Answer:
    if scene.her_last and COMMAND not in scene.her_last:
        return Answer("your_words", {"quote": quotable(scene.her_last.translate(_INNER[scene.script.language]), 240)})
    return Answer("model_how." + scene.context.model) if scene.her_last else Answer("your_words.nothing")


RECALL: dict[str, Callable[[Scene], Answer]] = {
    "my_name": _my_name,
    "remember": _remember,
    "forget": _forget,
    "memory": _memory,
    "recall": _recall_fact,
    "said_about": _said_about,
    "just_said": _just_said,
    "first_said": _first_said,
    "your_words": _your_words,
}
