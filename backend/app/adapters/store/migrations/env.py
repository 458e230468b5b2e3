"""What Alembic runs to reach the database: it is given a connection whose transaction has begun (migrate.py)."""

from alembic import context

context.configure(
    context.config.attributes["connection"],
    render_as_batch=True,  # SQLite changes a column by building a new table
    transactional_ddl=True,  # Alembic assumes that SQLite cannot; with BEGIN IMMEDIATE of our own it can
)
context.run_migrations()
