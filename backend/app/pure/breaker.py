"""Circuit breaker: stop asking a server that keeps failing, and find out carefully when it works again.

closed: requests pass. `failures` in a row open it. open: nothing passes for `cool_down` seconds. half-open: one
request passes as a probe; its success closes the breaker, its failure opens it for another `cool_down`.
(M. Nygard, "Release It!", 2007, chapter 5.2.)
"""

from __future__ import annotations

from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Times are seconds of any monotonic clock, given by the caller.

    Each request that `allow` lets pass must be answered by exactly one of `success`, `failure` and `release`.
    """

    def __init__(self, failures: int = 5, cool_down: float = 60.0) -> None:
        if failures < 1 or cool_down <= 0:
            raise ValueError("a breaker needs at least one failure and a cool-down above 0")
        self._limit, self._cool_down = failures, cool_down
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    def state(self, now: float) -> State:
        """Where the breaker stands at `now`."""
        if self._opened is None:
            return "closed"
        return "open" if now < self._opened + self._cool_down else "half-open"

    def wait(self, now: float) -> float:
        """Seconds until a probe may pass; 0 unless open."""
        return max(0.0, self._opened + self._cool_down - now) if self._opened is not None else 0.0

    def would_allow(self, now: float) -> bool:
        """Whether `allow` would let a request pass at `now`."""
        state = self.state(now)
        return state == "closed" or (state == "half-open" and not self._probing)

    def allow(self, now: float) -> bool:
        """Whether a request may pass; in the half-open state this makes it the probe."""
        if not self.would_allow(now):
            return False
        self._probing = self.state(now) == "half-open"
        return True

    def success(self) -> None:
        """A request went well."""
        self.reset()

    def failure(self, now: float) -> None:
        """A request failed through the server's fault."""
        self._failures += 1
        if self._probing or self._failures >= self._limit:
            self._opened = now
        self._probing = False

    def release(self) -> None:
        """A request ended without telling anything about the server: cancelled, or refused for what it asked."""
        self._probing = False

    def reset(self) -> None:
        """Begin anew, for example because the server was started again."""
        self._failures, self._opened, self._probing = 0, None, False
