"""When a part that ended is started again, and when not any more. Pure: times come in as numbers, nothing is started.

supervision = Supervision(RestartPolicy())
supervision.spawned(0.0); supervision.healthy(1.2); supervision.exited(-9, 30.0)  -> Restart(at=30.25, ...)
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Literal

from link.exit_codes import NOT_AVAILABLE, WRONG_SETTINGS

State = Literal["starting", "running", "restarting", "failed", "stopped", "missing"]

# Ended on purpose: by itself, or by somebody's kill or Ctrl-C.
_DELIBERATE = (0, -signal.SIGTERM, -signal.SIGINT)


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Seconds before restarts: `first`, then `factor` times longer each time, up to `longest`.

    A part is given up when it crashes `crashes` times within `window` seconds. Having run for `window` seconds
    without a crash, it starts again with the first delay.
    """

    first: float = 0.25
    factor: float = 2.0
    longest: float = 30.0
    crashes: int = 5
    window: float = 60.0

    def delay(self, crash: int) -> float:
        """The wait after the crash of this number (the first is 1)."""
        return min(self.longest, self.first * self.factor ** (crash - 1))


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again at the time `at`."""

    at: float
    delay: float
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not start it again; `why` completes the sentence "<part> ..."."""

    why: str


@dataclass(frozen=True, slots=True)
class Ended:
    """It ended on purpose and is left so."""

    why: str


Decision = Restart | GiveUp | Ended


@dataclass(slots=True)
class Supervision:
    """One part's life. The clock is the caller's, in seconds, and must not go backwards."""

    policy: RestartPolicy
    state: State = "starting"
    restarts: int = 0
    restart_at: float | None = None
    _crashes: list[float] = field(default_factory=list)

    def spawned(self, now: float) -> None:
        """Its process has been started."""
        if self.restart_at is not None:
            self.restarts += 1
        self.restart_at = None
        self.state = "starting"

    def healthy(self) -> None:
        """It answers."""
        self.state = "running"

    def due(self, now: float) -> bool:
        """Whether it is time to start it again."""
        return self.restart_at is not None and now >= self.restart_at

    def exited(self, code: int, now: float) -> Decision:
        """Its process has ended with an exit code, negative for a signal (as subprocess has it)."""
        if code in _DELIBERATE:
            self.state = "stopped"
            return Ended(describe_exit(code))
        if code in (WRONG_SETTINGS, NOT_AVAILABLE):
            self.state = "failed"
            return GiveUp("cannot run with these settings" if code == WRONG_SETTINGS else "cannot run here")
        self._crashes = [at for at in self._crashes if now - at < self.policy.window] + [now]
        if len(self._crashes) >= self.policy.crashes:
            self.state = "failed"
            seconds = round(now - self._crashes[0])
            return GiveUp(f"crashed {len(self._crashes)} times in {seconds} s ({describe_exit(code)})")
        delay = self.policy.delay(len(self._crashes))
        self.state = "restarting"
        self.restart_at = now + delay
        return Restart(self.restart_at, delay, describe_exit(code))


def describe_exit(code: int) -> str:
    """An exit code in words: `exit code 1`, `killed by SIGKILL`."""
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"
