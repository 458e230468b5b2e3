"""A guess of the emotion of a text from its words, for replies in which the model marked none.

It is small on purpose: a wrong face is worse than a neutral one, so only plain signals count, and a tie is neutral.
"""

from __future__ import annotations

import re
from collections import Counter

from link.messages import EmotionName

_SIGNALS: dict[EmotionName, str] = {
    "happy": r"yay|hooray|haha+|hehe+|glad|happy|wonderful|great news|congratulations|i love|love it|awesome|lovely"
    r"|toll|super|freu\w*|glücklich|wunderbar|herzlichen glückwunsch|prima|klasse",
    "sad": r"i'?m (?:so )?sorry|sorry to hear|sad|miss you|that hurts|unfortunately|condolences|tut mir (?:so )?leid"
    r"|traurig|leider|vermisse|beileid",
    "angry": r"how dare|angry|furious|annoy\w*|stop that|shut up|wütend|sauer|nervst|ärger\w*|unverschämt",
    "surprised": r"wow|whoa|really\?!?|no way|what\?!|unbelievable|i didn'?t expect|wirklich\?|echt\?|unglaublich"
    r"|überrasch\w*|na so was|was\?!",
    "teasing": r"hmph|baka|dummy|silly|not that i care|it'?s not like|b-but|don'?t get (?:the )?wrong idea|tease"
    r"|dummerchen|nicht dass (?:es )?mich|bilde dir (?:bloß )?nichts",
    "calm": r"take a (?:deep )?breath|no rush|take your time|it'?s okay|relax|peaceful|gently|ganz ruhig|kein stress"
    r"|in ruhe|atme|alles gut|entspann\w*",
    "serious": r"please be careful|warning|important|dangerous|seriously|emergency|see a doctor|make sure you"
    r"|wichtig|vorsicht\w*|gefährlich|ernsthaft|notfall|pass auf",
}
_PATTERNS = {name: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for name, words in _SIGNALS.items()}

LOOKED_AT = 2_000
"""Characters at the end of a text that count: the face is for how it ends, and looking through a megabyte would
hold up the whole hub for seconds (1.6 µs a character)."""


def guess_emotion(text: str) -> EmotionName:
    """The emotion whose signals are most frequent at the end of `text`; neutral when there are none or two are even."""
    end = text[-LOOKED_AT:]
    counts: Counter[EmotionName] = Counter()
    for name, pattern in _PATTERNS.items():
        counts[name] = len(pattern.findall(end))
    (best, most), (_, second) = counts.most_common(2)
    return best if most > second else "neutral"
