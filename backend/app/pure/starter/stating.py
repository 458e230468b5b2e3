"""The patterns by which people state things about themselves, give their name, ask, and take things back."""

from __future__ import annotations

import re

_I = re.IGNORECASE


def _any(*sources: str, before: str = r"\b(?:", after: str = ")", flags: int = _I) -> re.Pattern[str]:
    return re.compile(before + "|".join(sources) + after, flags)


REMEMBER = re.compile(
    r"(?:^|[.!?,;]\s*|\b(?:please|pls|bitte|kannst du|can you|could you|und|and)\s+)(?:"
    r"(?:remember|memori[sz]e|note|keep in mind|don['’]?t forget)\b(?:\s+(?:that|this)\b)?[:,]?"
    r"|(?:merke?|behalte?|notiere?) (?:dir|es dir)(?: bitte| mal)*[:,]?(?:\s+(?:dass|das)\b)?[:,]?"
    r"|(?:dir )?merken[:,]?\s+(?:dass|das)\b"
    r"|vergiss nicht[:,]?(?:\s+(?:dass|das)\b)?[:,]?"
    r")\s+(?P<what>\S.*)",
    _I | re.DOTALL,
)

OWN = _any(
    r"i (?:really |also |do |absolutely |just )*(?:like|love|hate|prefer|enjoy|adore|collect|own)\b",
    r"i (?:also |do |just )*(?:play|live|work|study)\b",
    r"i(?: have|['’]ve| have got) (?:got )?(?:an?|one|two|three|four|five|no|my|\d+)\b",
    r"i got (?:the|an?) (?:job|dog|cat|new)\b",
    r"i(?: a|['’]?)m (?:from|\d+|allergic|married|single|vegan|vegetarian|an? \w+)\b",
    r"(?:my|our) (?:[\w'’]+ ){1,4}?(?:is|are|was|were|has|have|died|lives?|likes?|loves?|hates?|called)\b",
    r"(?:his|her|its|their) names? (?:is|are|was|were)\b|(?:he|she|it)(?: is|['’]s| was) called\b",
    r"mine is\b|(?:he|she|they) (?:likes?|loves?|hates?|works?|lives?|plays?|studies)\b",
    r"ich (?:zocke|koche|lese|schaue)\b",
    r"ich (?:mag|liebe|hasse|spiele?|höre|hoere|wohne|lebe|arbeite|studiere|sammle|trinke|esse)\b",
    r"ich komme aus\b",
    r"(?:ich )?habe? (?:gar |leider |heute |morgen |am \w+ )*(?:eine?n?|keine?n?|zwei|drei|vier|fünf|\d+)\b",
    r"ich bin (?:\d+|aus|allergisch|verheiratet|single|vegan\w*|vegetarier\w*|eine?)\b",
    r"(?:meine?|unsere?) (?:[\w'’]+ ){1,4}?"
    r"(?:ist|sind|war|waren|heißt|heisst|heißen|heissen|hat|wohnt|mag|liebt|miaut|bellt)\b",
    r"(?:er|sie|es) (?:heißt|heisst|hieß|hiess|mag|liebt|hasst|wohnt|arbeitet|spielt)\b|mein(?:e|er|s|en)? ist\b",
)
# What is said to her or about her is no fact about the user; what is only imagined is no fact at all.
NOT_OWN = _any(
    r"if|would|wish|wenn|würde|wuerde|hätte|haette|wünschte",
    r"(?:like|love|hate|mag|liebe|hasse) (?:you|dich|this|that|it|das|es)",
    r"joke|kidding|scherz",
    after=r")\b",
)
QUESTION = re.compile(
    r"\?\s*$|^\W*(?:(?:and|und|so|ok|hey)\W+)*(?:what|where|when|who|why|how|which|do you|did|can|could|whats"
    r"|was|wo|wann|wer|warum|wie|welche|weißt|weisst|kennst|erinnerst|kannst)\b",
    _I,
)
REFERS = re.compile(r"^\W*(?:his|her|its|their|he|she|it|they|er|sie|es|sein|ihr|mine|meiner?s?)\b", _I)
NAMING = _any(r"names?", "called", "heißt", "heisst", "hieß", "hiess", "heißen", "heissen", after=r")\b")

_NAME = r"(?P<name>[^\W\d_][\w'’-]{0,29}(?: (?-i:[A-ZÄÖÜ])[\w'’-]{1,29})?)"
NAMED = re.compile(
    r"\b(?:my name(?: is|['’]?s)|(?:you can |please |just )?call me|(?:people|friends|they) call me"
    r"|i(?: a|['’]?)m called"
    r"|mein name (?:ist|lautet)|ich hei(?:ß|ss)e?|hei(?:ß|ss)e|(?:du kannst )?(?:nenn|nenne) mich) " + _NAME,
    _I,
)
INTRODUCED = re.compile(
    r"(?:^|[,.!;]\s*|\b(?:hi|hey|hello|hallo|ok|okay|moin|servus)\W+)"
    r"(?:i(?: a|['’]?)m|this is|ich bin(?P<article> (?:der|die))?|bin (?:der|die)|hier ist)"
    r" (?P<name>[^\W\d_][\w'’-]{0,29})(?=\s*(?:$|[.,!;)]|\b(?:btw|and|und|by the way|übrigens)\b))",
    _I,
)
GREETED = re.compile(r"^\W*(?:hi|hey|hello|hallo|moin|servus|yo|guten \w+|good \w+)\b", _I)
# Endings of what people are rather than are called: "tired", "starving", "German", "traurig".
NOT_A_NAME = re.compile(
    r"\w{3}(?:ed|ing|ful|ous|ive|less|ish|able|ese|ian|ical|lich|ig|isch|bar|los|sam|haft|iert)$", _I
)
ASKS_NAME = re.compile(r"\b(?:call you|your name|nenne? ich dich|dich nennen|dein name|heißt du)\b[^.!]*\?")

NO_NAME_OF_MINE = re.compile(
    r"(?:not|isn['’]?t|nicht) (?:my (?:real |actual |true )?name|(?:mein|wirklich mein) (?:richtiger |echter )?name)",
    _I,
)

FORGET = re.compile(
    r"^\W*(?:please |pls |bitte |can you |could you |kannst du |ok |okay )*(?:just )?"
    r"(?:forget|vergiss|vergessen)\b(?! nicht\b)(?P<what>.*)",
    _I | re.DOTALL,
)
EVERYTHING = re.compile(r"\b(?:everything|all (?:of it|that)|alles)\b", _I)
LAST = re.compile(r"^\W*(?:about )?(?:that|it|this|das|es)?(?: again| wieder| bitte| please| mal)*\W*$", _I)
DISMISSED = re.compile(r"^\W*(?:about )?(?:it|es)\W*$", _I)
OWN_NAME = re.compile(r"\b(?:my|meinen) namen?\b", _I)

# Questions whose answer shares no word with them: what is asked, and how the fact that answers it looks.
ASPECTS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        _any(r"how old am i", r"my age", r"wie alt bin ich", r"mein alter"),
        _any(r"(?:i(?: a|['’]?)m|ich bin|bin) (?:\w+\W+)?\d{1,3}\b", r"\d{1,3} (?:years old|jahre alt)"),
    ),
    (
        _any(
            r"where (?:do i live|am i from|do i come from)", r"wo(?:hne ich| wohne ich| lebe ich)", r"woher komme ich"
        ),
        _any(r"(?:i|ich) (?:live|wohne|lebe)\b", r"from [a-zäöü]", r"komme aus", r"bin .*\baus [a-zäöü]"),
    ),
    (
        _any(r"what do i do\b", r"my (?:job|profession)", r"(?:was|wo|als was) arbeite ich", r"mein (?:job|beruf)"),
        _any(r"i(?: a|['’]?)m an? \w+", r"i work\b", r"ich arbeite\b", r"ich bin (?:\w+er|\w+in)\b"),
    ),
)

SMALL_WORDS = frozenset(
    word
    for line in (
        "about what that this i me my mine we you your said told say tell of the a an is are was were and or to do",
        "does did with for on in at by it its he she his her name names called remember know still again ever please",
        "how where when who which whats am favourite favorite",
        "ich mir mich mein meine meinen meiner meinem du dir dich dein deine gesagt erzaehlt ueber von der die das",
        "den dem ein eine einen ist sind war und oder zu mit fuer auf im es er sie ihr sein heisst heissen hiess",
        "namen weisst noch wie wo wann wer kennst erinnerst dass hab habe hast wieder bitte bin",
    )
    for word in line.split()
)
