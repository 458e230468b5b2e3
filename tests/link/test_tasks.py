"""Supervised tasks: restarts, states, and an end in bounded time."""

import asyncio
import gc
import logging
from collections.abc import Callable

import pytest

from link.tasks import NEVER, RestartPolicy, Supervisor, TaskState

QUICK = RestartPolicy(base=0.001, ceiling=0.002)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - any condition, so there is no event to wait for
            await asyncio.sleep(0.001)


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def supervisor():
    supervisor = Supervisor()
    yield supervisor
    await supervisor.close()


async def test_a_crash_is_logged_by_name_and_restarted(supervisor, caplog):
    runs = []

    async def crash_twice() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise ValueError("I love you")
        await forever()

    supervisor.start("memory", crash_twice, QUICK)
    await until(lambda: len(runs) == 3)
    assert supervisor.states() == (TaskState("memory", "running", restarts=2, error="ValueError"),)
    crashes = [record for record in caplog.records if record.message == "task crashed, restarting"]
    assert [record.task for record in crashes] == ["memory", "memory"]


async def test_without_a_restart_a_crash_is_shown_as_failed_until_started_anew(supervisor, caplog):
    async def crash() -> None:
        raise ConnectionError

    supervisor.start("once", crash, NEVER)
    await until(lambda: bool(supervisor.states()) and supervisor.states()[0].state == "failed")
    assert supervisor.states() == (TaskState("once", "failed", error="ConnectionError"),)
    assert "task failed" in caplog.messages
    supervisor.start("once", forever)
    assert supervisor.states() == (TaskState("once", "running"),)


async def test_a_limit_ends_the_restarts(supervisor):
    runs = []

    async def crash() -> None:
        runs.append(1)
        raise ValueError

    supervisor.start("x", crash, RestartPolicy(base=0.001, ceiling=0.001, limit=3))
    await until(lambda: bool(supervisor.states()) and supervisor.states()[0].state == "failed")
    assert len(runs) == 4
    assert supervisor.states()[0].restarts == 3


async def test_a_long_healthy_run_forgives_earlier_crashes():
    now = 0.0
    runs = []
    supervisor = Supervisor(clock=lambda: now)

    async def crash_after_an_hour() -> None:
        nonlocal now
        runs.append(1)
        if len(runs) > 6:
            await forever()
        now += 3600
        raise ValueError

    supervisor.start("x", crash_after_an_hour, RestartPolicy(base=0.001, ceiling=0.001, limit=1))
    await until(lambda: len(runs) == 7)
    assert supervisor.states()[0].state == "running"
    await supervisor.close()


async def test_a_task_that_returns_is_done_and_its_name_free_again(supervisor):
    async def nothing() -> None:
        return

    supervisor.start("x", nothing, QUICK)
    await until(lambda: supervisor.states() == ())
    supervisor.start("x", forever)


async def test_names_are_unique_while_they_run(supervisor):
    supervisor.start("x", forever)
    with pytest.raises(ValueError, match="already running"):
        supervisor.start("x", forever)


async def test_a_foreign_cancellation_counts_as_a_crash(supervisor):
    runs = []

    async def cancelled_inside() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise asyncio.CancelledError
        await forever()

    supervisor.start("x", cancelled_inside, QUICK)
    await until(lambda: len(runs) == 2)
    assert supervisor.states()[0].error == "CancelledError"


async def test_stop_ends_one_task_and_lets_it_clean_up(supervisor):
    cleaned = []

    async def careful() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            cleaned.append(1)

    supervisor.start("a", careful, QUICK)
    supervisor.start("b", forever)
    await asyncio.sleep(0)
    assert await supervisor.stop("a")
    assert cleaned == [1]
    assert not await supervisor.stop("a")
    assert [state.name for state in supervisor.states()] == ["b"]


async def test_stopping_works_while_a_restart_is_waited_for_and_before_the_first_step(supervisor):
    async def crash() -> None:
        raise ValueError

    supervisor.start("x", crash, RestartPolicy(base=1000, ceiling=1000))
    supervisor.start("y", forever)
    assert await supervisor.stop("y")
    await until(lambda: supervisor.states()[0].state == "waiting")
    assert await supervisor.stop("x")
    assert supervisor.states() == ()


async def test_a_crash_while_stopping_is_logged_and_not_restarted(supervisor, caplog):
    async def clumsy() -> None:
        try:
            await forever()
        finally:
            raise ValueError

    supervisor.start("x", clumsy, QUICK)
    await asyncio.sleep(0)
    assert await supervisor.stop("x")
    assert "task failed while it was stopped" in caplog.messages
    assert supervisor.states() == ()


async def test_close_is_bounded_and_names_those_who_would_not_end(caplog):
    supervisor = Supervisor()
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor.start("stubborn", stubborn)
    supervisor.start("good", forever)
    await asyncio.sleep(0)
    assert await supervisor.close(timeout=0.05) == ("stubborn",)
    assert caplog.records[-1].levelno == logging.ERROR
    with pytest.raises(RuntimeError):
        supervisor.start("late", forever)
    release.set()
    await until(lambda: supervisor.states() == ())


async def test_no_task_is_collected_while_it_waits(supervisor):
    done = asyncio.Event()

    async def wait_for_nobody_else() -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(0.02, event.set)
        await event.wait()
        done.set()

    supervisor.start("x", wait_for_nobody_else)
    await asyncio.sleep(0)
    gc.collect()
    await asyncio.wait_for(done.wait(), 10)
