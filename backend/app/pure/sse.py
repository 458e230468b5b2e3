"""Server-sent events out of bytes, however the network cut them.

Follows the event stream format of the WHATWG HTML standard (section 9.2.6), but for two things that serve a
stream of JSON: only the data of events is kept, and an event without its closing blank line counts at the end.
"""

from __future__ import annotations

MAX_EVENT = 4 * 1024 * 1024
"""Longest event in bytes; no answer's event comes near it, so a longer one is not a stream of events."""

_BOM = b"\xef\xbb\xbf"


class EventTooLongError(ValueError):
    """An event grew beyond `MAX_EVENT`."""


class EventParser:
    """Incremental parser: bytes in, the data of complete events out.

    Works on bytes, because a network read may end in the middle of a character, a line or a line end.
    """

    def __init__(self) -> None:
        self._rest = b""  # an unfinished line
        self._data: list[bytes] = []  # data lines of an unfinished event
        self._size = 0
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """The data of each event that `data` completes, in order. Raises EventTooLongError."""
        if self._rest:
            data = self._rest + data
        if not self._begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._rest = data
                return []
            self._begun = True
            data = data.removeprefix(_BOM)
        lines = data.splitlines(keepends=True)
        # A carriage return at the very end may be half of a line end, so its line is not complete yet.
        self._rest = lines.pop() if lines and not data.endswith(b"\n") else b""
        if len(self._rest) + self._size > MAX_EVENT:
            raise EventTooLongError
        return self._take(lines)

    def end(self) -> list[bytes]:
        """What the stream's end completes: an event whose closing blank line is missing."""
        return self._take([self._rest, b"\n"])

    def _take(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                value = line[5:].rstrip(b"\r\n")
                data.append(value[1:] if value.startswith(b" ") else value)
                self._size += len(value)
            elif line in _BLANK and data:
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
                self._size = 0
            # Everything else is a comment (": ping") or a field that an answer's chunks do not use.
        if self._size > MAX_EVENT:
            raise EventTooLongError
        return events


_BLANK = (b"\n", b"\r\n", b"\r")
