"""A download's progress for people: a bar that moves on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from link.download import Progress

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
WINDOW_SECONDS = 10.0
BAR_CELLS = 24


class Meter:
    """Bytes per second over the last seconds. Pure: the caller brings the time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def rate(self, now: float, done: int) -> float | None:
        """Note that `done` bytes are there at `now` (seconds); returns bytes per second, None before there is any."""
        if self._seen and done < self._seen[-1][1]:  # started over
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()
        start, before = self._seen[0]
        return (done - before) / (now - start) if now > start else None


def size_text(number: float) -> str:
    """Bytes as people read them: `807.7 MB`."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


def duration_text(seconds: float) -> str:
    """`42 s`, `3:05 min`, `1:02 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def progress_text(progress: Progress, rate: float | None, cells: int = BAR_CELLS) -> str:
    """One line: bar, percent, bytes, rate and remaining time, as far as they are known. cells 0: no bar."""
    if progress.phase == "checking":
        return "Checking the file ..."
    if progress.phase == "waiting":
        return f"{progress.detail}; trying again ..."
    if not progress.total:
        parts = [size_text(progress.done)]
    else:
        share = min(1.0, progress.done / progress.total)
        filled = int(share * cells)
        bar = [f"[{'#' * filled}{'.' * (cells - filled)}]"] if cells else []
        parts = [*bar, f"{int(share * 100):3} %", f"{size_text(progress.done)} of {size_text(progress.total)}"]
    if rate is not None:
        parts.append(f"{size_text(rate)}/s")
    if rate and progress.total:
        parts.append(f"{duration_text((progress.total - progress.done) / rate)} left")
    return "  ".join(parts)


class ProgressBar:
    """Called with each Progress; writes to `stream` as often as is useful. `close` ends an open line."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._moving = stream.isatty()
        self._meter = Meter()
        self._last = float("-inf")
        self._phase = ""
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        now = self._clock()
        finished = progress.total is not None and progress.done >= progress.total
        due = now - self._last >= (REDRAW_SECONDS if self._moving else LINE_SECONDS)
        if not due and progress.phase == self._phase and not (finished and self._moving):
            return
        self._last, self._phase = now, progress.phase
        rate = self._meter.rate(now, progress.done) if progress.phase == "downloading" else None
        self._write(progress_text(progress, rate, BAR_CELLS if self._moving else 0))

    def close(self) -> None:
        """Leave the cursor at the beginning of a line of its own."""
        if self._width:
            self._stream.write("\n")
            self._width = 0
            self._stream.flush()

    def _write(self, text: str) -> None:
        if self._moving:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
