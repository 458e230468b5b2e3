"""Reports of doctors: as text, as JSON, and what becomes of a check that breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from link.doctor import Check, Report, examine, from_json, render, to_json
from link.doctor_packages import check_packages

REPORTS = [
    Report("hub", (Check("Python", "ok", "3.12"), Check("Data folder", "fail", "is a file", "Name another one."))),
    Report("eyes", (Check("Camera", "warn", "none", "Connect a camera."),)),
]
TEXT = """\
hub
  ✓ Python       3.12
  ✗ Data folder  is a file
                 -> Name another one.

eyes
  ! Camera       none
                 -> Connect a camera.
"""


def test_text_is_aligned_over_all_parts() -> None:
    assert render(REPORTS) == TEXT


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", None, "no-such-encoding"])
def test_terminals_without_the_signs_get_plain_ones(encoding: str | None) -> None:
    assert render(REPORTS, encoding=encoding) == TEXT.replace("✓", "+").replace("✗", "x")


def test_found_text_that_a_terminal_cannot_show_does_not_stop_the_report() -> None:
    text = render([Report("ears", (Check("Sound", "ok", "Lautsprecher für zwei"),))], encoding="ascii")
    assert "Lautsprecher f?r zwei" in text


def test_long_remedies_wrap_below_themselves() -> None:
    lines = render([Report("x", (Check("y", "warn", "z", "word " * 60),))]).splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert lines[2].startswith("       -> word")
    assert lines[3].startswith("          word")


def test_only_what_is_required_fails() -> None:
    assert [report.failed for report in REPORTS] == [True, False]


levels = st.sampled_from(["ok", "warn", "fail"])
checks = st.builds(Check, name=st.text(), level=levels, found=st.text(), remedy=st.text())
reports = st.builds(Report, part=st.text(), checks=st.lists(checks).map(tuple))


@given(st.lists(reports))
def test_json_keeps_everything_and_text_takes_anything(shown: list[Report]) -> None:
    assert from_json(to_json(shown)) == shown
    render(shown, encoding="ascii").encode("ascii")


@pytest.mark.parametrize("text", ["", "{}x", '{"a": 1}', "[1]", '[{"part": "x", "checks": [{"name": "y"}]}]', "null"])
def test_other_text_is_no_report(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)


def test_an_unknown_level_is_no_report() -> None:
    with pytest.raises(ValueError, match="not a level"):
        from_json(to_json(REPORTS).replace('"warn"', '"meh"'))


def test_a_check_that_breaks_is_reported_and_stops_no_other() -> None:
    def broken() -> Check:
        raise OSError("bus error")

    report = examine("x", [("First", broken), ("Second", lambda: [Check("Second", "ok", "fine")])])
    assert [check.level for check in report.checks] == ["warn", "ok"]
    assert "OSError: bus error" in report.checks[0].found


@pytest.mark.parametrize(
    ("lines", "level", "found"),
    [
        ("httpx==0.28.1\n", "ok", "1 as pinned"),
        ("HTTPX>0\nno-such-package==1; python_version < '3'\n", "ok", "1 as pinned"),
        ("httpx==0.1\n", "warn", "not the tested version: httpx 0.28.1 instead of ==0.1"),
        ("no-such-package==1\nhttpx==0.1\n", "fail", "missing: no-such-package"),
    ],
)
def test_packages_are_compared_with_their_pins(lines: str, level: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text(lines)
    check = check_packages(tmp_path / "needs.txt", "Install them.")
    assert (check.level, check.found) == (level, found)
    assert check.remedy == ("" if level == "ok" else "Install them.")


def test_missing_packages_of_something_optional_only_warn(tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text("no-such-package==1\n")
    assert check_packages(tmp_path / "needs.txt", "Install them.", missing="warn").level == "warn"
