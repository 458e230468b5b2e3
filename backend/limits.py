"""Limits that the server itself enforces, before anything of a request is looked at."""

from __future__ import annotations

MAX_BYTES = 1024 * 1024
"""Bytes in one WebSocket message (a client that sends more is disconnected, code 1009) or one HTTP request (413)."""
