"""The developers' entry point and the set-up of the tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from link.paths import PROJECT
from scripts.dev import Step, pytest_step, run_steps
from scripts.tester import DEBIAN_PACKAGES, listed_packages


def test_all_steps_run_and_the_failed_ones_are_listed_with_their_command(capfd: pytest.CaptureFixture[str]) -> None:
    steps = [Step("first", ("-c", "raise SystemExit(3)")), Step("second", ("-c", "print('did it')"))]
    assert run_steps(steps, sys.executable) == 1
    said = capfd.readouterr().out
    assert "did it" in said
    assert said.index("FAILED") < said.index("ok    ")
    assert "again: python -c 'raise SystemExit(3)'" in said


def test_all_green_is_zero() -> None:
    assert run_steps([Step("only", ("-c", ""))], sys.executable) == 0


def test_slow_tests_are_asked_for_by_their_mark() -> None:
    assert pytest_step("-x", slow=True).arguments == ("-m", "pytest", "-m", "slow", "-x")
    assert pytest_step("-x").arguments == ("-m", "pytest", "-x")


@pytest.mark.parametrize(("arguments", "code"), [(["bench"], 0), (["bench", "nonsense"], 2), (["fix", "what"], 2)])
def test_tasks_and_their_mistakes(arguments: list[str], code: int) -> None:
    command = [sys.executable, str(PROJECT / "scripts" / "dev.py"), *arguments]
    assert subprocess.run(command, capture_output=True, check=False).returncode == code


def test_the_list_of_debian_packages() -> None:
    assert listed_packages("# why\nxvfb\n\n tmux # a terminal\n") == ["xvfb", "tmux"]
    assert "xvfb" in listed_packages(DEBIAN_PACKAGES.read_text())
