"""The starter's script: parse and check what the YAML files of one language say (see script/README.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from link.messages import EMOTIONS

from .folding import fold, without_umlauts
from .spelling import Speller
from .types import NO_REPEAT, Emotion, Language

Kind = Literal["ask", "tell", "social"]
_LIST = re.compile(r"(?<!\?P)<([a-z_]+)>")
_SLOT = re.compile(r"\{([a-z_]+)\}")
# Plain words in a pattern, which typing errors are corrected to; a word that goes on as a stem is none.
_PATTERN_WORD = re.compile(r"(?<![a-z\\])([a-z]{3,})(\?)?(?![a-z\[*+.\\]|\((?! ))")

# Said beside an answer, and only while fresh.
_BESIDE = frozenset({"again", "hello", "shouting", "repeated"})


class ScriptError(Exception):
    """The script's files are wrong; says where and what."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something she may say. `slots` are the names in braces that must be filled first."""

    text: str
    emotion: Emotion
    slots: frozenset[str]
    landmark: str  # its longest part between slots, by which it is recognised whatever filled them

    def filled(self, slots: Mapping[str, str]) -> str:
        text = _SLOT.sub(lambda match: slots[match.group(1)], self.text)
        return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that serve the same purpose. gentle: said as they are, with nothing witty or technical added."""

    name: str
    lines: tuple[Line, ...]
    asks: tuple[str, ...] = ()
    gentle: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """Something people say, recognised by patterns over the folded text; the group of the same name answers it.

    kind: `ask` wants information (two of them in one message are both answered), `tell` gives some, `social` is
    courtesy that gives way to a question of hers that still waits for its answer.
    names_subject: what the pattern finds is what the message is about ("pizza"), and may be quoted as such.
    """

    name: str
    kind: Kind
    when: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]
    names_subject: bool


@dataclass(frozen=True, slots=True)
class Script:
    """All she can understand and say in one language. `intents` are in order of precedence."""

    language: Language
    intents: tuple[Intent, ...]
    groups: Mapping[str, Group]
    questions: Mapping[str, tuple[str, ...]]
    words: Mapping[str, frozenset[str]]
    phrases: Mapping[str, str]
    swaps: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    ordinary: frozenset[str]  # words that are nobody's name
    speller: Speller


def parse_script(language: Language, parts: Iterable[Mapping[str, Any]]) -> Script:
    """Build a script from the parsed files of a language, in order. Raises ScriptError."""
    merged: dict[str, dict[str, Any]] = {
        key: {} for key in ("intents", "groups", "questions", "words", "lists", "phrases", "swaps", "names")
    }
    for part in parts:
        for key, entries in part.items():
            if key not in merged:
                raise ScriptError(f"{language}: unknown section `{key}`")
            for name, entry in (entries or {}).items():
                if not isinstance(name, str):
                    raise ScriptError(f"{language}: put `{name}` in `{key}` in quotes, YAML reads it as something else")
                if name in merged[key]:
                    raise ScriptError(f"{language}: `{name}` occurs twice in `{key}`")
                merged[key][name] = entry
    lists = {name: "|".join(fold(text).split()) for name, text in merged["lists"].items()}
    patterns: list[str] = []
    intents = tuple(_intent(name, entry, lists, patterns) for name, entry in merged["intents"].items())
    vocabulary = {name: frozenset(fold(text).split()) for name, text in merged["words"].items()}
    targets = set(_pattern_words(patterns))
    known = frozenset().union(*vocabulary.values())
    return Script(
        language=language,
        intents=intents,
        groups=_groups(merged),
        questions={name: tuple(entry["ask"]) for name, entry in merged["questions"].items()},
        words=vocabulary,
        phrases={fold(key): fold(value) for key, value in merged["phrases"].items()},
        swaps={fold(key): value for key, value in merged["swaps"].items()},
        names={name: tuple(text.split()) for name, text in merged["names"].items()},
        ordinary=known | targets,
        speller=Speller(known, targets),
    )


def _pattern_words(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        for match in _PATTERN_WORD.finditer(re.sub(r"\(\?P<\w+>|\\\w", " ", pattern)):
            yield match.group(1)
            if match.group(2):
                yield match.group(1)[:-1]


def _intent(name: str, entry: Mapping[str, Any], lists: Mapping[str, str], seen: list[str]) -> Intent:
    def compiled(sources: Sequence[str]) -> tuple[re.Pattern[str], ...]:
        result = []
        for source in sources:
            try:
                pattern = _LIST.sub(lambda match: f"(?:{lists[match.group(1)]})", without_umlauts(source))
                result.append(re.compile(rf"\b(?:{pattern})\b"))
            except (re.error, KeyError) as error:
                raise ScriptError(f"intent `{name}`: bad pattern `{source}` ({error})") from error
            seen.append(pattern)
        return tuple(result)

    kind = entry.get("kind", "tell")
    if kind not in ("ask", "tell", "social"):
        raise ScriptError(f"intent `{name}`: unknown kind `{kind}`")
    names_subject = bool(entry.get("names_subject", False))
    return Intent(name, cast(Kind, kind), compiled(entry["when"]), compiled(entry.get("unless", ())), names_subject)


def _groups(merged: Mapping[str, Mapping[str, Any]]) -> dict[str, Group]:
    groups = {}
    for section in ("intents", "groups"):
        for name, entry in merged[section].items():
            if "lines" in entry:
                groups[name] = _group(name, entry, entry["lines"], merged["questions"])
    for name, entry in merged["questions"].items():
        for answer in ("yes", "no", "other"):
            if answer in entry:
                full = f"question.{name}.{answer}"
                groups[full] = _group(full, {"emotion": entry.get("emotion", "happy")}, entry[answer], {})
    return groups


def _group(name: str, entry: Mapping[str, Any], texts: Sequence[Any], questions: Mapping[str, Any]) -> Group:
    lines = tuple(_line(name, text, entry.get("emotion", "neutral")) for text in texts)
    asks = tuple(entry.get("asks", ()))
    for question in asks:
        if question not in questions:
            raise ScriptError(f"group `{name}` asks an unknown question `{question}`")
    return Group(name, lines, asks, bool(entry.get("gentle", False)))


def _line(group: str, source: Any, emotion: str) -> Line:
    if isinstance(source, Mapping):
        ((emotion, source),) = source.items()
    if emotion not in EMOTIONS:
        raise ScriptError(f"group `{group}`: unknown emotion `{emotion}`")
    if not isinstance(source, str) or not source.strip():
        raise ScriptError(f"group `{group}`: a line is not text")
    landmark = max(re.split(r"\{[a-z_]+\}", source.strip()), key=len)
    return Line(source.strip(), emotion, frozenset(_SLOT.findall(source)), landmark)


def check_variety(script: Script) -> None:
    """Raise ScriptError unless every group that answers can do so 20 times without repeating itself.

    Each line can stand behind any line of the group `again` (a line said like that is not fresh on its own either).
    In a group with lines for people whose name is unknown, only those count.
    """
    frames = len(script.groups["again"].lines)
    for group in script.groups.values():
        if group.name in _BESIDE or group.name.startswith("hint."):
            continue
        nameless = sum("user" not in line.slots for line in group.lines)
        if (nameless or len(group.lines)) * frames <= NO_REPEAT:
            raise ScriptError(f"{script.language}: group `{group.name}` has too few lines")
