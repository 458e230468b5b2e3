"""Word wrap for text that is still growing. Pure.

Terminals break lines in the middle of words, and a prompt below the text means that it is drawn again and again.
So rows are made here: a row that no further text can change is handed out once, to be printed for good, and only the
last one is kept to be drawn live.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wcwidth import wcwidth

from voice.chat.fragments import Fragment

_IDEOGRAPHS = "\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60"
_TOKEN = re.compile(f"\n| +|[{_IDEOGRAPHS}]|[^ \n{_IDEOGRAPHS}]+")
"""Lines may break at spaces and, in scripts written without them, after each character."""

Cell = tuple[str, str]
"""A style and one character."""


class Wrapper:
    """Collects fragments and hands out rows of at most `width` columns.

    The rows do not depend on how the text was cut into pieces, and joining them gives the text back but for the
    white space at which lines were broken.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._cells: list[Cell] = []

    def add(self, fragments: Iterable[Fragment]) -> list[list[Fragment]]:
        """Add text (line feeds end a paragraph) and return the rows that are now final, oldest first."""
        self._cells += ((style, char) for style, text in fragments for char in text)
        rows, self._cells = _split(self._cells, max(1, self.width))
        return [_fragments(row) for row in rows]

    def live(self) -> list[Fragment]:
        """The last row, which further text may still change."""
        return _fragments(_without_trailing_spaces(self._cells))

    def close(self) -> list[list[Fragment]]:
        """End the text: the last row if there is one. The wrapper is empty afterwards."""
        rows = [self.live()] if self._cells else []
        self._cells = []
        return rows


def wrapped(fragments: Iterable[Fragment], width: int) -> list[list[Fragment]]:
    """The rows of a text that is complete. Empty text has one empty row."""
    wrapper = Wrapper(width)
    return (wrapper.add(fragments) + wrapper.close()) or [[]]


def _split(cells: list[Cell], width: int) -> tuple[list[list[Cell]], list[Cell]]:
    """Final rows, and the cells of the row that is still open. Greedy, as word wrap commonly is."""
    rows: list[list[Cell]] = []
    row: list[Cell] = []
    used = 0
    for kind, token in _tokens(cells):
        if kind == "\n":
            rows.append(_without_trailing_spaces(row))
            row, used = [], 0
            continue
        size = sum(_columns(char) for _, char in token)
        if used + size <= width:
            row, used = row + token, used + size
        elif kind == " ":
            # The spaces at a break stay in the open row, invisible beyond its end, until a word decides.
            row, used = row + token, used + size
        else:
            if row:
                rows.append(_without_trailing_spaces(row))
            *full, row = _chunks(token, width)
            rows += full
            used = sum(_columns(char) for _, char in row)
    return rows, row


def _tokens(cells: list[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    """Words, runs of spaces and line feeds; `kind` is the first character."""
    for match in _TOKEN.finditer("".join(char for _, char in cells)):
        yield match[0][0], cells[match.start() : match.end()]


def _chunks(token: list[Cell], width: int) -> list[list[Cell]]:
    """A word in pieces that fit; marks without a width of their own stay with their letter."""
    chunks: list[list[Cell]] = [[]]
    used = 0
    for cell in token:
        size = _columns(cell[1])
        if used + size > width and chunks[-1]:
            chunks.append([])
            used = 0
        chunks[-1].append(cell)
        used += size
    return chunks


def _without_trailing_spaces(row: list[Cell]) -> list[Cell]:
    end = len(row)
    while end and row[end - 1][1] == " ":
        end -= 1
    return row[:end]


def _fragments(cells: list[Cell]) -> list[Fragment]:
    """Cells joined to fragments of one style each."""
    joined: list[Fragment] = []
    for style, char in cells:
        if joined and joined[-1][0] == style:
            joined[-1] = (style, joined[-1][1] + char)
        else:
            joined.append((style, char))
    return joined


def _columns(char: str) -> int:
    return max(0, wcwidth(char))
