"""What `GET /status` says: the whole with its parts, and why anything is degraded and what to do about it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from backend.app.services import Services
from link.settings.store import SettingsStore


class StatusReport:
    """Gathers the report. `parts_file`: what the starter says of the parts it has started."""

    def __init__(
        self,
        services: Services,
        settings: SettingsStore,
        *,
        version: str,
        parts_file: Path,
        durability: dict[str, str],
    ) -> None:
        self._s = services
        self._settings = settings
        self._version = version
        self._parts_file = parts_file
        self._durability = durability
        self._began = time.monotonic()

    def __call__(self) -> dict[str, Any]:
        """The report, ready for JSON."""
        state = self._s.state
        status = state.status()
        started = self._started_parts()
        return {
            "name": "alisa",
            "version": self._version,
            "uptime_s": round(time.monotonic() - self._began, 1),
            "boot": state.boot,
            "llm": self._s.chain.status(),
            "parts": [
                {"name": client.name, "role": client.role, "version": client.version, "features": client.features}
                for client in self._s.clients
            ],
            "started": started,
            "mouth": status.mouth,
            "ears": status.ears,
            "mode": status.mode,
            "emotion": status.emotion,
            "quiet": status.quiet,
            "speaking": status.speaking,
            "turn": status.turn,
            "conversation": status.conversation,
            "vision": {"face": state.vision.get("face", "")},
            "storage": self._durability,
            "tasks": [
                {"name": task.name, "state": task.state, "restarts": task.restarts} for task in self._s.tasks.states()
            ],
            "degraded": self._degraded(started),
        }

    def _degraded(self, started: dict[str, Any]) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []

        def add(part: str, why: str, remedy: str = "") -> None:
            found.append({"part": part, "why": why, "remedy": remedy})

        llm = self._s.chain.status()
        if llm.get("starter"):
            add("llm", "The starter answers by rules; there is no language model.", str(llm.get("remedy", "")))
        elif llm.get("status") != "ready":
            add("llm", str(llm.get("detail") or "The model is not ready."), str(llm.get("remedy", "")))
        self._s.persona.current()
        if self._s.persona.fault:
            add("persona", f"The last good persona is in use. {self._s.persona.fault}", "Mend the file.")
        for problem in self._settings.problems:
            add("settings", problem, "Mend the file; the settings before it are in use.")
        if self._settings.pending_restart:
            names = ", ".join(self._settings.pending_restart)
            add("settings", f"Changed, but only in effect after a restart: {names}.", "Restart the hub.")
        for task in self._s.tasks.states():
            if task.state != "running":
                add("hub", f"The task {task.name} is {task.state}.", "The log says why.")
        for name, part in started.items():
            if isinstance(part, dict) and part.get("state") in ("failed", "restarting"):
                add(name, str(part.get("reason", "")), "")
        return found

    def _started_parts(self) -> dict[str, Any]:
        """The starter's own view; empty when no starter runs or its file cannot be read."""
        try:
            board = json.loads(self._parts_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        parts = board.get("parts") if isinstance(board, dict) else None
        return parts if isinstance(parts, dict) else {}
