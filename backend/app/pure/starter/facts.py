"""What the user said of himself or asked to be remembered, gathered from his own words and nothing else.

A fold over his messages: what is forgotten, renamed or said anew later wins, and a restart changes nothing as long
as the messages are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .folding import fold, quotable, words

_LIMIT = 600  # characters of a message that are looked at: people state facts briefly

_I = re.IGNORECASE
_REMEMBER = re.compile(
    r"(?:^|[.!?,;]\s*|\b(?:please|pls|bitte|kannst du|can you|could you|und|and)\s+)"
    r"(?:(?:remember|memori[sz]e|note|keep in mind|don['’]?t forget)\b(?:\s+(?:that|this)\b)?[:,]?"
    r"|(?:merke?|behalte?|notiere?) (?:dir|es dir)(?: bitte| mal)*[:,]?(?:\s+(?:dass|das)\b)?[:,]?"
    r"|(?:dir )?merken[:,]?\s+(?:dass|das)\b"
    r"|vergiss nicht[:,]?(?:\s+(?:dass|das)\b)?[:,]?)\s+(?P<what>\S.*)",
    _I | re.DOTALL,
)
_OWN = re.compile(
    r"\b(?:"
    r"i (?:really |also |do |absolutely |just )*(?:like|love|hate|prefer|enjoy|adore|play|live|work|study|collect|own)\b"
    r"|i(?: have|['’]ve| have got) (?:got )?(?:an?|one|two|three|four|five|no|my|\d+)\b"
    r"|i got (?:the|an?) (?:job|dog|cat|new)\b"
    r"|i(?: a|['’])?m (?:from|\d+|allergic|married|single|vegan|vegetarian|an? \w+)\b"
    r"|(?:my|our) (?:[\w'’]+ ){1,4}?(?:is|are|was|were|has|have|died|lives?|likes?|loves?|hates?|called)\b"
    r"|(?:his|her|its|their) names? (?:is|are|was|were)\b|(?:he|she|it)(?: is|['’]s| was) called\b"
    r"|ich (?:mag|liebe|hasse|spiele?|höre|hoere|wohne|lebe|arbeite|studiere|sammle|trinke|esse)\b"
    r"|ich komme aus\b"
    r"|ich habe? (?:gar |leider )?(?:eine?n?|keine?n?|zwei|drei|vier|fünf|\d+)\b"
    r"|ich bin (?:\d+|aus|allergisch|verheiratet|single|vegan\w*|vegetarier\w*|eine?)\b"
    r"|(?:meine?|unsere?) (?:[\w'’]+ ){1,4}?(?:ist|sind|war|waren|heißt|heisst|heißen|heissen|hat|wohnt|mag|liebt|miaut|bellt)\b"
    r"|(?:er|sie|es) (?:heißt|heisst|hieß|hiess)\b"
    r")",
    _I,
)
_HYPOTHETICAL = re.compile(r"\b(?:if|would|wish|wenn|würde|wuerde|hätte|haette|wünschte)\b", _I)
_QUESTION = re.compile(
    r"\?\s*$|^\W*(?:(?:and|und|so|ok|hey)\W+)*(?:what|where|when|who|why|how|which|do you|did|can|could|whats|"
    r"was|wo|wann|wer|warum|wie|welche|weißt|weisst|kennst|erinnerst|kannst)\b",
    _I,
)
_NAMING = re.compile(r"\b(?:names?|called|heißt|heisst|hieß|hiess|heißen|heissen)\b", _I)
_NAME = r"(?P<name>[^\W\d_][\w'’-]{0,29}(?: (?-i:[A-ZÄÖÜ])[\w'’-]{1,29})?)"
_NAMED = re.compile(
    rf"\b(?:my name(?: is|['’]?s)|(?:you can |please |just )?call me|(?:people|friends|they) call me|i(?: a|['’]?)m called"
    rf"|mein name (?:ist|lautet)|ich hei(?:ß|ss)e?|hei(?:ß|ss)e|(?:du kannst )?(?:nenn|nenne) mich|ich werde) {_NAME}",
    _I,
)
_INTRODUCED = re.compile(
    r"(?:^|[,.!;]\s*|\b(?:hi|hey|hello|hallo|ok|okay|moin|servus)\W+)(?:i(?: a|['’]?)m|this is|ich bin(?P<article> (?:der|die))?|bin (?:der|die)|hier ist)"
    r" (?P<name>[^\W\d_][\w'’-]{0,29})(?=\s*(?:$|[.,!;)]|\bbtw\b|\band\b|\bund\b|\bby the way\b|\bübrigens\b))",
    _I,
)
_GREETED = re.compile(r"^\W*(?:hi|hey|hello|hallo|moin|servus|yo|guten \w+|good \w+)\b", _I)
_NOT_NAMED = re.compile(r"(?:ed|ing|ful|ous|ive|less|ish|able|lich|ig|isch|bar|los|sam)$", _I)
_FORGET = re.compile(
    r"^\W*(?:please |pls |bitte |can you |could you |kannst du |ok |okay )*(?:just )?(?:forget|vergiss|vergessen)\b(?! nicht\b)(?P<what>.*)",
    _I | re.DOTALL,
)
_EVERYTHING = re.compile(r"\b(?:everything|all (?:of it|that)|alles)\b", _I)
_LAST = re.compile(r"^\W*(?:about )?(?:that|it|this|das|es)?(?: again| wieder| bitte| please| mal)*\W*$", _I)
_DISMISSED = re.compile(r"^\W*(?:about )?(?:it|es)\W*$", _I)
_SMALL = frozenset(
    "about what that this i me my mine we you your said told say tell of the a an is are was were and or to do does did"
    " with for on in at it its he she his her name names called remember know still again ever please"
    " was ich mir mich mein meine meinen meiner meinem du dir dich dein deine gesagt erzaehlt ueber von der die das den"
    " dem ein eine einen ist sind war und oder zu mit fuer auf im am es er sie ihr sein heisst heissen hiess name namen"
    " weisst noch wie wo wann wer kennst erinnerst dass hab habe hast how where when who which whats wieder bitte an".split()
)


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
        return bool(_NAMING.search(self.text))


@dataclass(slots=True)
class Known:
    """The user's name, if he said it, and the facts, oldest first."""

    name: str | None = None
    facts: list[Fact] = field(default_factory=list)


def keywords(text: str) -> frozenset[str]:
    """The words of `text` that say what it is about, folded and without a plural or genitive s."""
    said = (fold(word.group()) for word in words(text))
    return frozenset(word.rstrip("s") if len(word) > 3 else word for word in said if word not in _SMALL)


def gather(messages: Iterable[tuple[str, str]], common: frozenset[str]) -> Known:
    """Fold over (what she had said before, what the user said), oldest first.

    common: ordinary words (folded) that are nobody's name.
    """
    known = Known()
    before = ""
    for asked, said in messages:
        said = said[:_LIMIT]
        if not forget(known, said, before):
            known.name = name_in(said, common, name_asked=asks_name(asked)) or known.name
            _learn(known, said, before)
        before = said
    return known


def asks_name(line: str) -> bool:
    """Whether a line of hers asks what the user is called."""
    return bool(re.search(r"\b(?:call you|your name|nenne? ich dich|dein name|heißt du)\b[^.!]*\?", line))


def name_in(said: str, common: frozenset[str], *, name_asked: bool = False) -> str | None:
    """The name by which the user introduces himself in `said`, or None. A lower-case name is capitalised."""
    if match := _NAMED.search(said):
        return _as_name(match.group("name"), common)
    if match := _INTRODUCED.search(said):
        name = match.group("name")
        sure = (
            match.group("article") or (name[0].isupper() and not name.isupper()) or (_GREETED.match(said) or name_asked)
        )
        if sure and not (name[0].islower() and _NOT_NAMED.search(name)):
            return _as_name(name, common)
    bare = said.strip().rstrip(".!")
    if name_asked and len(bare) <= 30 and len(bare.split()) <= 2 and "?" not in bare:
        return _as_name(bare, common)
    return None


def _as_name(text: str, common: frozenset[str]) -> str | None:
    parts = [part for part in text.split() if part]
    while parts and fold(parts[-1]) in common:
        parts.pop()
    if not parts or not all(re.fullmatch(r"[^\W\d_][\w'’-]*", part) for part in parts) or fold(parts[0]) in common:
        return None
    return " ".join(part if part != part.lower() and part != part.upper() else part.capitalize() for part in parts)


def _learn(known: Known, said: str, before: str) -> None:
    if match := _REMEMBER.search(said):
        what = match.group("what").strip().rstrip(".!")
        if not _QUESTION.search(said) and keywords(what):
            _add(known, Fact(quotable(what, 160), before, asked=True))
        return
    if _QUESTION.search(said) or _NAMED.search(said) or _HYPOTHETICAL.search(said):
        return
    if _OWN.search(said):
        _add(known, Fact(quotable(said.strip(), 160), before))


def _add(known: Known, fact: Fact) -> None:
    known.facts = [old for old in known.facts if old.text.casefold() != fact.text.casefold()]
    known.facts.append(fact)


def forget(known: Known, said: str, before: str) -> bool:
    """Drop from `known` what `said` asks to forget; returns False if it asks for no such thing.

    before: the message before it, which a plain "forget that" means.
    """
    match = _FORGET.match(said)
    if match is None:
        return False
    what = match.group("what")
    if _EVERYTHING.search(what):
        known.name, known.facts = None, []
    elif _LAST.match(what):
        last = quotable(before.strip(), 160)
        if (
            known.facts
            and not _DISMISSED.match(what)
            and (known.facts[-1].text in last or last in known.facts[-1].text)
        ):
            known.facts.pop()
    elif re.search(r"\b(?:my|meinen) namen?\b", what, _I):
        known.name = None
    else:
        wanted = keywords(what)
        known.facts = [fact for fact in known.facts if not wanted & keywords(fact.text)]
    return True


def find(known: Known, question: str) -> list[Fact]:
    """The facts that answer `question`, best and newest first; empty when he never said it.

    A fact must share a keyword with the question, in its own words or those of the message before it.
    """
    wanted = keywords(question)
    naming = bool(_NAMING.search(question))
    scored = []
    for place, fact in enumerate(known.facts):
        shared = 2 * len(wanted & keywords(fact.text)) + len(wanted & keywords(fact.context))
        missing = len(wanted - keywords(fact.text) - keywords(fact.context))
        if shared and missing * 2 <= len(wanted):
            scored.append((shared + 2 * (naming and fact.naming), place, fact))
    scored.sort(key=lambda item: item[:2], reverse=True)
    return [fact for _, _, fact in scored]


def mentions(messages: Sequence[str], subject: str) -> list[str]:
    """Messages of the user (not questions) that share all keywords of `subject`, newest first."""
    wanted = keywords(subject)
    if not wanted:
        return []
    return [
        quotable(said, 120)
        for said in reversed(messages)
        if not _QUESTION.search(said[:_LIMIT]) and wanted <= keywords(said[:_LIMIT])
    ]
