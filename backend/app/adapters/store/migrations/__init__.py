"""Bring the database's tables to what the models say, one revision after the other (Alembic)."""
