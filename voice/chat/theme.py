"""Colours of the terminal chat.

Each colour belongs to the 256-colour palette that terminals share, and is neither bright nor dark: it reads on white
and on black (a contrast of at least 3:1 on both, the limit of WCAG 2.2 for bold text, held by a test). The words of
a reply keep the terminal's own colour; what is coloured always says the same in words too.
"""

from __future__ import annotations

from link.messages import EmotionName

EMOTION_COLOURS: dict[EmotionName, str] = {
    "neutral": "#008787",
    "happy": "#d75f00",
    "sad": "#5f87ff",
    "angry": "#d70000",
    "surprised": "#af8700",
    "teasing": "#d75faf",
    "calm": "#00875f",
    "serious": "#8787af",
}
GREY = "#808080"

STYLES: dict[str, str] = {
    **{f"emotion.{name}": f"bold {colour}" for name, colour in EMOTION_COLOURS.items()},
    "you": "bold",
    "notice": GREY,
    "error": "#d70000",
    "status": GREY,
    "status.away": "bold #d70000",
}
"""Style rules by class, in the words of prompt_toolkit."""


def emotion_style(name: EmotionName) -> str:
    """The style class of an emotion."""
    return f"class:emotion.{name}"


YOU = "class:you"
NOTICE = "class:notice"
ERROR = "class:error"
STATUS = "class:status"
AWAY = "class:status.away"
