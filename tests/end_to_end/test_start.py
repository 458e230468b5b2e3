"""The launcher with real processes: hubs killed and found, Ctrl-C, a terminal. (A fresh clone: test_fresh_clone.py.)"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from link.paths import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="other system: signals and pseudo-terminals"),
]
LAUNCHER = [sys.executable, "-P", "-m", "scripts.launcher"]


@pytest.fixture
def model() -> Iterator[str]:
    """The address of a scripted model server that answers three tokens."""
    command = [sys.executable, "-m", "tests.support.fake_llm", "--port", "0", "--tokens", "3"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.fixture
def env(tmp_path: Path, model: str) -> dict[str, str]:
    """Variables for a launcher with a data folder and a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ALISA_")}
    return inherited | {
        "PYTHONPATH": str(PROJECT),
        "ALISA_DATA_DIR": str(tmp_path / "data"),
        "ALISA_HUB__PORT": str(port),
        "ALISA_LLM__URL": model,
        "ALISA_LLM__FALLBACK": "[]",
        "TERM": "xterm-256color",
    }


def part(env: dict[str, str], name: str = "hub") -> dict[str, Any]:
    try:
        board = json.loads((Path(env["ALISA_DATA_DIR"]) / "run" / "parts.json").read_text())
    except FileNotFoundError:
        return {}
    entry: dict[str, Any] = board["parts"].get(name, {})
    return entry


def until(condition: Callable[[], Any], limit: float = 30.0) -> Any:
    deadline = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def hub_pid(env: dict[str, str]) -> int | None:
    entry = part(env)
    return entry["pid"] if entry.get("state") == "running" else None


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextlib.contextmanager
def launched(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A launcher without chat; should the test fail, it is asked to end, so that it takes its hub along."""
    process = subprocess.Popen([*LAUNCHER, "--no-chat"], env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_lines_from_a_pipe_are_answered_and_nothing_stays_behind(env: dict[str, str]) -> None:
    ran = subprocess.run(LAUNCHER, env=env, input="hello\n", capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.split()) > 0
    assert "The hub is running" in ran.stderr, "messages of the launcher stay out of the reply's way"
    assert part(env)["state"] == "stopped"
    assert part(env)["exit_code"] == 0, "the hub ended by itself when asked"


def test_a_killed_hub_is_back_within_five_seconds_and_ctrl_c_ends_everything(env: dict[str, str]) -> None:
    with launched(env) as launcher:
        first = until(lambda: hub_pid(env))
        os.kill(first, signal.SIGKILL)
        second = until(lambda: (pid := hub_pid(env)) and pid != first and pid, 5)
        assert part(env)["restarts"] == 1
        launcher.send_signal(signal.SIGINT)
        started = time.monotonic()
        _, said = launcher.communicate(timeout=20)
        assert time.monotonic() - started < 8
    assert launcher.returncode == 0
    assert "The hub crashed (killed by SIGKILL); it starts again in 0.2 s." in said
    assert "The hub is running again (restart 1)" in said
    assert "Traceback" not in said
    assert has_ended(first)
    assert has_ended(second)


def test_a_second_start_uses_the_hub_that_runs_and_leaves_it_running(env: dict[str, str]) -> None:
    with launched(env) as first:
        pid = until(lambda: hub_pid(env))
        ran = subprocess.run(
            LAUNCHER, env=env, input="hello\n", capture_output=True, text=True, timeout=40, check=False
        )
        assert ran.returncode == 0, ran.stderr
        assert "runs already" in ran.stderr
        assert hub_pid(env) == pid
        assert first.poll() is None
        first.terminate()
        first.communicate(timeout=20)
        assert first.returncode == 0
    assert has_ended(pid)


def test_the_hub_of_another_data_folder_is_not_used(env: dict[str, str], tmp_path: Path) -> None:
    with launched(env):
        until(lambda: hub_pid(env))
        other = env | {"ALISA_DATA_DIR": str(tmp_path / "other")}
        ran = subprocess.run(LAUNCHER, env=other, input="", capture_output=True, text=True, timeout=40, check=False)
        assert ran.returncode == 1
        assert "another Alisa with another data folder" in ran.stderr


async def test_on_a_terminal_the_chat_has_the_screen_and_its_end_is_the_end(env: dict[str, str]) -> None:
    from tests.support.terminal import Terminal

    async with Terminal(LAUNCHER, env) as terminal:
        await terminal.shows("The hub is running", 30)
        pid = hub_pid(env)
        assert pid is not None
        await terminal.shows("/help", 30)
        os.kill(pid, signal.SIGKILL)
        await terminal.shows("The hub crashed", 10)  # told by the chat, above its prompt
        await terminal.shows("The hub is running again", 10)
        terminal.type("/quit\r")
        assert await terminal.ends(20) == 0
    assert part(env)["state"] == "stopped"
