"""Clocks that tests move by hand.

For a pure machine that is given the time:

    clock = ManualClock()
    machine = Lease(now=clock.now)
    clock.advance(30)

For asyncio code that is given a clock with `now` and `sleep`:

    clock = FakeClock()
    task = asyncio.create_task(remind_every_hour(clock))
    await clock.advance(3600)       # sleepers wake in order, each at its own time

FakeClock lets other tasks run until they wait again. It cannot know about tasks that wait for a socket or a
thread: use `eventually` for those.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools

_ROUNDS = 25
"""Turns of the event loop given to woken tasks: enough for a chain of so many awaits."""


class ManualClock:
    """Seconds that pass only when told to."""

    def __init__(self, start: float = 1_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """The time in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError when it would run backwards."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now += seconds


class FakeClock:
    """A clock for asyncio code: `sleep` returns when `advance` has moved the time far enough."""

    def __init__(self, start: float = 1_000.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """The time in seconds."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until that much time was let pass; for 0 or less only lets other tasks run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), woken))
        await woken

    @property
    def sleeping(self) -> int:
        """How many tasks sleep now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass in steps, from one sleeper to the next, each running on before the next wakes."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        until = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            when, _, woken = heapq.heappop(self._sleepers)
            if woken.done():  # its task was cancelled
                continue
            self._now = when
            woken.set_result(None)
            await self._settle()
        self._now = until

    async def _settle(self) -> None:
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
