"""A lock between processes that the operating system releases when its holder dies, however it dies.

Standard library only, because the starters use it with a bare Python.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from types import TracebackType

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        # flock, not lockf: it belongs to this opening of the file, so it also holds against this very process.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


# What "somebody else has it" looks like: EWOULDBLOCK from flock, EACCES and EDEADLOCK from Windows.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_LOOK_EVERY = 0.05  # seconds; Windows has no way to wait for a lock that can be given up


class ProcessLock:
    """An exclusive lock on a file, which is created if need be and stays (deleting it would race).

    Not re-entrant. Children do not inherit it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self, timeout: float | None = None) -> bool:
        """Take the lock; False if somebody else still has it after `timeout` seconds (None: wait for ever).

        Raises OSError when the file cannot be opened, or lies where there are no locks.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while not _try(handle):
                if deadline is not None and time.monotonic() >= deadline:
                    os.close(handle)
                    return False
                time.sleep(_LOOK_EVERY)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        """Give it back; does nothing when it is not held. Closing the file frees the lock on all systems."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = None

    def __enter__(self) -> ProcessLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _try(handle: int) -> bool:
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True
