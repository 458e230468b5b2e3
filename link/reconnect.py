"""When a client tries the hub again, and when it stops trying. Pure: no clock, no socket."""

from __future__ import annotations

import random
from dataclasses import dataclass

from link.backoff import Backoff, Uniform

LASTING = 2.0
"""A connection that was up for this many seconds was a good one: failures are counted anew after it."""
QUICK_ENDS = 5
"""So many connections in a row that were accepted and ended before `LASTING`: something is wrong that trying
again does not mend."""
REFUSALS = 2
"""So many handshakes in a row refused for their token. One is forgiven: the hub may just have made a new token."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop trying. reason: what happened; remedy: what to do; one sentence each, for people."""

    reason: str
    remedy: str


Verdict = Retry | Stop


class ReconnectPolicy:
    """Decides after each failure: try again, and when, or stop.

    A hub that cannot be reached never makes it stop, because the hub may be started later. Delays are at most
    `ceiling` seconds, so a client is back soon after the hub is.
    """

    def __init__(self, rng: Uniform | None = None, *, base: float = 0.1, ceiling: float = 2.0) -> None:
        self._backoff = Backoff(base, 2.0, ceiling, rng if rng is not None else random.Random())
        self._quick_ends = 0
        self._refusals = 0

    def unreachable(self) -> Retry:
        """Nobody answered, or the hub said that it cannot answer yet."""
        self._quick_ends = self._refusals = 0
        return Retry(self._backoff.next())

    def refused(self, status: int) -> Verdict:
        """The handshake was refused with this HTTP status."""
        if status >= 500 or status == 429:
            return self.unreachable()
        if status not in (401, 403):
            return self._quick_end(f"Something answers there (HTTP {status}), but it is not Alisa's hub.", _PORT)
        self._refusals += 1
        if self._refusals < REFUSALS:
            return Retry(self._backoff.next())
        return Stop(f"The hub refused this client's token (HTTP {status}).", _TOKEN)

    def ended(self, lasted: float, reason: str) -> Verdict:
        """A connection ended that the hub had accepted.

        lasted: seconds since the hub greeted us, 0 if it never did. reason: why it ended, one sentence.
        """
        self._refusals = 0
        if lasted < LASTING:
            return self._quick_end(reason, _RESTART)
        self._quick_ends = 0
        self._backoff.reset()
        return Retry(self._backoff.next())

    def _quick_end(self, reason: str, remedy: str) -> Verdict:
        self._quick_ends += 1
        if self._quick_ends < QUICK_ENDS:
            return Retry(self._backoff.next())
        return Stop(f"{QUICK_ENDS} connections in a row ended at once. The last one: {reason}", remedy)


_TOKEN = "Check that the hub and this part use the same data folder (ALISA_DATA_DIR), then start this part again."
_PORT = "Check that the hub and this part use the same port (ALISA_HUB__PORT), and that no other program holds it."
_RESTART = "Look into the hub's log, restart the hub, then start this part again."
