"""Starts programs, watches them, starts crashed ones again, and ends them all. The rules are in supervision.py."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from scripts.board import Board
from scripts.children import Child, end_all
from scripts.supervision import Ended, GiveUp, RestartPolicy, Supervision, describe_exit

_POLL = 0.05  # seconds between two looks at the children


@dataclass(frozen=True, slots=True)
class Program:
    """Something to keep running.

    required: nothing else starts before it is healthy, and when it is given up everything ends.
    healthy: asked until it says yes; None: healthy as soon as its process lives.
    output: file for what it prints; None: the launcher's own terminal.
    """

    name: str
    title: str
    command: tuple[str, ...]
    required: bool = False
    healthy: Callable[[], bool] | None = None
    output: Path | None = None
    start_limit: float = 60.0

    @property
    def subject(self) -> str:
        """The title as the beginning of a sentence."""
        return self.title[:1].upper() + self.title[1:]


@dataclass(slots=True)
class _Member:
    """A program and where it stands."""

    program: Program
    supervision: Supervision
    child: Child | None = None
    spawned_at: float = 0.0
    lines: list[str] = field(default_factory=list)

    @property
    def active(self) -> bool:
        return self.supervision.state in ("starting", "running", "restarting")


class Supervisor:
    """Keeps `programs` running, in their order, and an optional foreground program that has the terminal.

    `board` gets states and events; it must have been asked to `claim` every program already. `say` prints for
    people. `quiet_foreground`: the foreground program owns the screen, so nothing is printed while it runs.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        board: Board,
        say: Callable[[str], None],
        foreground: Sequence[str] | None = None,
        quiet_foreground: bool = True,
        policy: RestartPolicy | None = None,
        env: Mapping[str, str] | None = None,
        grace: float = 3.0,
    ) -> None:
        self._members = [_Member(program, Supervision(policy or RestartPolicy())) for program in programs]
        self._waiting = list(self._members)
        self._board = board
        self._say = say
        self._foreground_command = foreground
        self._foreground: Child | None = None
        self._quiet = quiet_foreground
        self._env = env
        self._grace = grace
        self._signal: int | None = None

    def run(self) -> int:
        """Work until the foreground program ends, a signal comes, or nothing is left to watch; then end everything.

        Returns the foreground program's exit code; 128 + signal when a signal ended it, or 0 when there is no
        foreground program (a signal is how such a run ends); 1 when a required program was given up.
        """
        with self._signals_noted():
            try:
                return self._work()
            finally:
                self._end_everything()

    def _work(self) -> int:
        while True:
            if self._signal is not None:
                return 0 if self._foreground_command is None else 128 + self._signal
            now = time.monotonic()
            for member in self._members:
                self._look_after(member, now)
            if (code := self._required_outcome()) is not None:
                return code
            self._start_waiting(now)
            if self._foreground is not None and (code := self._foreground.poll()) is not None:
                return code if code >= 0 else 128 - code
            if self._foreground is None and not self._waiting and self._required_are_up(self._members):
                if self._foreground_command is not None:
                    self._start_foreground(self._foreground_command)
                elif not any(member.active for member in self._members):
                    return int(any(member.supervision.state == "failed" for member in self._members))
            time.sleep(_POLL)

    # ---------------------------------------------------------------------------------------------- starting

    def _start_waiting(self, now: float) -> None:
        """Start the next programs, up to one that is required and not healthy yet."""
        while self._waiting:
            if not self._required_are_up([member for member in self._members if member not in self._waiting]):
                return
            self._spawn(self._waiting.pop(0), now)

    @staticmethod
    def _required_are_up(members: Sequence[_Member]) -> bool:
        return all(member.supervision.state == "running" for member in members if member.program.required)

    def _start_foreground(self, command: Sequence[str]) -> None:
        if self._quiet:
            self._board.echo = None
        self._foreground = Child(command, env=self._env, foreground=True)

    def _spawn(self, member: _Member, now: float) -> None:
        program = member.program
        member.supervision.spawned(now)
        member.spawned_at = now
        try:
            member.child = Child(program.command, env=self._env, output=program.output)
        except OSError as error:
            # No process to watch: the program itself is missing or may not be run, which a restart does not mend.
            member.supervision.state = "failed"
            self._board.update(program.name, "failed", reason=f"cannot be started ({error.strerror})")
            self._board.event(program.name, f"{program.subject} cannot be started ({error.strerror}).")
            return
        self._board.update(program.name, "starting", pid=member.child.pid, restarts=member.supervision.restarts)

    # ---------------------------------------------------------------------------------------------- watching

    def _look_after(self, member: _Member, now: float) -> None:
        if member.supervision.due(now):
            self._spawn(member, now)
        if member.child is None:
            return
        code = member.child.poll()
        if code is not None:
            self._ended(member, member.child, code, now)
        elif member.supervision.state == "starting":
            self._check_health(member, member.child, now)

    def _check_health(self, member: _Member, child: Child, now: float) -> None:
        program, supervision = member.program, member.supervision
        if program.healthy is None or program.healthy():
            supervision.healthy()
            self._board.update(program.name, "running", pid=child.pid, restarts=supervision.restarts)
            took = f"after {time.monotonic() - member.spawned_at:.1f} s"
            again = f" again (restart {supervision.restarts})" if supervision.restarts else ""
            self._board.event(program.name, f"{program.subject} is running{again}, {took}.")
        elif now - member.spawned_at > program.start_limit:
            # It hangs: killing it makes it a crash like any other, with the same rules.
            self._board.event(
                program.name, f"{program.subject} did not answer within {program.start_limit:.0f} s and is ended."
            )
            child.kill()

    def _ended(self, member: _Member, child: Child, code: int, now: float) -> None:
        child.kill()  # what it started itself must not outlive it
        member.lines = child.last_lines()
        member.child = None
        decision = member.supervision.exited(code, now)
        program, state = member.program, member.supervision.state
        reason = decision.why
        if isinstance(decision, GiveUp):
            # The last thing a program prints before it gives up is its reason.
            reason = member.lines[-1] if member.lines else decision.why
            text = f"{program.subject} {decision.why} and is not started again" + (
                f": {member.lines[-1]}" if member.lines else "."
            )
        elif isinstance(decision, Ended):
            text = f"{program.subject} has ended ({decision.why})."
        else:
            text = f"{program.subject} crashed ({decision.why}); it starts again in {decision.delay:.1f} s."
        self._board.update(
            program.name, state, restarts=member.supervision.restarts, reason=reason[:300], exit_code=code
        )
        self._board.event(program.name, text[:500])

    def _required_outcome(self) -> int | None:
        """The exit code when a required program is gone for good, after saying so; None while all is well."""
        for member in self._members:
            if not member.program.required or member.active:
                continue
            self._end_foreground()
            if member.supervision.state == "stopped":
                self._say(f"{member.program.subject} was stopped, so everything ends.")
                return 0
            self._say(f"{member.program.subject} cannot be kept running, so everything ends. It said:")
            for line in member.lines or ["(nothing; its messages are above or in its log)"]:
                self._say(f"    {line}")
            if member.program.output is not None:
                self._say(f"    (all of it: {member.program.output})")
            return 1
        return None

    # ------------------------------------------------------------------------------------------------ ending

    def _end_foreground(self) -> None:
        if self._foreground is not None:
            end_all([self._foreground], self._grace)

    def _end_everything(self) -> None:
        """The foreground first (it restores the terminal), then the others, what they depend on last."""
        self._end_foreground()
        for required in (False, True):
            members = [member for member in self._members if member.program.required is required]
            end_all([member.child for member in members if member.child is not None], self._grace)
            for member in members:
                if member.active:
                    member.supervision.state = "stopped"
                    code = member.child.poll() if member.child is not None else None
                    reason = describe_exit(code) if code is not None else ""
                    self._board.update(
                        member.program.name,
                        "stopped",
                        restarts=member.supervision.restarts,
                        reason=reason,
                        exit_code=code,
                    )
        self._board.release_all()

    @contextlib.contextmanager
    def _signals_noted(self) -> Iterator[None]:
        """Signals only leave a note while we work: no KeyboardInterrupt may come between a start and its record."""

        def note(number: int, frame: FrameType | None) -> None:
            self._signal = number

        names = ("SIGINT", "SIGTERM", "SIGBREAK" if sys.platform == "win32" else "SIGHUP")
        before = {name: signal.signal(getattr(signal, name), note) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)
