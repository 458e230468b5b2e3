"""What holds for every test."""

from __future__ import annotations

import signal

pytest_plugins = ["tests.support.skip_policy"]


def pytest_configure() -> None:
    """Let Ctrl-C be heard again: a shell that runs the tests in the background has it ignored, which every process
    started here would inherit, and those that are stopped by it in a test would go on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
