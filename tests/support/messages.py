"""Messages for tests of the history."""

from __future__ import annotations

from typing import Any

from backend.app.ports import NewMessage


def said(conversation: int, text: str = "hello", turn: str = "t1", **more: Any) -> NewMessage:
    """A user's message."""
    return NewMessage(conversation, "user", text, "user", turn, **more)


def replied(conversation: int, text: str = "hi there", turn: str = "t1", **more: Any) -> NewMessage:
    """A reply of hers."""
    return NewMessage(conversation, "assistant", text, "user", turn, **more)
