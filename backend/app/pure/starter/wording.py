"""Choose what she says out of the lines that would do: nothing twice within 20 replies, in the tone of the mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .script import Group, Line, Script
from .types import NO_REPEAT, Chooser, Emotion

_MUTED: Mapping[str, Mapping[Emotion, Emotion]] = {
    "calm": {"happy": "calm", "teasing": "calm", "neutral": "calm", "angry": "calm"},
    "serious": {"happy": "serious", "teasing": "serious", "neutral": "serious", "angry": "serious"},
    "teasing": {"neutral": "teasing", "happy": "teasing"},
}


def tinted(emotion: Emotion, mode: str, gentle: bool = False) -> Emotion:
    """The emotion as the conversation mode shows it. Sympathy and surprise stay what they are."""
    return emotion if gentle else _MUTED.get(mode, {}).get(emotion, emotion)


class Wording:
    """Picks lines for one reply.

    used: all her replies that are known, oldest first; the latest 20 bind her.
    """

    def __init__(self, script: Script, used: Sequence[str], mode: str, chooser: Chooser) -> None:
        self._script = script
        self._recent = [reply.casefold() for reply in used[-NO_REPEAT:]]
        self._mode = mode
        self._chooser = chooser

    def said(self, text: str) -> bool:
        """Whether `text` is part of one of her latest replies."""
        text = text.casefold()
        return any(text in reply for reply in self._recent)

    def pick(self, group: Group, slots: Mapping[str, str]) -> tuple[str, Emotion]:
        """A line of `group`, filled in, that she has not said lately.

        First choice is a line that is fresh even with other words in its slots, then one that is fresh as filled in,
        then one behind a remark of the group `again`. `check_variety` makes sure that there always is one.
        """
        lines = [line for line in group.lines if line.slots <= slots.keys()]
        fresh = [line for line in lines if not self.said(line.landmark)]
        fresh = fresh or [line for line in lines if not self.said(line.filled(slots))]
        if fresh:
            line = self._chooser.choice(self._in_tone(fresh))
            return line.filled(slots), line.emotion
        frames = [frame for frame in self._script.groups["again"].lines if frame.slots <= slots.keys()]
        pairs = [
            (text, line)
            for frame in sorted(frames, key=lambda frame: self.said(frame.landmark))
            for line in lines
            if not self.said(text := f"{frame.filled(slots)} {line.filled(slots)}")
        ]
        text, line = self._chooser.choice(pairs[: max(1, len(lines))])
        return text, line.emotion

    def optional(self, name: str, slots: Mapping[str, str]) -> str | None:
        """A fresh line of the group `name` to put beside another, or None when all were said lately."""
        fresh = [line for line in self._script.groups[name].lines if not self.said(line.landmark)]
        fresh = [line for line in fresh if line.slots <= slots.keys()]
        return self._chooser.choice(self._in_tone(fresh)).filled(slots) if fresh else None

    def question(self, asks: Sequence[str]) -> str | None:
        """A question to go on with, one time in three none, never one she asked lately."""
        fresh = [text for text in self._texts(asks) if not self.said(text)]
        if not fresh or not self._chooser.choice((True, True, False)):
            return None
        return self._chooser.choice(fresh)

    def _texts(self, asks: Sequence[str]) -> Iterator[str]:
        for name in asks:
            texts = self._script.questions[name]
            if not any(self.said(text) for text in texts):  # asked in other words is asked
                yield from texts

    def _in_tone(self, lines: list[Line]) -> list[Line]:
        if self._mode in ("calm", "serious"):
            return [line for line in lines if line.emotion not in ("teasing", "angry")] or lines
        if self._mode == "teasing":
            return [line for line in lines if line.emotion == "teasing"] or lines
        return lines
