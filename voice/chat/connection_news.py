"""What is told of the connection: once that it is gone, once that it is back. Pure."""

from __future__ import annotations

from link.client import Connected, Disconnected

PATIENCE = 1.5
"""Seconds of trying before it is told that the hub does not answer: one that is just being started takes about as
long."""


class ConnectionNews:
    """Turns the many tries of a client into few sentences."""

    def __init__(self) -> None:
        self._connected_before = False
        self._told = False
        self._tried = 0.0

    def on(self, event: Connected | Disconnected) -> str:
        """The sentence to show now, often empty."""
        if isinstance(event, Connected):
            told, self._told, self._tried, self._connected_before = self._told, False, 0.0, True
            return ("Connected again." if event.again else "Connected.") if told else ""
        self._tried += event.retry_in
        if self._told:
            return ""
        self._told = self._connected_before or self._tried >= PATIENCE
        if not self._told:
            return ""
        return "The hub is away; trying again…" if self._connected_before else f"{event.reason} Trying again…"
