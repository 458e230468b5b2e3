"""Find out what a message is about: which intent of the script it matches, or in what way it is beyond the rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .folding import fold, quotable, sentences, words
from .script import Intent, Script
from .sums import find as find_sum

LONG = 700
"""Characters beyond which a message is long text, too much for rules that look for a few words."""
_QUOTED_WHOLE = 48  # characters up to which a message is quoted as it stands

_CAN_YOU = re.compile(r"\b(?:(?:can|could|will|would) you|(?:kannst|koenntest|wuerdest) du)\b")
_KEYBOARD = re.compile(
    r"asdf|sdfg|dfgh|fghj|ghjk|hjkl|jkl[oö]|qwer|wert[yz]{1}u|[yz]xcv|zxcv|xcvb|cvbn|lkjh|fdsa|poiu|uiop"
)
_NO_VOWEL_RUN = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in the script's plain spelling, which knows where each word stood in the original."""

    raw: str
    text: str
    places: tuple[tuple[int, int, int, int], ...]  # start and end in text, start and end in raw

    def original(self, start: int, end: int) -> str:
        """The words as they were typed that cover text[start:end]."""
        covered = [place for place in self.places if place[0] < end and place[1] > start]
        return self.raw[covered[0][2] : covered[-1][3]] if covered else ""


def read(raw: str, script: Script) -> Sentence:
    """Fold, correct and expand the words of `raw`."""
    text = ""
    places = []
    for match in words(raw):
        word = fold(match.group())
        word = script.phrases.get(word) or script.speller.correct(word)
        for plain in script.phrases.get(word, word).split():
            start = len(text) + bool(text)
            text = f"{text} {plain}" if text else plain
            places.append((start, len(text), match.start(), match.end()))
    return Sentence(raw, text, tuple(places))


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message is taken for.

    intent: name of the script's intent, or one of the kinds without a pattern: `sum`, `long_text`, `no_words`,
    `gibberish`, `unknown_question`, `unknown_request`, `unknown_statement`.
    captured: named parts of the pattern, as typed. subject: the words the message is about, where the intent tells.
    also: a second question in the same message.
    """

    intent: str
    sentence: Sentence
    captured: dict[str, str]
    subject: str = ""
    social: bool = False
    also: Understanding | None = None


def understand(message: str, script: Script) -> Understanding:
    """Never fails: what matches nothing is one of the `unknown_` kinds."""
    if len(message) > LONG:
        return Understanding("long_text", Sentence(message, "", ()), {})
    whole = read(message, script)
    if not whole.text:
        return Understanding("no_words", whole, {})
    if (wanted := find_sum(message)) is not None:
        return Understanding("sum", whole, {"sum": wanted})
    if _gibberish(whole, script):
        return Understanding("gibberish", whole, {})
    parts = [read(part, script) for part in sentences(message)]
    found = [match for part in parts if (match := _match(part, script))]
    over_all = _match(whole, script) if len(parts) != 1 else None
    if found or over_all:
        return _combined(found, over_all)
    return Understanding(_unknown(message, parts[-1] if parts else whole, script), whole, {})


_Match = tuple[int, Intent, Understanding]


def _match(sentence: Sentence, script: Script) -> _Match | None:
    for rank, intent in enumerate(script.intents):
        if intent.names_subject and _wants_an_answer(sentence, script):
            continue  # "who invented the piano" names music, but small talk about music would miss the point
        for pattern in intent.when:
            match = pattern.search(sentence.text)
            if match and not any(other.search(sentence.text) for other in intent.unless):
                captured = {  # `thing2` is `thing` in another alternative
                    name.rstrip("23456789"): sentence.original(*match.span(name))
                    for name, value in match.groupdict().items()
                    if value
                }
                subject = sentence.original(*match.span()) if intent.names_subject else ""
                return rank, intent, Understanding(intent.name, sentence, captured, subject, intent.kind == "social")
    return None


def _combined(parts: list[_Match], whole: _Match | None) -> Understanding:
    """The match of highest precedence; with two questions in two sentences, both in the order they were asked."""
    _, intent, best = min([*parts, *([whole] if whole else [])], key=lambda match: match[0])
    asked = {match[1].name: match[2] for match in reversed(parts) if match[1].kind == "ask"}
    if intent.kind != "ask" or len(asked) < 2 or intent.name not in asked:
        return best
    pair = [asked[name] for name in dict.fromkeys(m[1].name for m in parts) if name in asked]
    other = next(u for u in pair if u.intent != intent.name)
    first, second = (pair[0], other) if pair[0].intent == intent.name else (other, asked[intent.name])
    return replace(first, also=second)


def _gibberish(sentence: Sentence, script: Script) -> bool:
    said = [fold(match.group()) for match in words(sentence.raw)]
    if len(said) > 3 or any(script.speller.knows(word) or not word.isalpha() for word in said):
        return False
    return any(
        _KEYBOARD.search(word)
        or _NO_VOWEL_RUN.search(word.replace("sch", "s").replace("ch", "c").replace("ck", "k"))
        or (len(word) > 3 and (len(set(word)) <= 2 or not set(word) & set("aeiouy")))
        for word in said
    )


def _said(sentence: Sentence, script: Script) -> list[str]:
    """The words of a sentence without interjections at its start."""
    said = sentence.text.split()
    while said and said[0] in script.words["lead"]:
        said.pop(0)
    return said


def _is_request(said: list[str], script: Script) -> bool:
    requests = script.words["requests"]
    return bool(said) and (
        said[0] in requests or (bool(_CAN_YOU.search(" ".join(said))) and not requests.isdisjoint(said))
    )


def _wants_an_answer(sentence: Sentence, script: Script) -> bool:
    said = _said(sentence, script)
    return bool(said) and (
        said[0] in script.words["interrogatives"] or said[1:2] in (["you"], ["du"]) or _is_request(said, script)
    )


def _unknown(message: str, last: Sentence, script: Script) -> str:
    said = _said(last, script)
    if _is_request(said, script):
        return "unknown_request"
    if message.rstrip(" !.").endswith("?") or (said and said[0] in script.words["question_starts"]):
        return "unknown_question"
    return "unknown_statement"


def topic(understood: Understanding, script: Script) -> str:
    """The subject of the message as typed, for quoting.

    A short message beyond the rules is its own best quotation; of others it is what the rule listened for, if that is
    short, else the longest run of words that carry meaning.
    """
    sentence = understood.sentence
    if understood.intent == "long_text":
        return _most_frequent(sentence.raw[:20_000], script.words["stop"])
    if understood.subject:
        return quotable(understood.subject, 60)
    short = _without_lead(sentence, script)
    if len(short) <= _QUOTED_WHOLE and understood.intent != "unknown_request":
        return quotable(short, 60)
    return _content(sentence, script)


def _without_lead(sentence: Sentence, script: Script) -> str:
    """The sentence as typed, without interjections at its start ("ok so ...") and punctuation at its end."""
    lead = script.words["lead"]
    start = next((p[2] for p in sentence.places if sentence.text[p[0] : p[1]] not in lead), None)
    return sentence.raw[start:].strip().rstrip(".!?…, ") if start is not None else sentence.raw.strip()


def _content(sentence: Sentence, script: Script) -> str:
    stop = script.words["stop"]
    content = [i for i, place in enumerate(sentence.places) if sentence.text[place[0] : place[1]] not in stop]
    if not content:
        return quotable(sentence.raw, 50)
    runs: list[tuple[int, int]] = []
    for i in content:
        runs = _joined(runs, i, sentence)
    start, end = max(runs, key=lambda run: (sentence.places[run[1]][3] - sentence.places[run[0]][2], -run[0]))
    return quotable(sentence.raw[sentence.places[start][2] : sentence.places[end][3]], 60)


def _joined(runs: list[tuple[int, int]], i: int, sentence: Sentence) -> list[tuple[int, int]]:
    """Append word `i` to the runs of content words; one small word between two ("capital of France") joins them."""
    if runs and i - runs[-1][1] <= 2 and i - runs[-1][0] < 5:
        between = sentence.raw[sentence.places[runs[-1][1]][3] : sentence.places[i][2]]
        if not set(between) & set(".,;:!?()\n"):
            return [*runs[:-1], (runs[-1][0], i)]
    return [*runs, (i, i)]


def _most_frequent(text: str, stop: frozenset[str]) -> str:
    counts: dict[str, int] = {}
    typed: dict[str, str] = {}
    for match in words(text):
        word = fold(match.group())
        if len(word) > 3 and word not in stop:
            counts[word] = counts.get(word, 0) + 1
            typed.setdefault(word, match.group())
    if not counts:
        return quotable(text, 40)
    return quotable(typed[max(counts, key=lambda word: (counts[word], len(word)))], 40)
