"""The overlay's doctor on a real X server, and without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from overlay.doctor import check_display, check_tk

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other system: X11")


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A virtual screen of 800 x 600; the server chooses its number itself and tells it through a pipe."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed (Debian: xvfb)")
    reader, writer = os.pipe()
    command = [program, "-displayfd", str(writer), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as process:
        os.close(writer)
        with os.fdopen(reader) as told:
            display = f":{told.readline().strip()}"
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        yield display
        process.terminate()


@LINUX
def test_a_window_can_be_opened(x_server: str) -> None:
    assert check_display().level == "ok"
    checks = {check.name: check for check in check_tk()}
    assert checks["Tk"].level == "ok", checks["Tk"].remedy
    assert checks["Window"].found == "can be opened on a screen of 800 x 600"


@LINUX
def test_without_a_screen_the_reason_and_the_remedy_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    check = check_display()
    assert (check.level, bool(check.remedy)) == ("warn", True)
    assert all(check.remedy for check in check_tk() if check.level == "warn")


@LINUX
def test_a_display_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    last = list(check_tk())[-1]
    assert last.level == "warn"
