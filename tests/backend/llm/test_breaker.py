"""The circuit breaker, told as a dialogue with a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.pure.breaker import Breaker


def broken(at: float = 0.0) -> Breaker:
    breaker = Breaker(failures=5, cool_down=60.0)
    for _ in range(5):
        assert breaker.allow(at)
        breaker.failure(at)
    return breaker


def test_five_failures_in_a_row_open_it_for_sixty_seconds() -> None:
    breaker = broken(at=100.0)
    assert breaker.state(100.0) == "open"
    assert not breaker.allow(159.9)
    assert breaker.wait(130.0) == pytest.approx(30.0)
    assert breaker.state(160.0) == "half-open"


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(4):
            breaker.failure(0.0)
        breaker.success()
    assert breaker.state(0.0) == "closed"


def test_half_open_lets_one_probe_pass() -> None:
    breaker = broken()
    assert breaker.allow(60.0)
    assert not breaker.allow(60.0)
    breaker.success()
    assert breaker.state(60.0) == "closed"
    assert breaker.allow(60.0)


def test_a_failed_probe_opens_it_again_at_once() -> None:
    breaker = broken()
    assert breaker.allow(61.0)
    breaker.failure(62.0)
    assert not breaker.allow(121.9)
    assert breaker.allow(122.0)


def test_a_probe_that_told_nothing_makes_room_for_the_next() -> None:
    breaker = broken()
    assert breaker.allow(60.0)
    breaker.release()
    assert breaker.state(60.0) == "half-open"
    assert breaker.allow(60.0)


def test_reset_forgets_everything() -> None:
    breaker = broken()
    breaker.reset()
    assert (breaker.state(0.0), breaker.wait(0.0)) == ("closed", 0.0)


@pytest.mark.parametrize("arguments", [{"failures": 0}, {"cool_down": 0}])
def test_senseless_limits_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="breaker"):
        Breaker(**arguments)


@given(st.lists(st.tuples(st.sampled_from(["success", "failure", "release"]), st.floats(0, 100))))
def test_it_never_stays_shut(steps: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(failures=2, cool_down=10.0), 0.0
    for step, passed in steps:
        now += passed
        if breaker.allow(now):
            breaker.failure(now) if step == "failure" else getattr(breaker, step)()
    assert breaker.allow(now + 10.0)
