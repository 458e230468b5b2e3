"""The rules of restarting, as a dialogue: it ends, what is decided, and when it starts again."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.supervision import Ended, GiveUp, Restart, RestartPolicy, Supervision, describe_exit


def running(at: float = 0.0, policy: RestartPolicy | None = None) -> Supervision:
    part = Supervision(policy or RestartPolicy())
    part.spawned(at)
    part.healthy()
    return part


def test_a_crash_is_followed_by_a_restart_after_the_first_delay() -> None:
    part = running()
    assert part.exited(1, 10.0) == Restart(10.25, 0.25, "exit code 1")
    assert part.state == "restarting"
    assert not part.due(10.2)
    assert part.due(10.25)
    part.spawned(10.25)
    assert (part.state, part.restarts, part.due(99.0)) == ("starting", 1, False)


def test_delays_grow_while_crashes_are_close_together() -> None:
    part = running(policy=RestartPolicy(crashes=10))
    delays = []
    for second in range(4):
        decision = part.exited(-signal.SIGKILL, float(second))
        assert isinstance(decision, Restart)
        delays.append(decision.delay)
        part.spawned(decision.at)
    assert delays == [0.25, 0.5, 1.0, 2.0]


def test_a_minute_without_a_crash_forgets_the_earlier_ones() -> None:
    part = running()
    for at in (0.0, 1.0, 2.0):
        part.exited(1, at)
    decision = part.exited(1, 62.5)
    assert isinstance(decision, Restart)
    assert decision.delay == 0.25


def test_the_fifth_crash_within_a_minute_is_the_last() -> None:
    part = running()
    for at in (0.0, 10.0, 20.0, 30.0):
        assert isinstance(part.exited(1, at), Restart)
        part.spawned(at)
    assert part.exited(1, 40.0) == GiveUp("crashed 5 times in 40 s (exit code 1)")
    assert part.state == "failed"
    assert not part.due(1e9)


@pytest.mark.parametrize("code", [0, -signal.SIGTERM, -signal.SIGINT])
def test_what_ends_on_purpose_stays_ended(code: int) -> None:
    part = running()
    assert isinstance(part.exited(code, 5.0), Ended)
    assert part.state == "stopped"
    assert not part.due(1e9)


@pytest.mark.parametrize(("code", "why"), [(2, "cannot run with these settings"), (3, "cannot run here")])
def test_what_cannot_run_is_not_tried_again(code: int, why: str) -> None:
    part = running()
    assert part.exited(code, 5.0) == GiveUp(why)
    assert part.state == "failed"


def test_exit_codes_in_words() -> None:
    assert describe_exit(-signal.SIGSEGV) == "killed by SIGSEGV"
    assert describe_exit(-250) == "killed by signal 250"
    assert describe_exit(7) == "exit code 7"


@given(st.lists(st.floats(min_value=0, max_value=200), min_size=1, max_size=30))
def test_no_part_crashes_five_times_in_a_minute_and_goes_on(gaps: list[float]) -> None:
    part, now, crashes = running(), 0.0, []
    for gap in gaps:
        now += gap
        crashes.append(now)
        decision = part.exited(1, now)
        often = sum(1 for at in crashes if now - at < 60) >= 5
        assert isinstance(decision, GiveUp) is often
        if isinstance(decision, GiveUp):
            return
        assert 0.25 <= decision.delay <= 30
        part.spawned(decision.at)
        now = decision.at
