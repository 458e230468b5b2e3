"""One thing at a time: coroutines that wait in line and are run by a single task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")


class SerialRunner:
    """Runs what is submitted in order. Whoever submits waits for the result, so nobody can pile up work; if they
    stop waiting, the work is still done to its end."""

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[tuple[Callable[[], Awaitable[object]], asyncio.Future[object]]] = asyncio.Queue()

    async def submit(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` when its time has come; returns what it returns, raises what it raises."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait((work, done))
        return await done  # type: ignore[return-value]  # the queue holds results of every type

    async def run(self) -> None:
        """Do the work, for ever."""
        while True:
            work, done = await self._inbox.get()
            try:
                result = await work()
            except asyncio.CancelledError:
                done.cancel()
                raise
            except Exception as error:  # the boundary: whoever asked is told, the runner lives on
                if done.done():
                    log.exception("Work failed after nobody waited for it any more.")
                else:
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)
