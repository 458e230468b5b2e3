"""The part of a conversation she has in mind: the last turns within a limit of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from backend.app.ports import StoredMessage
from backend.app.pure.tokens import estimate_tokens


def tokens_of(message: StoredMessage) -> int:
    """Length of a message: as counted by the model's tokenizer, else estimated."""
    return message.tokens if message.tokens is not None else estimate_tokens(message.text)


def window(messages: Sequence[StoredMessage], turns: int, tokens: int) -> tuple[StoredMessage, ...]:
    """The newest whole turns of `messages` (oldest first), at most `turns` of them and at most `tokens` long.

    A turn begins with a message of the user that follows a reply. The newest turn is kept even when it alone is too
    long: what the user just said must be answered.
    """
    starts = [
        index
        for index, message in enumerate(messages)
        if message.role == "user" and (index == 0 or messages[index - 1].role != "user")
    ]
    if not starts:
        return ()
    begin, total, end = starts[-1], 0, len(messages)
    for start in reversed(starts[-turns:]):
        total += sum(tokens_of(message) for message in messages[start:end])
        if total > tokens and start != starts[-1]:
            break
        begin, end = start, start
    return tuple(messages[begin:])


def room_for_history(wanted: int, context: int | None, reply: int, system: int) -> int:
    """Tokens that the turns in mind may take: as many as wanted, if the model's context has room for them.

    context: its length, None if unknown; reply: tokens kept free for the answer; system: length of the system prompt.
    All in tokens. At least an eighth of the context is for the history, whatever the others want: then the server
    says that the prompt is too long, and the turn is tried with less.
    """
    if context is None:
        return wanted
    return min(wanted, max(context - reply - system, context // 8))


def heard_part(text: str, heard: str) -> str:
    """The part of a reply that was heard, in the reply's own words.

    A mouth reports what it spoke, which may be spelled otherwise than what was written (numbers, marks). Then its
    length decides, rounded down to a whole word: nothing enters the history that she did not say.
    """
    if text.startswith(heard):
        return heard
    if len(heard) >= len(text):
        return text
    cut = text[: len(heard)]
    if not text[len(heard)].isspace() and not cut[-1:].isspace():
        cut = cut[: max(cut.rfind(" "), cut.rfind("\n")) + 1]
    return cut.rstrip()
