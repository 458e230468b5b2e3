"""Every part as a program: `--help`, `doctor`, and what it says as long as it has no program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from link.paths import PROJECT

SATELLITES = ("overlay", "voice", "vision", "bot")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("ALISA_")}
    env |= {"PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "utf-8", **variables}
    return subprocess.run(
        [sys.executable, "-P", "-m", *arguments], env=env, capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize("part", SATELLITES)
def test_help(part: str) -> None:
    ran = run(part, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"python -m {part}" in ran.stdout


@pytest.mark.parametrize("part", SATELLITES)
def test_a_part_that_is_still_to_come_says_so_in_one_line(part: str) -> None:
    if (PROJECT / part / "main.py").exists():
        return  # this one is there; its own tests start it
    ran = run(part)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert f"{part} comes with a later version" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("part", SATELLITES)
def test_doctor_reports_as_json_and_as_text(part: str, tmp_path: Path) -> None:
    ran = run(part, "doctor", "--json", ALISA_DATA_DIR=str(tmp_path))
    (report,) = json.loads(ran.stdout)
    assert report["part"] == part
    assert ran.returncode == 0, "what the satellites lack here is optional"
    text = run(part, "doctor").stdout
    for check in report["checks"]:
        assert check["name"] in text
        assert check["remedy"] or check["level"] == "ok"


def test_an_unknown_option_of_a_doctor_is_refused() -> None:
    ran = run("bot", "doctor", "--jsno")
    assert ran.returncode == 2
    assert "--jsno" in ran.stderr


def test_the_hubs_doctor_gathers_everyone(tmp_path: Path) -> None:
    ran = run("backend", "doctor", "--json", ALISA_DATA_DIR=str(tmp_path), ALISA_MODELS_DIR=str(tmp_path))
    reports = {
        report["part"]: {check["name"]: check for check in report["checks"]} for report in json.loads(ran.stdout)
    }
    assert list(reports)[1:] == list(SATELLITES)
    hub = reports["hub (backend)"]
    assert hub["Python"]["found"].startswith(".".join(map(str, sys.version_info[:3])))
    assert hub["Packages"]["level"] == "ok", hub["Packages"]
    assert str(tmp_path) in hub["Data folder"]["found"]
    assert hub["Model"]["level"] == "warn"
    assert "models pull" in hub["Model"]["remedy"]
    assert "Chat packages" in reports["voice"]


def test_what_is_required_decides_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = run("backend", "doctor", ALISA_DATA_DIR=str(tmp_path / "file" / "data"))
    assert ran.returncode == 1
    assert "✗ Data folder" in ran.stdout
    assert "To be mended before Alisa can run: Data folder" in ran.stdout


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("hub:\n  prot: 8001\n")
    ran = run("backend", "doctor", "--json", ALISA_DATA_DIR=str(tmp_path))
    hub = json.loads(ran.stdout)[0]["checks"]
    (settings,) = [check for check in hub if check["name"] == "Settings"]
    assert settings["level"] == "fail"
    assert "prot" in settings["found"]
    assert ran.returncode == 1
