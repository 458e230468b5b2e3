"""What a newcomer does: clone, one command, a sentence, an answer; and the next day she remembers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from link.paths import PROJECT
from link.testing.waiting import eventually
from tests.support.processes import fake_llm_process, free_port
from tests.support.skip_policy import is_strict
from tests.support.tmux import Tmux

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="other system: a shell script and tmux"),
]

FIRST_REPLY_WITHIN = 120.0 if is_strict() else 60.0
"""Seconds from the command to the first reply. Machines of continuous integration are often busy with other things."""


@dataclass
class Newcomer:
    """A clone that was started on two days.

    seconds: from the command to the first character of the first reply. first, second: the replies of the two days;
    installing, second_errors: what the starter said meanwhile.
    """

    clone: Path
    env: dict[str, str]
    seconds: float
    first: str
    installing: str
    second: str
    second_errors: str

    @property
    def start(self) -> str:
        return str(self.clone / "scripts" / "start.sh")

    def left(self) -> list[str]:
        """Programs of this clone that still run."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = " ".join(process.info["cmdline"] or ())
            if str(self.clone) in command and process.info["status"] != psutil.STATUS_ZOMBIE and "tmux" not in command:
                found.append(command)
        return found


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Two days in the life of a clone of this repository's last commit, with a bare Python and without a model."""
    folder = tmp_path_factory.mktemp("newcomer")
    clone = folder / "alisa"
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(clone)], check=True)
    bare = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert bare.exists()
    own = ("ALISA_", "PYTHON", "VIRTUAL_ENV")
    env = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    env |= {"PYTHON": str(bare), "ALISA_HUB__PORT": str(free_port()), "ALISA_LLM__DETECT": "false"}
    start = str(clone / "scripts" / "start.sh")
    out, err = folder / "out", folder / "err"
    began = time.monotonic()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        first = subprocess.Popen(
            [start], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, text=True
        )
    try:
        assert first.stdin is not None
        first.stdin.write("Hi, my name is Robin.\n")
        first.stdin.flush()
        _until(lambda: out.read_text().strip() or first.poll() is not None, 2 * FIRST_REPLY_WITHIN)
        seconds = time.monotonic() - began
        first.communicate("/quit\n", timeout=30)
        assert first.returncode == 0, err.read_text()
    finally:
        first.terminate()
    again = subprocess.run(
        [start], cwd=folder, env=env, input="What is my name?\n", capture_output=True, text=True, timeout=60, check=True
    )
    return Newcomer(clone, env, seconds, out.read_text(), err.read_text(), again.stdout, again.stderr)


def _until(condition: Callable[[], object], limit: float) -> None:
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_first_reply_comes_within_a_minute_of_the_command(newcomer: Newcomer) -> None:
    print(f"from the command in a fresh clone to the first reply: {newcomer.seconds:.1f} s")
    assert "Robin" in newcomer.first
    assert "Installing packages for" in newcomer.installing
    assert "Traceback" not in newcomer.installing
    assert newcomer.seconds <= FIRST_REPLY_WITHIN


def test_on_the_next_day_she_remembers(newcomer: Newcomer) -> None:
    assert "Robin" in newcomer.second
    assert "Installing" not in newcomer.second_errors


def test_nothing_stays_behind_but_what_git_ignores(newcomer: Newcomer) -> None:
    assert newcomer.left() == []
    assert (newcomer.clone / "data" / "hub.token").exists()
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=newcomer.clone, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


async def test_in_a_terminal_a_reply_streams_and_quit_ends_everything(newcomer: Newcomer, tmp_path: Path) -> None:
    async with fake_llm_process(tmp_path, "--tokens", "50", "--rate", "20") as url:
        async with Tmux(tmp_path, newcomer.start, newcomer.env | {"ALISA_LLM__URL": url}) as terminal:
            await terminal.shows("You:", 30)
            terminal.type("Tell me something.", "Enter")
            early = await terminal.shows("word3 ")
            assert "word49" not in early, "it streams"
            terminal.type("half typed")
            assert "half typed" in await terminal.shows("word49")
            assert newcomer.left()
            terminal.type("C-u", "/quit", "Enter")
            assert await terminal.ends() == 0
            await eventually(lambda: not newcomer.left(), 5, "the end of every program")


async def test_in_a_terminal_ctrl_c_stops_the_reply_and_then_ends_everything(
    newcomer: Newcomer, tmp_path: Path
) -> None:
    async with fake_llm_process(tmp_path, "--tokens", "5000", "--rate", "20") as url:
        async with Tmux(tmp_path, newcomer.start, newcomer.env | {"ALISA_LLM__URL": url}) as terminal:
            await terminal.shows("You:", 30)
            terminal.type("Tell me something.", "Enter")
            await terminal.shows("word3 ")
            terminal.type("C-c")
            await terminal.shows("Ctrl-C again ends the chat")
            terminal.type("C-c")
            assert await terminal.ends() == 0
            await eventually(lambda: not newcomer.left(), 5, "the end of every program")


async def test_closing_the_window_ends_everything(newcomer: Newcomer, tmp_path: Path) -> None:
    async with Tmux(tmp_path, newcomer.start, newcomer.env) as terminal:
        await terminal.shows("You:", 30)
        assert newcomer.left()
        terminal.close()
        await eventually(lambda: not newcomer.left(), 10, "the end of every program")
