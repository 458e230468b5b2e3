"""Her emotions in the model's text: the marks are taken out of the stream, whatever the chunking.

The model is asked to write `<emotion=happy>`. Small models write near misses: other brackets, quotes, a colon, a
missing bracket, a closing mark, a synonym. All of them are marks; none of them may be seen or spoken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import regex

from link.messages import EMOTIONS, EmotionName

SYNONYMS: dict[str, EmotionName] = {
    **{name: name for name in EMOTIONS},
    **dict.fromkeys(("joy", "joyful", "glad", "excited", "cheerful", "delighted", "love", "loving", "smile"), "happy"),
    **dict.fromkeys(("sadness", "unhappy", "sorry", "hurt", "lonely", "disappointed"), "sad"),
    **dict.fromkeys(("anger", "annoyed", "mad", "irritated", "furious", "grumpy"), "angry"),
    **dict.fromkeys(("surprise", "shocked", "astonished", "amazed", "startled"), "surprised"),
    **dict.fromkeys(("tease", "playful", "smug", "mischievous", "flirty", "tsundere", "embarrassed"), "teasing"),
    **dict.fromkeys(("relaxed", "peaceful", "gentle", "content", "soft"), "calm"),
    **dict.fromkeys(("earnest", "focused", "concerned", "worried", "thoughtful"), "serious"),
    **dict.fromkeys(("none", "normal", "default", "indifferent"), "neutral"),
}
"""What models call the eight emotions. A name that is not here is still taken out, but changes no face."""

_WORD = r"(?:emotions?|feelings?|mood)"
_OPEN, _CLOSE, _QUOTE = r"[<\[({]", r"[>\])}]", r"[\"'“”]"
_MARK = regex.compile(
    # <emotion=happy>, [Emotion: "happy"], {emotion happy/}; the closing bracket may be missing before a new word
    rf"{_OPEN}\s{{0,2}}/?\s{{0,2}}{_WORD}(?:\s{{0,2}}[=:]\s{{0,2}}|\s{{1,2}}){_QUOTE}?(?P<name>[a-z]{{2,16}}){_QUOTE}?"
    rf"(?:\s{{0,2}}/?\s{{0,2}}{_CLOSE}|\s{{1,2}}(?=[^\s>\])}}/]))"
    # </emotion>, and <emotion> without a name
    rf"|{_OPEN}\s{{0,2}}/?\s{{0,2}}{_WORD}\s{{0,2}}[=:]?\s{{0,2}}/?{_CLOSE}"
    # <happy>, [happy], </happy>
    rf"|[<\[]/?(?P<name>{'|'.join(EMOTIONS)})/?[>\]]",
    regex.IGNORECASE,
)
_NAME_BEHIND = regex.compile(rf"\s{{0,2}}(?P<name>{'|'.join(SYNONYMS)})(?=\W)", regex.IGNORECASE)
"""The name behind a mark without one: `[EMOTION]happy`, as the wire has it."""
_BEGIN = regex.compile(_OPEN)
_UNFINISHED_MARK = regex.compile(rf"{_OPEN}\s{{0,2}}/?\s{{0,2}}{_WORD}.*", regex.IGNORECASE | regex.DOTALL)
_NAME_IN_UNFINISHED = regex.compile(rf"{_OPEN}\s*{_WORD}\W{{0,5}}(?P<name>[a-z]+)", regex.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Feeling:
    """The face changes here."""

    name: EmotionName


@dataclass(slots=True)
class EmotionFilter:
    """Splits a stream of text into what is said and what is felt. Feed every piece, then finish."""

    _held: str = ""
    _after_space: bool = True  # what was let through last ended with white space (or nothing was yet)
    _swallow: bool = False  # a mark stood where a gap was: the white space behind it would double the gap
    _out: list[str | Feeling] = field(default_factory=list)

    def feed(self, piece: str) -> list[str | Feeling]:
        """What `piece` settles, in order. Only what may yet become a mark is held back (fewer than 64 characters)."""
        if not self._held and not self._swallow and not _BEGIN.search(piece):
            if not piece:
                return []
            self._after_space = piece[-1].isspace()
            return [piece]
        text, self._held, position = self._held + piece, "", 0
        while begin := _BEGIN.search(text, position):
            self._say(text[position : begin.start()])
            mark = _MARK.match(text, begin.start(), partial=True)
            if mark is None:
                self._say(begin[0])
                position = begin.end()
                continue
            behind = None
            if not mark.partial and mark["name"] is None and "/" not in mark[0]:
                behind = _NAME_BEHIND.match(text, mark.end(), partial=True)
            if mark.partial or (behind and behind.partial):
                self._held = text[begin.start() :]
                return self._taken()
            last = behind or mark
            self._feel(last["name"])
            position = last.end()
        self._say(text[position:])
        return self._taken()

    def finish(self) -> list[str | Feeling]:
        """What was still held back when the reply ended. A mark that was cut off counts by the name it has."""
        held, self._held = self._held, ""
        if _UNFINISHED_MARK.fullmatch(held):
            name = _NAME_IN_UNFINISHED.match(held)
            self._feel(name["name"] if name else None)
        else:
            self._say(held)
        return self._taken()

    def _say(self, text: str) -> None:
        if self._swallow and text:
            text = text.lstrip()
            self._swallow = not text
        if text:
            self._out.append(text)
            self._after_space = text[-1].isspace()

    def _feel(self, name: str | None) -> None:
        self._swallow = self._swallow or self._after_space
        emotion = SYNONYMS.get(name.lower()) if name else None
        if emotion is not None:
            self._out.append(Feeling(emotion))

    def _taken(self) -> list[str | Feeling]:
        out, self._out = self._out, []
        return out
