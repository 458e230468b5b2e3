"""Full-text search over the messages, which each database does in its own way. Texts already stored are indexed."""

from alembic import op

from backend.app.adapters.store.sqlite import SEARCH_V1

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in SEARCH_V1:
            op.execute(statement)
