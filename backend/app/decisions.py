"""Why she spoke, and why she stayed silent: the last decisions, readable through the API."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

KEPT = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. `what`: speak, silent, cancel, release. `rule`: why. Holds no words of anybody."""

    at: datetime
    what: str
    turn: str
    source: str
    rule: str


class DecisionLog:
    """The last decisions, newest last."""

    def __init__(self) -> None:
        self._decisions: deque[Decision] = deque(maxlen=KEPT)

    def add(self, decision: Decision) -> None:
        """Keep a decision; the oldest goes."""
        self._decisions.append(decision)

    def as_json(self) -> list[dict[str, Any]]:
        """Newest first."""
        return [{**asdict(decision), "at": decision.at.isoformat()} for decision in reversed(self._decisions)]
