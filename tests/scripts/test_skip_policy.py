"""What is skipped is listed; under CI=true it fails the run unless it belongs to another system."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from link.paths import PROJECT

TESTS = """
import pytest
@pytest.mark.skip(reason="other system: no such console")
def test_other(): pass
@pytest.mark.xfail(reason="known")
def test_known(): assert False
def test_fine(): pass
"""
MISSING = "def test_missing(): pytest.skip('no camera')\n"


def run(folder: Path, text: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.support.skip_policy",
            "-p",
            "no:cacheprovider",
            "test_it.py",
        ],
        cwd=folder,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(PROJECT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "ci", "code"), [(TESTS, "true", 0), (TESTS + MISSING, "", 0)], ids=["under CI", "at home"]
)
def test_allowed_skips_are_listed_and_pass(text: str, ci: str, code: int, tmp_path: Path) -> None:
    ran = run(tmp_path, text, ci)
    assert ran.returncode == code, ran.stdout
    assert "other system: no such console\n    test_it.py::test_other" in ran.stdout
    assert "known" not in ran.stdout
    assert "NOT ALLOWED" not in ran.stdout


@pytest.mark.parametrize(
    "text",
    [TESTS + MISSING, "import pytest\n" + MISSING, "import pytest\npytest.importorskip('no_such_module')\n"],
    ids=["beside others", "alone", "a whole file"],
)
def test_other_skips_fail_under_ci(text: str, tmp_path: Path) -> None:
    ran = run(tmp_path, text, "true")
    assert ran.returncode == 1, ran.stdout
    assert "NOT ALLOWED UNDER CI: " in ran.stdout
