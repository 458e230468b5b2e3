"""A guess of how many tokens a text has, for when no tokenizer can be asked."""

from __future__ import annotations

import math


def estimate_tokens(text: str) -> int:
    """Tokens of `text`, guessed on the high side so that a prompt rather stays below its limit.

    Common tokenizers take about four ASCII characters or two to three bytes of other scripts per token (OpenAI's
    published rule of thumb is four characters of English); every message costs a few more for its frame.
    """
    narrow = sum(1 for character in text if character < "\x80")
    wide = len(text.encode("utf-8", "replace")) - narrow
    return math.ceil(narrow / 3.5 + wide / 2) + 4
