"""The lock between processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from link.locks import ProcessLock

HOLDER = """
import sys, time
from pathlib import Path
from link.locks import ProcessLock
ProcessLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_one_holder_at_a_time_in_this_process_too(tmp_path: Path) -> None:
    first, second = ProcessLock(tmp_path / "x.lock"), ProcessLock(tmp_path / "x.lock")
    assert first.acquire(timeout=0)
    assert not second.acquire(timeout=0)
    first.release()
    first.release()
    with second:
        assert not first.acquire(timeout=0)
    assert first.acquire(timeout=0)


def test_waiting_ends_in_time(tmp_path: Path) -> None:
    with ProcessLock(tmp_path / "x.lock"):
        began = time.monotonic()
        assert not ProcessLock(tmp_path / "x.lock").acquire(timeout=0.2)
        assert 0.15 < time.monotonic() - began < 5


def test_a_kill_frees_it_and_who_waits_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        assert not ProcessLock(path).acquire(timeout=0)
        holder.kill()
        assert ProcessLock(path).acquire(timeout=10)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        ProcessLock(tmp_path / "missing" / "x.lock").acquire()
