"""The open database: its lock, one writing connection, pooled readers, and their orderly end."""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.app.adapters.store import errors, sqlite
from backend.app.adapters.store.migrate import migrate
from backend.app.adapters.store.writer import Writer
from backend.app.ports import StoreError
from link.locks import ProcessLock

T = TypeVar("T")
log = logging.getLogger(__name__)

READERS = 4

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # what file systems without locks answer


class Database:
    """A SQLite file, opened by one process at a time. `open` and `close` may each be called again."""

    def __init__(self, path: Path, *, busy_timeout: float = 5.0) -> None:
        """busy_timeout: seconds to wait for another program's lock before giving up."""
        self._path = path
        self._busy_timeout = busy_timeout
        self._lock = ProcessLock(path.with_name(path.name + ".lock"))
        self._writing: Engine | None = None
        self._reading: Engine | None = None
        self._connection: Connection | None = None
        self._writer: Writer | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._is_open = False

    async def open(self) -> None:
        """Take the lock, check the file, connect, assert durability, migrate. Raises StoreError, leaving nothing
        open."""
        if self._is_open:
            return
        try:
            # Shielded, because a thread cannot be cancelled: whatever it opens has to be closed after it.
            preparing = asyncio.ensure_future(asyncio.to_thread(self._prepare))
            try:
                await asyncio.shield(preparing)
            except asyncio.CancelledError:
                await asyncio.wait({preparing})
                raise
        except BaseException:
            await asyncio.to_thread(self._release)
            raise
        self._is_open = True

    async def close(self) -> None:
        """Finish what is queued, then close everything. Does nothing when it is not open."""
        self._is_open = False
        await asyncio.shield(asyncio.to_thread(self._release))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a reader's thread, within one transaction: all its queries see the same state."""
        if not self._is_open or self._threads is None or self._reading is None:
            raise StoreError(errors.NOT_OPEN)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _run, self._reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the writing thread and return when it is durable. `work` may be run twice."""
        return await self._submit(work, alone=False)

    async def write_alone(self, work: Callable[[Connection], T]) -> T:
        """The same for work that manages its own transactions."""
        return await self._submit(work, alone=True)

    async def _submit(self, work: Callable[[Connection], T], *, alone: bool) -> T:
        if not self._is_open or self._writer is None:
            raise StoreError(errors.NOT_OPEN)
        return await self._writer.submit(work, alone=alone)

    def _prepare(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            sqlite.check_file(self._path, self._busy_timeout)
            self._writing = sqlite.writing_engine(self._path, self._busy_timeout)
            self._connection = self._writing.connect()
            sqlite.require_durable(self._connection)
            migrate(self._connection)
            if sqlite.is_wipe_due(self._connection):
                self._finish_wipe(self._connection)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            log.error("the history cannot be opened: %s", error)
            raise errors.store_error(error) from error
        self._writer = Writer(self._connection)
        self._reading = sqlite.reading_engine(self._path, self._busy_timeout, READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    def _take_lock(self) -> None:
        """Keep a second hub off the file. Raises StoreError or, for the caller to explain, OSError."""
        try:
            taken = self._lock.acquire(timeout=0)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise StoreError(errors.NO_LOCKS) from error
            raise
        if not taken:
            raise StoreError(errors.IN_USE)

    @staticmethod
    def _finish_wipe(connection: Connection) -> None:
        try:
            sqlite.wipe(connection)
        except StoreError as error:  # the history works all the same; the mark stays for the next start
            log.warning("deleted messages could not be wiped yet: %s", error.__cause__ or error)

    def _release(self) -> None:
        """Close what is open, readers before the writer, whose end moves the log into the database."""
        if self._writer is not None:
            self._writer.stop()
            self._writer = None
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
        if self._reading is not None:
            self._reading.dispose()
            self._reading = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._writing is not None:
            self._writing.dispose()
            self._writing = None
        self._lock.release()


def _run(engine: Engine, work: Callable[[Connection], T]) -> T:
    try:
        with engine.connect() as connection:
            return work(connection)
    except (SQLAlchemyError, sqlite3.Error) as error:
        log.error("a read failed: %s", error)
        raise errors.store_error(error) from error
