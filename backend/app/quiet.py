"""The one quiet state: set by whoever may, told to everybody, kept over a restart, and over when its time is."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict

from backend.app.memory import ShortTermMemory
from backend.app.state import HubState
from link.codec import decode_hub
from link.messages import Quiet

_KEY = "quiet"
_OFF = Quiet("off")


class QuietKeeper:
    """Keeps `state.quiet` true. Times are unix times in seconds."""

    def __init__(self, state: HubState, memory: ShortTermMemory) -> None:
        self._state = state
        self._memory = memory
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Take up the state of last time. Raises StoreError."""
        kept = decode_hub(f"[QUIET]{await self._memory.remembered(_KEY) or '{}'}")
        if isinstance(kept, Quiet) and not _over(kept):
            self._state.quiet = kept

    async def set(self, quiet: Quiet) -> None:
        """Be quiet, or no longer. A time that is past means off. Raises StoreError, and then nothing has changed."""
        quiet = _OFF if _over(quiet) else quiet
        await self._memory.remember(_KEY, json.dumps(asdict(quiet)))
        self._state.quiet = quiet
        self._state.clients.publish(quiet)
        self._state.changed()
        self._changed.set()

    async def watch(self) -> None:
        """End the state when its time has come, for ever."""
        while True:
            self._changed.clear()
            until = self._state.quiet.until
            try:
                # At most an hour at once, because the clock of the machine may be set, or stand still in its sleep.
                async with asyncio.timeout(min(max(0.0, until - time.time()), 3600) if until else None):
                    await self._changed.wait()
            except TimeoutError:
                if _over(self._state.quiet):
                    await self.set(_OFF)


def _over(quiet: Quiet) -> bool:
    return quiet.scope == "off" or bool(quiet.until and quiet.until <= time.time())
