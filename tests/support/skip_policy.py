"""A pytest plug-in: what was skipped is listed with its reasons, and under CI=true nothing may be skipped.

The one exception is a test of another operating system, whose reason begins with `other system:`, as in
`@pytest.mark.skipif(sys.platform != "win32", reason="other system: Windows consoles")`. A test that cannot run
because something is missing must fail under CI, or nobody would notice that it never runs.
"""

from __future__ import annotations

import os

import pytest

ALLOWED = "other system:"


def is_strict() -> bool:
    """Whether skips are failures: `CI` is set as continuous integration services set it."""
    return os.environ.get("CI", "").lower() in ("true", "1")


class SkipPolicy:
    """Collects the skips of one run."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self.skipped: dict[str, list[str]] = {}

    @property
    def forbidden(self) -> list[str]:
        """Reasons that are not allowed here."""
        return [reason for reason in self.skipped if self._strict and not reason.startswith(ALLOWED)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test, its set-up or its end was reported."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file was read; it may skip itself as a whole."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # Expected failures are reported as skipped, too, but they did run.
        if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            self.skipped.setdefault(reason, []).append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The list at the end."""
        if not self.skipped:
            return
        terminalreporter.section("skipped, and why")
        for reason, tests in sorted(self.skipped.items()):
            mark = "NOT ALLOWED UNDER CI: " if reason in self.forbidden else ""
            terminalreporter.write_line(f"{mark}{reason}")
            for test in tests:
                terminalreporter.write_line(f"    {test}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Forbidden skips fail a run that would have passed."""
        if self.forbidden and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    """Take part in this run."""
    config.pluginmanager.register(SkipPolicy(strict=is_strict()), "alisa-skip-policy")
