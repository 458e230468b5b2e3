"""`python -m ...` with a Python that has no packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BARE = [sys.executable, "-S", "-E"]
"""This Python without its site-packages: as a newcomer's is."""


@pytest.mark.parametrize(("module", "arguments"), [("backend", ["--version"]), ("voice.text_chat", ["--help"])])
def test_the_projects_environment_takes_over(tmp_path: Path, module: str, arguments: list[str]) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    ran = subprocess.run(
        [*BARE, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | {"ALISA_VENV": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Alisa" in ran.stdout


@pytest.mark.parametrize("module", ["backend", "voice.text_chat"])
def test_without_one_a_sentence_says_how_to_get_it(tmp_path: Path, module: str) -> None:
    ran = subprocess.run(
        [*BARE, "-m", module],
        cwd=ROOT,
        env=os.environ | {"ALISA_VENV": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 1
    assert "scripts/start.sh" in ran.stderr
    assert "Traceback" not in ran.stderr
