"""What the chat shows, as data: styled fragments, and the few things that can happen to the screen."""

from __future__ import annotations

from dataclasses import dataclass

Fragment = tuple[str, str]
"""A style class (see voice/chat/theme.py; empty: plain) and the text in that style."""

Fragments = tuple[Fragment, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Something whole: a notice, what the user said. Shown above a reply in progress."""

    fragments: Fragments


@dataclass(frozen=True, slots=True)
class Piece:
    """More of the reply in progress; may hold line feeds."""

    fragments: Fragments


@dataclass(frozen=True, slots=True)
class Close:
    """The reply in progress is over."""


Ink = Line | Piece | Close


def text_of(fragments: Fragments | list[Fragment]) -> str:
    """The words alone."""
    return "".join(text for _, text in fragments)
