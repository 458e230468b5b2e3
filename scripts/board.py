"""What is running, for everyone to see: <data>/run/parts.json (states) and events.log (what happened, JSON lines).

Several launchers may share a data folder (`start_overlay` beside `start`): each writes only its own parts, under a
lock, and holds a lock per part for as long as it looks after it, so that none is started twice and what a killed
launcher left behind is recognised.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from link.locks import ProcessLock
from scripts.supervision import State

_KEPT_EVENTS = 200
_MOST_EVENT_BYTES = 256_000


class Board:
    """The two files in `run`. `now` gives an aware time; `echo` is told each event's sentence as well."""

    def __init__(self, run: Path, *, now: Callable[[], datetime], echo: Callable[[str], None] | None = None) -> None:
        self._run = run
        self._now = now
        self.echo = echo
        self._claims: dict[str, ProcessLock] = {}
        run.mkdir(parents=True, exist_ok=True)
        self._shorten_events()

    def claim(self, part: str) -> bool:
        """Take charge of a part. False: another launcher looks after it already."""
        lock = ProcessLock(self._run / f"{part}.lock")
        if not lock.acquire(timeout=0):
            return False
        self._claims[part] = lock
        return True

    def release_all(self) -> None:
        """Let go of every part; the states written last stay."""
        for lock in self._claims.values():
            lock.release()
        self._claims.clear()

    def update(
        self,
        part: str,
        state: State,
        *,
        pid: int | None = None,
        restarts: int = 0,
        reason: str = "",
        exit_code: int | None = None,
    ) -> None:
        """Write a part's state. `since` is kept as long as the state stays the same."""
        with ProcessLock(self._run / "parts.lock"):
            parts = self._read()
            before = parts.get(part, {})
            since = before.get("since") if before.get("state") == state and before.get("pid") == pid else None
            parts[part] = {
                "state": state,
                "pid": pid,
                "restarts": restarts,
                "since": since or self._stamp(),
                "reason": reason,
                "exit_code": exit_code,
            }
            self._write(parts)

    def sweep(self) -> None:
        """Mark as stopped what a launcher that no longer lives left as running; forget parts that were missing."""
        with ProcessLock(self._run / "parts.lock"):
            parts = {name: entry for name, entry in self._read().items() if entry.get("state") != "missing"}
            for name, entry in parts.items():
                if entry.get("state") not in ("starting", "running", "restarting") or name in self._claims:
                    continue
                lock = ProcessLock(self._run / f"{name}.lock")
                if lock.acquire(timeout=0):
                    lock.release()
                    entry |= {"state": "stopped", "pid": None, "reason": "its starter was killed"}
                    entry["since"] = self._stamp()
            self._write(parts)

    def event(self, part: str, text: str) -> None:
        """Note something that happened, as one sentence for people."""
        line = json.dumps({"time": self._stamp(), "part": part, "text": text}, ensure_ascii=False)
        with (self._run / "events.log").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self.echo is not None:
            self.echo(text)

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            parts = json.loads((self._run / "parts.json").read_text(encoding="utf-8"))["parts"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # not there yet, or damaged by hand: what runs is written again anyway
        return parts if isinstance(parts, dict) else {}

    def _write(self, parts: dict[str, dict[str, Any]]) -> None:
        new = self._run / "parts.json.new"
        new.write_text(json.dumps({"version": 1, "parts": parts}, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(new, self._run / "parts.json")

    def _shorten_events(self) -> None:
        path = self._run / "events.log"
        try:
            if path.stat().st_size <= _MOST_EVENT_BYTES:
                return
        except FileNotFoundError:
            return
        kept = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_KEPT_EVENTS:]
        new = path.with_suffix(".new")
        new.write_text("\n".join(kept) + "\n", encoding="utf-8")
        os.replace(new, path)
