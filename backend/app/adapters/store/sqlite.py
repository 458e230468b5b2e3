"""Everything that is particular to SQLite: connections, what makes writes durable, full-text search, wiping."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVarTuple

from sqlalchemy import (
    URL,
    ClauseElement,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    SQLColumnExpression,
    Text,
    column,
    create_engine,
    event,
    func,
    table,
)
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as _dialect
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from backend.app.adapters.store import errors
from backend.app.ports import StoreError

MINIMUM = (3, 37)  # STRICT tables
Columns = TypeVarTuple("Columns")

VERSION_TABLE = "alembic_version"
_MAGIC = b"SQLite format 3\x00"

# ------------------------------------------------------------------------------------------------- connections

# What has to be true of the connection that writes, and how it is asked for. WAL lets readers go on while it writes;
# synchronous FULL (2) is what survives a power cut; secure_delete zeroes what is deleted. fullfsync matters on macOS,
# where fsync alone leaves data in the drive's cache.
_DURABLE = {
    "journal_mode": "wal",
    "synchronous": "2",
    "foreign_keys": "1",
    "secure_delete": "1",
    "fullfsync": "1",
    "checkpoint_fullfsync": "1",
}

# Pages in the write-ahead log after which a commit also moves them into the database (64 MiB in all). Much more than
# SQLite's 1,000, because a commit that does so takes up to some hundred milliseconds; `tidy` does it when nobody waits.
# Only the one writer may: several connections of a SQLite older than 3.51.3 doing it at once can corrupt the file.
_CHECKPOINT_PAGES = 16_000


def check_file(path: Path, busy_timeout: float) -> None:
    """Refuse what is there but is no database of ours, before anything can write to it. Raises StoreError."""
    if sqlite3.sqlite_version_info < MINIMUM:
        raise StoreError(errors.TOO_OLD)
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    if head and head != _MAGIC:
        raise StoreError(errors.NOT_A_DATABASE)
    with contextlib.closing(sqlite3.connect(path, timeout=busy_timeout)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and VERSION_TABLE not in tables:
        raise StoreError(errors.FOREIGN)


def writing_engine(path: Path, busy_timeout: float) -> Engine:
    """An engine whose transactions take the write lock at once (BEGIN IMMEDIATE), so that none fails half-way."""
    engine = _engine(path, busy_timeout, connections=1)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: Any) -> None:
        for name, value in _DURABLE.items():
            connection.execute(f"PRAGMA {name} = {value}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA cache_size = -8192")  # KiB; merging the search index needs more than the usual 2 MiB

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reading_engine(path: Path, busy_timeout: float, connections: int) -> Engine:
    """A pooled engine that cannot write. A transaction sees one state of the database from its first query on."""
    engine = _engine(path, busy_timeout, connections)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA query_only = 1")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _engine(path: Path, busy_timeout: float, connections: int) -> Engine:
    return create_engine(
        URL.create("sqlite", database=str(path)),
        # isolation_level None: transactions are begun by our events, not by the driver's guesses.
        connect_args={"isolation_level": None, "timeout": busy_timeout, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # errors end up in logs, which never hold what people said
    )


def driver(connection: Connection) -> sqlite3.Connection:
    """The sqlite3 connection under an SQLAlchemy one, for what cannot run inside a transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def compiled(statement: ClauseElement) -> str:
    """The SQL of a core statement with named parameters (`:name`), for `driver(connection).execute`.

    For what is written with every message: SQLAlchemy's own execution takes four times as long as SQLite's work.
    Values must be in the form in which they are stored, see models.py.
    """
    return str(statement.compile(dialect=_dialect(paramstyle="named")))


def durability(connection: Connection) -> dict[str, str]:
    """What the live connection says of the settings that decide what survives, and the library's version."""
    raw = driver(connection)
    names = (*_DURABLE, "busy_timeout")
    return {name: str(raw.execute(f"PRAGMA {name}").fetchone()[0]) for name in names} | {
        "sqlite": sqlite3.sqlite_version
    }


def require_durable(connection: Connection) -> None:
    """Raise StoreError unless every setting took effect: a file system may refuse WAL without an error."""
    found = durability(connection)
    if any(found[name] != value for name, value in _DURABLE.items()):
        raise StoreError(errors.NOT_DURABLE)


def stored_revision(connection: Connection) -> str | None:
    """The revision of the tables, None when there are none yet. Asked without Alembic, which is slow to import."""
    raw = driver(connection)
    if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone():
        return None
    row = raw.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return str(row[0]) if row else None


@contextlib.contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Let a migration replace tables that others refer to, as https://www.sqlite.org/lang_altertable.html#otheralter
    has it. Around the transaction: inside one the pragma does nothing. Ask `require_foreign_keys` before the commit.
    """
    driver(connection).execute("PRAGMA foreign_keys = 0")
    try:
        yield
    finally:
        driver(connection).execute("PRAGMA foreign_keys = 1")


def require_foreign_keys(connection: Connection) -> None:
    """Raise StoreError if a row refers to one that is not there."""
    if driver(connection).execute("PRAGMA foreign_key_check").fetchone():
        raise StoreError(errors.DAMAGED)


# ------------------------------------------------------------------------------------------------------ search

SEARCH_TABLE = "messages_search"

# An index over messages.text. New messages enter it later (`index_some`), because indexing takes longer than storing,
# and who stores is waiting. Which are in it FTS5 itself keeps: its docsize table has one row for each
# (https://www.sqlite.org/fts5.html, "FTS5 Data Structures"). As ids only grow, those after its last are missing.
# The triggers leave what is not yet in it alone: to take out what was never put in would damage the index.
# `remove_diacritics 2` makes "Mädchen" and "madchen" one word.
# Frozen: revision 0002 runs this; a change is a new constant with a new revision.
SEARCH_V1 = (
    "CREATE VIRTUAL TABLE messages_search USING fts5("
    "text, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER messages_search_delete AFTER DELETE ON messages "
    "WHEN EXISTS (SELECT 1 FROM messages_search_docsize WHERE id = old.id) BEGIN "
    "INSERT INTO messages_search(messages_search, rowid, text) VALUES ('delete', old.id, old.text); END",
    "CREATE TRIGGER messages_search_update AFTER UPDATE OF text ON messages "
    "WHEN EXISTS (SELECT 1 FROM messages_search_docsize WHERE id = old.id) BEGIN "
    "INSERT INTO messages_search(messages_search, rowid, text) VALUES ('delete', old.id, old.text); "
    "INSERT INTO messages_search(rowid, text) VALUES (new.id, new.text); END",
    "INSERT INTO messages_search(messages_search) VALUES ('rebuild')",
    # Segments are merged by `tidy`; by indexing only as a last resort, when 64 are waiting.
    "INSERT INTO messages_search(messages_search, rank) VALUES ('automerge', 0)",
    "INSERT INTO messages_search(messages_search, rank) VALUES ('crisismerge', 64)",
)

_MAX_SEARCH = 500  # characters; further ones are ignored
_MAX_WORDS = 32
_SURROGATES = re.compile("[\ud800-\udfff]")
_PREFIX_FROM = 3  # shorter words are looked for whole: "du" should not find "Durst"


@dataclass(frozen=True, slots=True)
class Search:
    """A search that can be run.

    match: an FTS5 expression made of quoted words only, or "" when no word can be looked up in the index.
    literals: character sequences that must occur as they are.
    """

    match: str
    literals: tuple[str, ...]


def plan_search(text: str) -> Search | None:
    """Plan a search for messages that contain all words of `text`; None when there is nothing to search for.

    Words of three letters or more also find longer words that begin like them. Words in scripts that the index
    cannot divide into words (Chinese, Japanese, Thai, ...) are looked for literally, and so are emoji.
    """
    words = list(dict.fromkeys(storable(text[:_MAX_SEARCH]).replace("\x00", " ").split()))[:_MAX_WORDS]
    indexed = [word for word in words if _is_indexed(word)]
    rest = [word for word in words if not _is_indexed(word)]
    # A lone "!" among words means nothing; as the whole search it is meant.
    literals = [word for word in rest if not all(unicodedata.category(char)[0] == "P" for char in word)]
    if not indexed and not literals:
        literals = rest
    if not indexed and not literals:
        return None
    return Search(" ".join(_quoted(word) for word in indexed), tuple(literals))


def storable(text: str) -> str:
    """`text` with lone surrogates (which JSON can express and UTF-8 cannot) replaced by U+FFFD."""
    return _SURROGATES.sub("\ufffd", text)


def _is_indexed(word: str) -> bool:
    letters = [char for char in word if char.isalnum()]
    return bool(letters) and all(_has_spaced_script(char) for char in letters)


def _has_spaced_script(char: str) -> bool:
    """Whether FTS5's unicode61 knows the letter and its script puts gaps between words: Latin, Greek, Cyrillic,
    Armenian, Hebrew, Arabic."""
    return char < "\u0700" or "\u1e00" <= char < "\u2000"


def _quoted(word: str) -> str:
    # Inside quotes everything is text: FTS5 divides it as it divided the messages, into a phrase of one word or more.
    letters = sum(char.isalnum() for char in word)
    return '"' + word.replace('"', " ") + '"' + ("*" if letters >= _PREFIX_FROM else "")


_index = table(SEARCH_TABLE, column("rowid", Integer), column(SEARCH_TABLE, Text))
SEARCH_ROWID: ColumnElement[int] = _index.c.rowid


def searched(
    statement: Select[*Columns],
    search: Search,
    message_id: SQLColumnExpression[int],
    message_text: SQLColumnExpression[str],
) -> Select[*Columns]:
    """Narrow a query over messages to what a search finds; where `search.match` is given, it may use SEARCH_ROWID."""
    for literal in search.literals:
        statement = statement.where(func.instr(message_text, literal) > 0)
    if search.match:
        statement = statement.where(
            # "+" keeps the planner from turning this round and asking the index about one message after the other.
            message_id == UnaryExpression(SEARCH_ROWID, operator=custom_op("+"), type_=Integer()),
            _index.c[SEARCH_TABLE].op("MATCH", is_comparison=True)(search.match),
        )
    return statement


_INDEXED_UP_TO = f"(SELECT ifnull(max(id), 0) FROM {SEARCH_TABLE}_docsize)"
_UNINDEXED = f"SELECT id FROM messages WHERE id > {_INDEXED_UP_TO} ORDER BY id DESC LIMIT 1"
# The oldest that are missing: at most 50, and none once 10,000 characters are together (about two milliseconds).
_INDEX_SOME = (
    f"INSERT INTO {SEARCH_TABLE}(rowid, text) SELECT id, text FROM ("
    "SELECT id, text, sum(length(text)) OVER (ORDER BY id) - length(text) AS before FROM ("
    f"SELECT id, text FROM messages WHERE id > {_INDEXED_UP_TO} AND id <= :up_to ORDER BY id LIMIT 50)"
    ") WHERE before < 10000"
)


def unindexed(connection: Connection) -> int | None:
    """The id of the newest message if the search index lacks it; None when the index is complete."""
    newest: int | None = connection.exec_driver_sql(_UNINDEXED).scalar()
    return newest


def index_some(connection: Connection, up_to: int = 2**63 - 1) -> bool:
    """Put some messages, none after the message `up_to`, into the search index. False: there were none to put in."""
    return driver(connection).execute(_INDEX_SOME, {"up_to": up_to}).rowcount > 0


# ------------------------------------------------------------------------------- housekeeping, wiping, checking

_MERGE_PAGES = 16  # of the search index in one step: three milliseconds
_MERGE_STEPS = 32  # in one quiet moment


def tidy(connection: Connection) -> Iterator[None]:
    """Do in a quiet moment what would make commits slow: index new messages, merge segments of the search index,
    empty the log. In steps of a few milliseconds: who has better to do asks for no further one."""
    while index_some(connection):
        yield
        _merge_some(connection)
        yield
    for _ in range(_MERGE_STEPS):
        if not _merge_some(connection):
            break
        yield
    driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)")


def _merge_some(connection: Connection) -> bool:
    """Merge a few pages of the search index. False: there was nothing to merge."""
    raw = driver(connection)
    before = raw.total_changes
    raw.execute(f"INSERT INTO {SEARCH_TABLE}({SEARCH_TABLE}, rank) VALUES ('merge', {_MERGE_PAGES})")
    return raw.total_changes - before >= 2  # https://www.sqlite.org/fts5.html#the_merge_command


def mark_wipe_due(connection: Connection) -> None:
    """Note in the running transaction that deleted text has still to be wiped, should we be killed before that."""
    connection.exec_driver_sql("PRAGMA user_version = 1")


def is_wipe_due(connection: Connection) -> bool:
    """Whether a wipe was begun and not finished."""
    return bool(driver(connection).execute("PRAGMA user_version").fetchone()[0])


def wipe(connection: Connection) -> None:
    """Make deleted text unrecoverable from the database's files. Outside a transaction; raises StoreError.

    Three places keep what was deleted: the search index until its segments are merged, pages in which SQLite moved
    rows about (hence VACUUM: secure_delete zeroes only where a row was last), and the write-ahead log.
    Takes time in proportion to what remains.
    """
    raw = driver(connection)
    try:
        raw.execute(f"INSERT INTO {SEARCH_TABLE}({SEARCH_TABLE}) VALUES ('optimize')")
        raw.execute("VACUUM")
        busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StoreError(errors.NOT_WIPED)
        raw.execute("PRAGMA user_version = 0")
    except sqlite3.Error as error:
        raise StoreError(errors.NOT_WIPED) from error


def find_damage(connection: Connection) -> str | None:
    """Read everything and say what is wrong with the file, or None. Needs the writing connection: FTS5's own check
    is an INSERT."""
    raw = driver(connection)
    try:
        (report,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
        if report != "ok":
            return errors.DAMAGED
        while index_some(connection):  # the check compares the index with all messages
            pass
        raw.execute(f"INSERT INTO {SEARCH_TABLE}({SEARCH_TABLE}, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return errors.explain(error)
    return None
