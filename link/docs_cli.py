"""Writes the generated documents, or checks that they are what the code says: `python -m link.docs_cli [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from link.paths import PROJECT
from link.protocol_docs import protocol_markdown
from link.settings.docs import settings_markdown


@dataclass(frozen=True, slots=True)
class Generated:
    """A document and the function that writes its text. path: relative to the project's folder."""

    path: str
    generate: Callable[[], str]


DOCUMENTS: tuple[Generated, ...] = (
    Generated("docs/PROTOCOL.md", protocol_markdown),
    Generated("docs/SETTINGS.md", settings_markdown),
)


def drifted(root: Path, documents: Sequence[Generated] = DOCUMENTS) -> list[str]:
    """Paths of the documents that differ from what the code says, or are missing."""
    stale = []
    for document in documents:
        file = root / document.path
        if not file.is_file() or file.read_text(encoding="utf-8") != document.generate():
            stale.append(document.path)
    return stale


def write(root: Path, documents: Sequence[Generated] = DOCUMENTS) -> list[str]:
    """Bring the documents up to date; returns the paths that were written."""
    stale = drifted(root, documents)
    for document in documents:
        if document.path in stale:
            file = root / document.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(document.generate(), encoding="utf-8", newline="\n")
    return stale


def main(argv: Sequence[str] | None = None, root: Path = PROJECT) -> int:
    """Returns the exit code: 1 when --check finds a document out of date."""
    parser = argparse.ArgumentParser(prog="python -m link.docs_cli", description="Generate the documents in docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is out of date")
    if parser.parse_args(argv).check:
        stale = drifted(root)
        for path in stale:
            print(f"{path} is out of date: run `python -m link.docs_cli`.", file=sys.stderr)
        return 1 if stale else 0
    for path in write(root):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
