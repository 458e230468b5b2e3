"""Bring a database to the present revision. Alembic is imported only when there is something to do, because
importing it costs a good part of the hub's start."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from backend.app.adapters.store import errors, sqlite
from backend.app.ports import StoreError

HEAD = "0002"  # the newest file in migrations/versions; a test holds them together
_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Create or upgrade the tables in one transaction: a kill on the way leaves the database as it was.

    Raises StoreError for a database that is newer than this program.
    """
    revision = sqlite.stored_revision(connection)
    if revision != HEAD:
        upgrade(connection, revision, HEAD)


def upgrade(connection: Connection, revision: str | None, target: str) -> None:
    """Go from `revision` (None: no tables yet) to `target`."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(errors.NEWER)
    with sqlite.foreign_keys_off(connection), connection.begin():
        command.upgrade(config, target)
        sqlite.require_foreign_keys(connection)
