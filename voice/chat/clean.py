"""Makes text from elsewhere safe to print: nothing a model or another client writes may command the terminal.

Escape sequences can retitle the window, fill the clipboard, move the cursor over what was printed before, or make
the terminal type; characters that reorder text can show other words than those that are there. Both become visible
signs. The function works character by character, so that pieces of a stream can be cleaned one by one.
"""

from __future__ import annotations

import re

TAB = "    "

_C0_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)}
"""Control characters as the signs Unicode has for them, such as U+241B for escape."""

_SIGNS: dict[int, str] = {
    **_C0_PICTURES,
    0x09: TAB,
    0x0A: "\n",
    0x0D: "",  # of a line break \r\n the \n remains; alone it would let the line be written over
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),  # C1: 0x9B alone begins an escape sequence
    **dict.fromkeys((0x2028, 0x2029), "\n"),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),  # bidirectional overrides
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # lone surrogates, which no output can encode
}
_UNSAFE = re.compile(f"[{re.escape(''.join(map(chr, sorted(_SIGNS.keys() - {0x0A}))))}]")


def clean(text: str) -> str:
    """`text` without control characters but line feeds. Cleaning pieces and cleaning the whole give the same."""
    return text.translate(_SIGNS) if _UNSAFE.search(text) else text


def clean_line(text: str) -> str:
    """`text` as one line: cleaned, with each run of white space as a single space."""
    return " ".join(clean(text).split())


class Trim:
    """Cleans a text that arrives in pieces and takes the white space off its two ends.

    White space waits for the word after it, so that a text neither begins nor ends with empty lines.
    last: the last character handed out, empty before the first.
    """

    def __init__(self) -> None:
        self.last = ""
        self._waiting = ""

    def push(self, text: str) -> str:
        """The next piece; returns what can be shown of the text now."""
        text = self._waiting + clean(text)
        if not self.last:
            text = text.lstrip()
        solid = text.rstrip()
        self._waiting = text[len(solid) :]
        self.last = solid[-1:] or self.last
        return solid
