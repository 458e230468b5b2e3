"""Being asked to end: SIGINT and SIGTERM, and on Windows Ctrl-C and Ctrl-Break."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 1.7
"""Seconds between the request and the end by force: whoever asked expects an end within 2 s."""

logger = logging.getLogger(__name__)


@contextmanager
def stop_signals(stop: Callable[[], None], force_after: float | None = GRACE) -> Iterator[None]:
    """Call `stop` in the running event loop when the process is asked to end.

    force_after: seconds after which a process that is still there ends at once, with exit code 1, even if its event
    loop or a driver's thread hangs; None: never. Must be entered in the main thread, inside a running loop.
    """
    loop = asyncio.get_running_loop()
    asked = threading.Event()

    def ask() -> None:
        if not asked.is_set():
            asked.set()
            if force_after is not None:
                _end_by_force(force_after)
        stop()

    def from_handler(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(ask)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    # signal.signal works on every platform; loop.add_signal_handler does not exist on Windows.
    before = {number: signal.signal(number, from_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_by_force(seconds: float) -> None:
    def end() -> None:
        logger.error("did not end in time, ended by force")
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True  # a process that ends by itself takes the timer with it
    timer.start()
