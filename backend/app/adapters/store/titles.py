"""Name a conversation after what was said first. Pure."""

from __future__ import annotations

TITLE_LENGTH = 40


def title_from(text: str, length: int = TITLE_LENGTH) -> str:
    """The first `length` characters of `text` on one line, cut between words where there is a gap to cut at.

    A cut is marked by an ellipsis, which comes on top of `length`. Blank text gives "".
    """
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    head = line[: length + 1]
    # Scripts without spaces, and very long first words, are cut anywhere.
    words = head.rpartition(" ")[0] or head[:length]
    return words.rstrip(" ,;:–—-") + "…"
