"""How long to wait before the next try: exponential backoff with full jitter."""

from __future__ import annotations

from typing import Protocol


class Uniform(Protocol):
    """What backoff needs of a random.Random."""

    def uniform(self, a: float, b: float) -> float: ...


class Backoff:
    """Delays that grow by `factor` from `base` up to `ceiling`, each drawn evenly from 0 to that bound.

    Full jitter keeps many clients of one restarted server from returning at the same instant
    (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    base, ceiling: seconds, above 0. factor: at least 1. rng: the source of the jitter.
    """

    def __init__(self, base: float, factor: float, ceiling: float, rng: Uniform) -> None:
        if base <= 0 or ceiling < base or factor < 1:
            raise ValueError("backoff needs 0 < base <= ceiling and factor >= 1")
        self._base, self._factor, self._ceiling, self._rng = base, factor, ceiling, rng
        self._bound = base

    @property
    def bound(self) -> float:
        """The longest that the next delay can be, in seconds."""
        return self._bound

    def next(self) -> float:
        """The next delay in seconds; the bound of the one after it is `factor` times as high."""
        delay = self._rng.uniform(0, self._bound)
        self._bound = min(self._ceiling, self._bound * self._factor)
        return delay

    def reset(self) -> None:
        """Start again from `base`, after a success."""
        self._bound = self._base
