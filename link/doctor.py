"""What `doctor` commands say: checks of this machine with a remedy each, as text for people or as JSON.

Standard library only, so that it works where packages are missing.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warn", "fail"]

_MARKS: dict[Level, str] = {"ok": "✓", "warn": "!", "fail": "✗"}
_ASCII_MARKS: dict[Level, str] = {"ok": "+", "warn": "!", "fail": "x"}
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    level: `fail` only for what the program cannot do without; something optional that is missing is a `warn`.
    found: what there is, in a few words. remedy: how to mend it, a sentence; empty when nothing needs mending.
    """

    name: str
    level: Level
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The checks of one part."""

    part: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> bool:
        """Whether something required is missing."""
        return any(check.level == "fail" for check in self.checks)


Probe = Callable[[], Check | Iterable[Check]]


def examine(part: str, probes: Sequence[tuple[str, Probe]]) -> Report:
    """Run each probe, given with the name of what it looks at. One that breaks is reported and stops no other."""
    checks: list[Check] = []
    for name, probe in probes:
        try:
            result = probe()
            checks += [result] if isinstance(result, Check) else list(result)
        except Exception as error:  # noqa: BLE001 - a machine may be broken in any way; that is what the doctor is called for
            text = f"could not be checked ({type(error).__name__}: {error})"
            checks.append(Check(name, "warn", text, "Please report this as a fault of the doctor."))
    return Report(part, tuple(checks))


def to_json(reports: Iterable[Report]) -> str:
    """The reports as JSON: a list of `{"part", "checks": [{"name", "level", "found", "remedy"}]}`."""
    return json.dumps([asdict(report) for report in reports], indent=1, ensure_ascii=True)


def from_json(text: str) -> list[Report]:
    """The reports that `to_json` wrote. Raises ValueError for anything else."""
    try:
        return [Report(str(entry["part"]), tuple(_check(raw) for raw in entry["checks"])) for entry in json.loads(text)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a doctor's report: {error}") from error


def render(reports: Iterable[Report], *, encoding: str | None = "utf-8") -> str:
    """The reports as aligned text of at most 100 columns, remedies indented below what they mend.

    encoding: of the terminal; where it cannot show a character, plain ASCII stands in for it.
    """
    shown = list(reports)
    marks = _MARKS if _can_encode("".join(_MARKS.values()), encoding) else _ASCII_MARKS
    column = max((len(check.name) for report in shown for check in report.checks), default=0)
    lines: list[str] = []
    for report in shown:
        lines += ["", report.part] if lines else [report.part]
        for check in report.checks:
            lines += _wrapped(f"  {marks[check.level]} {check.name:<{column}}  ", check.found, 0)
            if check.remedy:
                lines += _wrapped(" " * (column + 6), f"-> {check.remedy}", 3)
    text = "\n".join(lines) + "\n"
    return text if _can_encode(text, encoding) else text.encode("ascii", "replace").decode("ascii")


def _wrapped(start: str, text: str, hang: int) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()) or "-",
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * (len(start) + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _can_encode(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _check(raw: dict[str, Any]) -> Check:
    level = raw["level"]
    if level not in _MARKS:
        raise ValueError(f"not a level: {level!r}")
    return Check(str(raw["name"]), level, str(raw["found"]), str(raw["remedy"]))
