"""Who may send what: the capabilities of each role. The role follows from the token a client connects with."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Roles of clients. Each satellite has a token of its own and with it exactly one role."""

    USER = "user"
    VOICE = "voice"
    OVERLAY = "overlay"
    VISION = "vision"
    BOT = "bot"


SATELLITES = (Role.VOICE, Role.OVERLAY, Role.VISION, Role.BOT)
"""Roles with a token in `<data>/tokens/<role>`; the user's is `<data>/hub.token`."""
