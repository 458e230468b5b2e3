"""The unfinished file of a download, what is known of it, and the lock that gives it to one process."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from link.files import sync_folder
from link.locks import ProcessLock
from link.ranges import Validator


class PartFile:
    """`<target>.part` with the bytes so far, and `<target>.part.json` with the validator of the whole file."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + ".part")
        self._meta = target.with_name(target.name + ".part.json")

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self) -> Validator:
        """What the server said of the whole file; an empty one when that is not known or not readable."""
        try:
            known = json.loads(self._meta.read_text(encoding="utf-8"))
            return Validator(str(known["etag"]), str(known["last_modified"]), known["size"])
        except (OSError, ValueError, KeyError, TypeError):
            return Validator()

    def begin(self, validator: Validator) -> None:
        """Start from the first byte."""
        self.path.write_bytes(b"")
        self._meta.write_text(json.dumps(asdict(validator)), encoding="utf-8")

    def discard(self) -> None:
        """Throw away what was received."""
        self.path.unlink(missing_ok=True)
        self._meta.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Put the finished file in its place, in one step that survives a power cut."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(self.path, target)
        sync_folder(target.parent)
        self._meta.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusively(target: Path) -> Iterator[bool]:
    """Yields whether this process may download `target`: False while another does.

    The lock ends with the process, however that ends.
    """
    path = target.with_name(target.name + ".lock")
    lock = ProcessLock(path)
    if not lock.acquire(timeout=0):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
        if target.exists():  # whoever waits for this lock finds the file finished
            with contextlib.suppress(OSError):
                path.unlink()
