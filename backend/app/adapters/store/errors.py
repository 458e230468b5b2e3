"""Turn what databases and file systems report into one sentence for people that says what to do."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError

from backend.app.ports import StoreError

FULL = "The disk is full, so the history cannot be written: free some space and try again."
READ_ONLY = (
    "The history cannot be written: give this user write access to the data folder, "
    "or set ALISA_DATA_DIR to a folder that has it."
)
NOT_A_FOLDER = "The data folder's path leads through a file: remove that file, or set ALISA_DATA_DIR to another folder."
LOCKED = "Another program is holding the history database: close it and try again."
IN_USE = "Another hub is already using this data folder: stop it, or set ALISA_DATA_DIR to another folder."
DAMAGED = (
    "The history database is damaged; it was left as it is: stop the hub, move alisa.db (with its -wal and -shm "
    "files) out of the data folder or put a backup in its place, and start again."
)
NOT_A_DATABASE = (
    "The history file alisa.db is not a database; it was left as it is: move it out of the data folder and start again."
)
FOREIGN = (
    "The history file alisa.db is another program's database; it was left as it is: move it out of the data folder "
    "and start again."
)
NEWER = (
    "The history was written by a newer version of Alisa: update the program, or set ALISA_DATA_DIR to another folder."
)
DISK = "The disk reports errors while the history is read or written: check the disk and the data folder's connection."
NO_LOCKS = "The data folder's file system cannot lock files: set ALISA_DATA_DIR to a folder on a local disk."
NOT_DURABLE = (
    "The data folder's file system does not let the history be written safely: "
    "set ALISA_DATA_DIR to a folder on a local disk."
)
TOO_OLD = "This Python's SQLite is too old for the history (3.37 or newer is needed): install a newer Python."
NOT_OPEN = "The history is not open: start the hub again."
NO_CONVERSATION = "That conversation does not exist: choose another one or start a new one."
NOT_WIPED = (
    "The messages are deleted, but traces of them may remain in the file: close other programs that use the history, "
    "free some disk space, and clear it again (or restart the hub, which also tries again)."
)
UNKNOWN = "The history could not be read or written: see the hub's log for the cause."

# Primary result codes (the low byte of an extended one): https://www.sqlite.org/rescode.html
_BY_CODE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: READ_ONLY,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: NOT_A_DATABASE,
    sqlite3.SQLITE_IOERR: DISK,
}

_BY_ERRNO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.EROFS: READ_ONLY,
    errno.ENOTDIR: NOT_A_FOLDER,
    errno.EEXIST: NOT_A_FOLDER,
    errno.EISDIR: NOT_A_DATABASE,
    errno.EIO: DISK,
}


def explain(error: Exception) -> str:
    """One sentence for people about a database or operating-system error. Never contains the error's own text."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # Errors of the Python driver itself carry no code of the library.
        code = getattr(cause, "sqlite_errorcode", None)
        return UNKNOWN if code is None else _BY_CODE.get(code & 0xFF, UNKNOWN)
    if isinstance(cause, OSError) and cause.errno is not None:
        return _BY_ERRNO.get(cause.errno, UNKNOWN)
    return UNKNOWN


def store_error(error: Exception) -> StoreError:
    """The same as an exception; what is one already stays as it is."""
    return error if isinstance(error, StoreError) else StoreError(explain(error))
