"""One version everywhere."""

from __future__ import annotations

import tomllib

from link.paths import PROJECT
from link.version import VERSION


def test_the_project_file_names_the_same_version() -> None:
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION
