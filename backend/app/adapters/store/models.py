"""The history's tables, as typed SQLAlchemy models. Nothing here is particular to one database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Dialect, ForeignKey, Index, Integer, MetaData, SmallInteger, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from backend.app.ports import Speaker

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """An aware time as it is stored: whole microseconds since 1970-01-01 UTC."""
    return (time - _EPOCH) // _MICROSECOND


class UtcTime(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970-01-01 UTC: exact, sortable, and free of time zones."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # STRICT tables know INTEGER (64 bits) but not BIGINT.
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Flag(TypeDecorator[bool]):
    """A truth value as 0 or 1 (STRICT tables know no BOOLEAN)."""

    impl = SmallInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else SmallInteger())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class Base(DeclarativeBase):
    """Common ground: constraint names are fixed, so that migrations can address them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text(), int: Integer(), bool: Flag(), datetime: UtcTime()}  # noqa: RUF012


class ConversationRow(Base):
    """A conversation. `title` is empty until the first user message gives it one."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(None, "companion", "user", "platform"),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    companion: Mapped[str]
    user: Mapped[str]
    platform: Mapped[str]
    title: Mapped[str]
    created: Mapped[datetime]


class MessageRow(Base):
    """A message. Ids only grow and are never used twice, so that the order of ids is the order of saying.

    The scope is repeated here, beside the conversation's, because every query filters by it.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'assistant')", name="role"),
        CheckConstraint("interrupted IN (0, 1)", name="interrupted"),
        Index(None, "conversation_id", "id"),
        Index(None, "companion", "user", "platform", "id"),
        Index(None, "turn"),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    companion: Mapped[str]
    user: Mapped[str]
    platform: Mapped[str]
    source: Mapped[str]
    turn: Mapped[str]
    role: Mapped[Speaker] = mapped_column(Text)
    text: Mapped[str]
    emotion: Mapped[str | None]
    interrupted: Mapped[bool]
    tokens: Mapped[int | None]
    created: Mapped[datetime]


class StateRow(Base):
    """A small piece of state that outlives the hub, such as the mode or the conversation in use."""

    __tablename__ = "state"
    __table_args__ = ({"sqlite_strict": True},)

    companion: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
