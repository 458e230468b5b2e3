"""Backoff: bounds, jitter, reset."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from link.backoff import Backoff


class Highest:
    def uniform(self, a: float, b: float) -> float:
        return b


def test_bounds_grow_up_to_the_ceiling_and_reset():
    backoff = Backoff(1, 2, 5, Highest())
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.bound == 1
    assert backoff.next() == 1


@given(st.integers(), st.integers(1, 50))
def test_jitter_covers_everything_below_the_bound(seed, tries):
    backoff = Backoff(0.5, 2, 30, random.Random(seed))
    for _ in range(tries):
        bound = backoff.bound
        assert 0 <= backoff.next() <= bound <= 30


@pytest.mark.parametrize(("base", "factor", "ceiling"), [(0, 2, 5), (1, 0.5, 5), (6, 2, 5)])
def test_senseless_numbers_are_refused(base, factor, ceiling):
    with pytest.raises(ValueError):
        Backoff(base, factor, ceiling, Highest())
