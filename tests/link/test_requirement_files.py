"""Requirement files and their fingerprints."""

from __future__ import annotations

from pathlib import Path

import pytest

from link.requirement_files import expand, fingerprint


def test_includes_are_followed_once_and_comments_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "base.txt").write_text("# all need it\nhttpx==1  # really\n\n-r base.txt\n")
    (tmp_path / "a" / "more.txt").write_text("-r ../base.txt\n--requirement ../base.txt\nrich==2\nhttpx==1\n")
    assert expand(tmp_path / "a" / "more.txt") == ["httpx==1", "rich==2"]


def test_the_fingerprint_changes_with_an_included_file_and_not_with_a_comment(tmp_path: Path) -> None:
    base, more = tmp_path / "base.txt", tmp_path / "more.txt"
    base.write_text("httpx==1\n")
    more.write_text("-r base.txt\n")
    before = fingerprint(more)
    base.write_text("# a comment\nhttpx==1\n")
    assert fingerprint(more) == before
    base.write_text("httpx==2\n")
    assert fingerprint(more) != before


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        expand(tmp_path / "none.txt")
