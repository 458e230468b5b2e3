"""Waiting for something to become true, instead of sleeping and hoping.

await eventually(lambda: client.connected, within=2)
message = await eventually(lambda: seen and seen[-1])
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(condition: Callable[[], T], within: float = 5.0, what: str = "the condition") -> T:
    """Look at `condition` every few milliseconds until it is truthy, and return what it gave.

    within: seconds of real time. what: completes the sentence of the AssertionError, "... did not come true".
    """
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within:g} s; it was last {value!r}")
        await asyncio.sleep(0.005)
    return value
