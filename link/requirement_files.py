"""Fingerprints of requirement files, includes and all: have they changed? Standard library only."""

from __future__ import annotations

import hashlib
from pathlib import Path


def expand(path: Path) -> list[str]:
    """The requirements of a file and of the files it includes (`-r`), without comments, each once, in order.

    Raises FileNotFoundError when one of the files is not there.
    """
    found: dict[str, None] = {}
    _read(path.resolve(), found, set())
    return list(found)


def fingerprint(path: Path) -> str:
    """SHA-256 of what `expand` gives: equal as long as the same packages are asked for."""
    return hashlib.sha256("\n".join(expand(path)).encode()).hexdigest()


def _read(path: Path, found: dict[str, None], seen: set[Path]) -> None:
    if path in seen:
        return
    seen.add(path)
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith(("-r ", "--requirement ")):
            _read((path.parent / line.split(maxsplit=1)[1]).resolve(), found, seen)
        else:
            found[line] = None
