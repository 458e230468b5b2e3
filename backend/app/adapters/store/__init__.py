"""The history on disk: SQLite through SQLAlchemy, one writing thread, pooled readers."""

from backend.app.adapters.store.store import SqliteStore

__all__ = ["SqliteStore"]
