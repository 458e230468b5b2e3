"""Supervised tasks: each has a name, a crash is logged and answered by a restart, and none is lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from link.backoff import Backoff

logger = logging.getLogger(__name__)

CoroFactory = Callable[[], Coroutine[Any, Any, object]]
State = Literal["running", "waiting", "failed"]
Result = TypeVar("Result")

FAILED_KEPT = 100


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How a crashed task is started again.

    base, factor, ceiling: the backoff, in seconds. limit: restarts in a row before it is given up (None: never).
    healthy_after: seconds of running after which the backoff and the count begin anew.
    """

    base: float = 0.5
    factor: float = 2.0
    ceiling: float = 30.0
    limit: int | None = None
    healthy_after: float = 60.0


NEVER = RestartPolicy(limit=0)
"""A crash is logged and shown in the states, and that is all."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """What /status shows. state: `waiting` is for its restart. error: category of the last crash, if any."""

    name: str
    state: State
    restarts: int = 0
    error: str = ""


class _Supervised:
    """One task and what has happened to it."""

    def __init__(self, name: str, factory: CoroFactory, policy: RestartPolicy, backoff: Backoff) -> None:
        self.name, self.factory, self.policy, self.backoff = name, factory, policy, backoff
        self.task: asyncio.Task[None] | None = None
        self.state: State = "running"
        self.restarts = 0
        self.in_a_row = 0
        self.error = ""

    def snapshot(self) -> TaskState:
        return TaskState(self.name, self.state, self.restarts, self.error)


class Supervisor:
    """Starts tasks and answers for them until `close`. Belongs to one event loop.

    clock: seconds, for `healthy_after`. rng: jitter of the restarts.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._rng = rng or random.Random()
        self._live: dict[str, _Supervised] = {}
        self._failed: dict[str, TaskState] = {}
        self._short: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, name: str, factory: CoroFactory, restart: RestartPolicy = NEVER) -> None:
        """Run `factory()` as a task. One that returns is done and forgotten; one that raises follows `restart`.

        name: unique among the tasks that run. Raises ValueError if it is taken, RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError(f"the supervisor is closed, task {name!r} cannot start")
        if name in self._live:
            raise ValueError(f"a task named {name!r} is already running")
        backoff = Backoff(restart.base, restart.factor, restart.ceiling, self._rng)
        supervised = _Supervised(name, factory, restart, backoff)
        self._failed.pop(name, None)
        self._live[name] = supervised
        supervised.task = asyncio.create_task(self._supervise(supervised), name=name)
        # A task cancelled before its first step never enters _supervise: only this callback sees it end.
        supervised.task.add_done_callback(lambda task: self._ended(supervised))

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run a short piece of work once, whose result may be awaited. A crash that nobody awaits is logged too.

        name: for the logs; need not be unique. After `close` the work is cancelled before it begins.
        """
        task = asyncio.create_task(coroutine, name=name)
        self._short.add(task)
        task.add_done_callback(self._short_ended)
        if self._closed:
            task.cancel()
        return task

    def states(self) -> tuple[TaskState, ...]:
        """All tasks that run, and the latest that failed for good, by name."""
        live = {name: supervised.snapshot() for name, supervised in self._live.items()}
        return tuple(state for _, state in sorted({**self._failed, **live}.items()))

    async def stop(self, name: str, timeout: float = 5.0) -> bool:
        """Cancel one task and wait for its end. False when there is none, or it did not end in time."""
        supervised = self._live.get(name)
        if supervised is None or supervised.task is None:
            return False
        return not await self._cancel([supervised.task], timeout)

    async def close(self, timeout: float = 5.0) -> tuple[str, ...]:
        """Cancel all tasks and wait at most `timeout` seconds; returns the names of those that did not end."""
        self._closed = True
        tasks = [supervised.task for supervised in self._live.values() if supervised.task is not None]
        return await self._cancel([*tasks, *self._short], timeout)

    def _short_ended(self, task: asyncio.Task[Any]) -> None:
        self._short.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work failed", exc_info=error, extra={"task": task.get_name()})

    async def _cancel(self, tasks: list[asyncio.Task[Any]], timeout: float) -> tuple[str, ...]:
        for task in tasks:
            task.cancel()
        if not tasks:
            return ()
        _, pending = await asyncio.wait(tasks, timeout=timeout)
        names = tuple(sorted(task.get_name() for task in pending))
        if names:
            logger.error("tasks did not end in time", extra={"tasks": list(names)})
        return names

    def _ended(self, supervised: _Supervised) -> None:
        if self._live.get(supervised.name) is supervised:
            del self._live[supervised.name]
        if supervised.state == "failed":
            self._failed[supervised.name] = supervised.snapshot()
            while len(self._failed) > FAILED_KEPT:
                del self._failed[next(iter(self._failed))]

    async def _supervise(self, supervised: _Supervised) -> None:
        while True:
            supervised.state = "running"
            started = self._clock()
            error = await self._run(supervised)
            if error is None:
                return
            supervised.error = type(error).__name__
            if _being_cancelled():
                logger.error("task failed while it was stopped", exc_info=error, extra={"task": supervised.name})
                return
            if self._clock() - started >= supervised.policy.healthy_after:
                supervised.in_a_row = 0
                supervised.backoff.reset()
            limit = supervised.policy.limit
            if limit is not None and supervised.in_a_row >= limit:
                supervised.state = "failed"
                logger.error("task failed", exc_info=error, extra={"task": supervised.name})
                return
            delay = supervised.backoff.next()
            supervised.state = "waiting"
            logger.error(
                "task crashed, restarting", exc_info=error, extra={"task": supervised.name, "delay_s": round(delay, 3)}
            )
            await asyncio.sleep(delay)
            supervised.restarts += 1
            supervised.in_a_row += 1

    async def _run(self, supervised: _Supervised) -> BaseException | None:
        """Run it once. Returns why it crashed, None when it returned; a cancellation of ours passes through."""
        try:
            await supervised.factory()
        except asyncio.CancelledError as error:
            if _being_cancelled():
                raise
            return error  # something inside was cancelled by somebody else: for us that is a crash
        except Exception as error:  # noqa: BLE001 - the boundary of every background task: logged and restarted above
            return error
        return None


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
