"""The supervisor with real processes: small programs that crash, refuse, hang, or live on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from link.paths import PROJECT
from scripts.board import Board
from scripts.supervision import RestartPolicy
from scripts.supervisor import Program, Supervisor

QUICK = RestartPolicy(first=0.05, crashes=3)
SLEEPER = "import time\nwhile True: time.sleep(0.05)"


class Stage:
    """A run folder, a board, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.board = Board(folder / "run", now=lambda: datetime.now(UTC), echo=self.said.append)

    def program(self, name: str, code: str, **options: Any) -> Program:
        assert self.board.claim(name)
        output = self.folder / "logs" / f"{name}.out.log"
        return Program(name, f"the {name}", (sys.executable, "-c", textwrap.dedent(code)), output=output, **options)

    def supervisor(self, *programs: Program, **options: Any) -> Supervisor:
        return Supervisor(programs, board=self.board, say=self.said.append, **{"policy": QUICK, **options})

    def part(self, name: str) -> dict[str, Any]:
        try:
            part: dict[str, Any] = json.loads((self.folder / "run" / "parts.json").read_text())["parts"][name]
        except (FileNotFoundError, KeyError):
            return {}
        return part

    def events(self) -> list[str]:
        return [json.loads(line)["text"] for line in (self.folder / "run" / "events.log").read_text().splitlines()]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def until(condition: Callable[[], Any], limit: float = 20.0) -> Any:
    """Wait for a condition and return what it gave."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
    return value


def in_background(*steps: Callable[[], object]) -> threading.Thread:
    """Do the steps beside the supervisor, then end it by a signal, as Ctrl-C does."""

    def work() -> None:
        try:
            for step in steps:
                step()
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def foreground(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def test_a_killed_program_is_started_again_and_everybody_can_read_so(stage: Stage) -> None:
    program = stage.program("worker", SLEEPER)
    seen: list[int] = []

    def kill_it() -> None:
        seen.append(until(lambda: stage.part("worker").get("state") == "running" and stage.part("worker")["pid"]))
        os.kill(seen[0], signal.SIGKILL)

    def see_it_back() -> None:
        until(lambda: stage.part("worker")["state"] == "running" and stage.part("worker")["restarts"] == 1)
        seen.append(stage.part("worker")["pid"])

    thread = in_background(kill_it, see_it_back)
    assert stage.supervisor(program).run() == 0
    thread.join()
    assert len(set(seen)) == 2
    assert not any(psutil.pid_exists(pid) for pid in seen)
    assert stage.part("worker")["state"] == "stopped"
    assert "The worker crashed (killed by SIGKILL); it starts again in 0.1 s." in stage.events()
    assert any(text.startswith("The worker is running again (restart 1)") for text in stage.said)


def test_the_foreground_programs_exit_code_is_passed_on_and_the_rest_ends(stage: Stage) -> None:
    program = stage.program("worker", SLEEPER, required=True)
    assert stage.supervisor(program, foreground=foreground("raise SystemExit(7)")).run() == 7
    assert stage.part("worker")["state"] == "stopped"
    assert stage.part("worker")["pid"] is None


def test_nothing_starts_before_what_is_required_answers(stage: Stage) -> None:
    ready, proof = stage.folder / "ready", stage.folder / "early"
    base = stage.program(
        "base",
        f"import time, pathlib\ntime.sleep(0.5)\npathlib.Path({str(ready)!r}).touch()\n" + SLEEPER,
        required=True,
        healthy=ready.exists,
    )
    check = f"import pathlib\nif not pathlib.Path({str(ready)!r}).exists(): pathlib.Path({str(proof)!r}).touch()\n"
    other = stage.program("other", check + SLEEPER)
    assert stage.supervisor(base, other, foreground=foreground(check)).run() == 0
    assert not proof.exists()


def test_a_required_program_that_keeps_crashing_ends_everything_with_its_last_words(stage: Stage) -> None:
    program = stage.program("base", "print('the disk is full'); raise SystemExit(9)", required=True)
    other = stage.program("other", SLEEPER)
    assert stage.supervisor(program, other, foreground=foreground(SLEEPER)).run() == 1
    assert stage.part("base")["state"] == "failed"
    assert stage.part("base")["reason"] == "the disk is full"
    assert stage.part("base")["exit_code"] == 9
    assert stage.part("base")["restarts"] == 2
    assert any("cannot be kept running" in text for text in stage.said)
    assert any("the disk is full" in text for text in stage.said)


def test_a_satellite_that_cannot_run_here_costs_nothing_else(stage: Stage) -> None:
    program = stage.program("window", "print('there is no display'); raise SystemExit(3)")
    base = stage.program("base", SLEEPER, required=True)
    thread = in_background(lambda: until(lambda: stage.part("window").get("state") == "failed"))
    assert stage.supervisor(base, program).run() == 0
    thread.join()
    assert stage.part("window")["reason"] == "there is no display"
    assert stage.part("window")["restarts"] == 0


def test_without_a_foreground_it_ends_when_nothing_is_left(stage: Stage) -> None:
    assert stage.supervisor(stage.program("one", "pass")).run() == 0
    assert stage.part("one")["state"] == "stopped"


def test_a_program_that_does_not_exist_is_reported(stage: Stage) -> None:
    assert stage.board.claim("ghost")
    assert stage.supervisor(Program("ghost", "the ghost", (str(stage.folder / "none"),))).run() == 1
    assert stage.part("ghost")["state"] == "failed"
    assert "No such file" in stage.part("ghost")["reason"]


def test_one_that_never_answers_is_ended_and_given_up(stage: Stage) -> None:
    program = stage.program("base", SLEEPER, required=True, healthy=lambda: False, start_limit=0.2)
    assert stage.supervisor(program).run() == 1
    assert any("did not answer" in text for text in stage.said)


def test_ending_takes_grandchildren_along_and_kills_what_ignores_the_request(stage: Stage) -> None:
    note = stage.folder / "pids"
    code = f"""
        import os, pathlib, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(note)!r}).write_text(f"{{os.getpid()}} {{inner.pid}}")
        while True: time.sleep(0.05)
        """
    program = stage.program("stubborn", code, required=True, healthy=note.exists)
    started = time.monotonic()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert stage.supervisor(program, foreground=foreground("pass"), grace=0.5).run() == 0
        pids = [int(pid) for pid in note.read_text().split()]
        # The grandchild has no parent left that reaps it: a zombie has ended, too.
        until(lambda: not any(psutil.pid_exists(p) and psutil.Process(p).status() != "zombie" for p in pids), 5)
        assert bystander.poll() is None
        assert time.monotonic() - started < 15
    finally:
        bystander.kill()
        bystander.wait()


def test_events_stay_silent_while_the_foreground_owns_the_screen(stage: Stage) -> None:
    state = stage.folder / "run" / "parts.json"
    wait = f"""
        import json, pathlib, time
        while json.loads(pathlib.Path({str(state)!r}).read_text())["parts"]["flaky"]["restarts"] < 1: time.sleep(0.02)
        """
    flaky = stage.program("flaky", "import time; time.sleep(1); raise SystemExit(1)")
    assert stage.supervisor(flaky, foreground=foreground(wait)).run() == 0
    assert any("crashed" in text for text in stage.events())
    assert not any("crashed" in text for text in stage.said)


def test_two_boards_share_a_folder_without_losing_or_doubling_parts(tmp_path: Path) -> None:
    first, second = Stage(tmp_path), Stage(tmp_path)
    assert first.board.claim("hub")
    assert not second.board.claim("hub")
    first.board.update("hub", "running", pid=1)
    second.board.update("overlay", "running", pid=2)
    assert first.part("hub")["state"] == first.part("overlay")["state"] == "running"
    second.board.sweep()
    assert first.part("hub")["state"] == "running", "its launcher still holds it"
    assert first.part("overlay")["state"] == "stopped", "nobody holds it"
    first.board.release_all()
    assert second.board.claim("hub")
    second.board.release_all()


def test_since_tells_when_the_state_began(tmp_path: Path) -> None:
    times = iter([datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in range(9)])
    board = Board(tmp_path, now=lambda: next(times))
    for state in ("running", "running", "stopped"):
        board.update("hub", state, pid=5)  # type: ignore[arg-type]
    entry = json.loads((tmp_path / "parts.json").read_text())["parts"]["hub"]
    assert entry["since"] == "2026-01-01T12:01:00.000+00:00"


def test_the_event_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    (tmp_path / "events.log").write_text('{"text": "old"}\n' * 30_000)
    Board(tmp_path, now=lambda: datetime.now(UTC)).event("hub", "new")
    lines = (tmp_path / "events.log").read_text().splitlines()
    assert len(lines) == 201
    assert json.loads(lines[-1])["text"] == "new"


def test_a_second_ctrl_c_while_ending_leaves_no_traceback(tmp_path: Path) -> None:
    """In a process of its own, because the second signal may come after the first run has ended."""
    code = f"""
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from scripts.board import Board
        from scripts.supervisor import Program, Supervisor
        board = Board(Path({str(tmp_path)!r}), now=lambda: datetime.now(UTC), echo=lambda text: print(text, flush=True))
        board.claim("deaf")
        deaf = "import signal, time; signal.signal(15, lambda *_: print('asked')); print('up')\\nwhile 1: time.sleep(9)"
        programs = [Program("deaf", "the deaf", (sys.executable, "-u", "-c", deaf))]
        sys.exit(Supervisor(programs, board=board, say=print, grace=1.0).run())
        """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert process.stdout is not None
    _read_until(process.stdout, "running", "up")
    process.send_signal(signal.SIGINT)
    _read_until(process.stdout, "asked")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def _read_until(stream: IO[str], *marks: str) -> None:
    seen = ""
    while not all(mark in seen for mark in marks):
        line = stream.readline()
        assert line, f"it ended after {seen!r}"
        seen += line
