"""A lock that keeps a second hub off the same file. The operating system holds it, so that a kill frees it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from backend.app.adapters.store.errors import IN_USE, NO_LOCKS, store_error
from backend.app.ports import StoreError

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


class FileLock:
    """An exclusive lock on a small file beside the one to protect. The file itself stays; only the lock goes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock at once or raise StoreError. Not re-entrant."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise store_error(error) from error
        try:
            _lock(handle)
        except OSError as error:
            os.close(handle)
            raise StoreError(IN_USE if error.errno in _TAKEN else NO_LOCKS) from error
        self._handle = handle

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._handle is not None:
            with contextlib.suppress(OSError):  # closing frees the lock even when it reports an error
                os.close(self._handle)
            self._handle = None
