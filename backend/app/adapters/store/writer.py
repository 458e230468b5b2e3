"""The one thread that writes: jobs that wait together are committed together (group commit)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from backend.app.adapters.store import errors, sqlite
from backend.app.ports import StoreError

T = TypeVar("T")
log = logging.getLogger(__name__)

_GROUP = 256  # jobs in one transaction at most
_QUIET = 1.0  # seconds without a job after which there is time for housekeeping


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[Connection], Any]
    alone: bool
    future: asyncio.Future[Any]
    result: Any = None
    error: StoreError | None = None


class Writer:
    """Runs jobs on a connection of its own, in the order in which they were submitted.

    A job is given the connection and returns a result. It may run twice (see `_commit`), so it must leave nothing
    behind but what it writes to the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._untidy = True  # whoever wrote before us may have had no quiet moment
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T], *, alone: bool = False) -> asyncio.Future[T]:
        """Queue a job; called on an event loop, whose future is resolved once the job is on the disk.

        A job once queued is done even if its future is cancelled: what was accepted is kept.
        alone: the job manages its own transactions (for what SQLite cannot do inside one).
        """
        job = _Job(work, alone, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        return job.future

    def stop(self) -> None:
        """Finish what is queued and end the thread. Blocks; nothing may be submitted afterwards."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch = self._next_batch()
            going = batch[-1] is not None
            for alone, group in itertools.groupby((job for job in batch if job is not None), key=lambda job: job.alone):
                jobs = list(group)
                if alone:
                    for job in jobs:
                        self._run_alone(job)
                else:
                    self._commit(jobs)
                _settle(jobs)

    def _next_batch(self) -> list[_Job | None]:
        """Wait for a job, then take all that are there; the end mark (None) can only be the last."""
        try:
            batch = [self._jobs.get(timeout=_QUIET if self._untidy else None)]
        except queue.Empty:
            self._tidy()
            batch = [self._jobs.get()]
        while batch[-1] is not None and len(batch) < _GROUP:
            try:
                batch.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return batch

    def _tidy(self) -> None:
        self._untidy = False
        try:
            for _ in sqlite.tidy(self._connection):
                if not self._jobs.empty():
                    self._untidy = True  # the rest has time until it is quiet again
                    break
        except sqlite3.Error as error:  # nothing is lost: the next time is another chance
            log.warning("housekeeping of the history failed: %s", error)

    def _commit(self, jobs: list[_Job]) -> None:
        """Run jobs in one transaction. If one fails, or the commit does, each runs again in its own, so that no job
        suffers from another's failure."""
        try:
            transaction = self._connection.begin()
        except Exception as error:  # noqa: BLE001  a boundary: the thread must go on, the callers are told
            # No write lock: another program has it, or the disk is gone. One by one each would wait again in vain.
            _fail(jobs, error)
            return
        try:
            for job in jobs:
                job.result = job.work(self._connection)
            transaction.commit()
            self._untidy = True
        except Exception as error:  # noqa: BLE001  the same boundary
            transaction.rollback()
            # A COMMIT that failed may leave SQLite's transaction open although SQLAlchemy's is over.
            sqlite.driver(self._connection).rollback()
            if len(jobs) == 1:
                _fail(jobs, error)
            else:
                for job in jobs:
                    self._commit([job])

    def _run_alone(self, job: _Job) -> None:
        try:
            job.result = job.work(self._connection)
        except Exception as error:  # noqa: BLE001  the same boundary
            self._connection.rollback()
            sqlite.driver(self._connection).rollback()
            _fail([job], error)


def _fail(jobs: Iterable[_Job], error: Exception) -> None:
    if not isinstance(error, StoreError):
        log.error("a write failed: %s", error)  # its parameters are hidden, so no message is in the text
    for job in jobs:
        # One exception for each caller: a shared one would gather all their tracebacks.
        job.result, job.error = None, StoreError(errors.store_error(error).text)
        job.error.__cause__ = error


def _settle(jobs: list[_Job]) -> None:
    """Wake the callers, with one call into each event loop."""
    for loop, group in itertools.groupby(jobs, key=lambda job: job.future.get_loop()):
        try:
            loop.call_soon_threadsafe(_resolve, list(group))
        except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
            log.debug("written after the event loop was closed")


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # cancelled by its caller
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
