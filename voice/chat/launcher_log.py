"""Follows what the launcher says of the parts it runs: JSON lines in `<data>/run/events.log`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from voice.chat.clean import clean_line

LOOK_EVERY = 0.3
"""Seconds between two looks at the file. Looking costs one `stat`."""
LONGEST_READ = 65_536


def events_file(data_dir: Path) -> Path:
    """Where the launcher writes."""
    return data_dir / "run" / "events.log"


async def follow(path: Path, every: float = LOOK_EVERY) -> AsyncIterator[str]:
    """Yield a sentence for each event appended from now on; a missing, replaced or emptied file is no fault.

    Lines that are no events are passed over.
    """
    position = _size(path)
    rest = b""
    while True:
        await asyncio.sleep(every)
        size = _size(path)
        if size < position:
            position, rest = 0, b""
        if size == position:
            continue
        data = _read(path, position)
        position += len(data)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if sentence := sentence_of(line):
                yield sentence


def sentence_of(line: bytes) -> str:
    """The sentence in one line of the file; empty when it holds none."""
    try:
        event = json.loads(line)
    except ValueError:  # UnicodeDecodeError is one, too
        return ""
    if not isinstance(event, dict) or not isinstance(event.get("text"), str):
        return ""
    text, part = clean_line(event["text"]), clean_line(str(event.get("part", "")))
    return text if not part or part in text else f"{part}: {text}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(path: Path, position: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(LONGEST_READ)
    except OSError:
        return b""
