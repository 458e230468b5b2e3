"""`python -m backend doctor`: the hub's report and those of all parts, as one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from backend.doctor import report, satellite_folders
from link.doctor import Check, Report, from_json
from link.part_cli import doctor_options, show
from link.paths import PROJECT

TIME_LIMIT = 20.0  # seconds for all parts together; a part that hangs is reported


def run(argv: Sequence[str]) -> int:
    """Print the report of every part; returns 1 if something required is missing, else 0."""
    json = doctor_options("python -m backend doctor", argv)
    # A part runs in a process of its own: it may import what crashes here, and the hub imports no part.
    processes = {part: _start(part) for part in satellite_folders()}
    reports = [report()]
    deadline = time.monotonic() + TIME_LIMIT
    reports += [collect(part, process, deadline) for part, process in processes.items()]
    show(reports, json=json)
    if not json:
        failed = [check.name for shown in reports for check in shown.checks if check.level == "fail"]
        print(f"\nTo be mended before Alisa can run: {', '.join(failed)}." if failed else "\nAlisa can run here.")
    return int(any(shown.failed for shown in reports))


def _start(part: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", part, "doctor", "--json"],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def collect(part: str, process: subprocess.Popen[str], deadline: float) -> Report:
    """A part's report, read from its process; a report of its own fault if it hangs, crashes or talks nonsense.

    deadline: in the time of time.monotonic().
    """
    with process:
        try:
            output, errors = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            return _broken(part, f"did not answer within {TIME_LIMIT:.0f} s")
    try:
        reports = from_json(output)
    except ValueError:
        last = next((line for line in reversed(errors.splitlines()) if line.strip()), f"exit code {process.returncode}")
        return _broken(part, f"gave no report ({last.strip()})")
    return Report(part, tuple(check for shown in reports for check in shown.checks))


def _broken(part: str, found: str) -> Report:
    return Report(part, (Check("Doctor", "warn", found, f"Run `python -m {part} doctor` to see why."),))
