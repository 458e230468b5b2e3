"""The history's questions and changes: functions of a connection and a scope. No threads, no transactions.

They use core statements, because an ORM entity for each row makes reloading the history several times slower.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    SQLColumnExpression,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from backend.app.adapters.store import errors, sqlite
from backend.app.adapters.store.models import ConversationRow, MessageRow, StateRow, microseconds
from backend.app.adapters.store.titles import title_from
from backend.app.ports import (
    Conversation,
    HistoryPage,
    HistorySummary,
    NewMessage,
    Scope,
    StoredMessage,
    StoreError,
)

_LARGEST_ID = 2**63 - 1

# The fields of StoredMessage, in its order.
_MESSAGE = (
    MessageRow.id,
    MessageRow.conversation_id,
    MessageRow.role,
    MessageRow.text,
    MessageRow.source,
    MessageRow.turn,
    MessageRow.created,
    MessageRow.emotion,
    MessageRow.interrupted,
    MessageRow.tokens,
)


# All columns but the id, which SQLite gives.
_WRITTEN = tuple(column.name for column in MessageRow.__table__.columns if column.name != "id")


def _in_scope(row: type[ConversationRow | MessageRow | StateRow]) -> list[ColumnElement[bool]]:
    # Names of their own: those of columns are reserved in UPDATE statements.
    return [
        row.companion == bindparam("of_companion"),
        row.user == bindparam("of_user"),
        row.platform == bindparam("of_platform"),
    ]


def _scoped(scope: Scope, **parameters: Any) -> dict[str, Any]:
    return {"of_companion": scope.companion, "of_user": scope.user, "of_platform": scope.platform, **parameters}


def _in_conversation() -> ColumnElement[bool]:
    """The messages of the conversation `of_conversation`, if that is in the scope.

    The scope is asked of the conversation: asked of each message it would tempt the planner to walk through the whole
    scope's messages instead of the conversation's.
    """
    inside = select(ConversationRow.id).where(
        ConversationRow.id == bindparam("of_conversation"), *_in_scope(ConversationRow)
    )
    return MessageRow.conversation_id == inside.scalar_subquery()


def _id(number: int) -> int:
    """An id the driver can pass on: one that is too large becomes one that nothing has."""
    return number if 0 <= number < _LARGEST_ID else _LARGEST_ID


# ---------------------------------------------------------------------------------------------------- messages

# Statements on the way of every turn are built once: building one costs more than running it.
_TITLE = sqlite.compiled(
    select(ConversationRow.title).where(ConversationRow.id == bindparam("of_id"), *_in_scope(ConversationRow))
)
_SET_TITLE = sqlite.compiled(
    update(ConversationRow).where(ConversationRow.id == bindparam("of_id")).values(title=bindparam("to"))
)
_ADD = sqlite.compiled(insert(MessageRow).values({name: bindparam(name) for name in _WRITTEN}))
_RECENT = select(*_MESSAGE).where(_in_conversation()).order_by(MessageRow.id.desc()).limit(bindparam("at_most"))
# Without the scope, which would tempt the planner to walk through all of its messages; see `_reply`.
_REPLY = (
    select(MessageRow.id, MessageRow.companion, MessageRow.user, MessageRow.platform)
    .where(MessageRow.turn == bindparam("of_turn"), MessageRow.role == "assistant")
    .order_by(MessageRow.id.desc())
)


def add(db: Connection, scope: Scope, messages: Sequence[NewMessage], at: datetime) -> tuple[StoredMessage, ...]:
    """Insert messages in order; the first of a user names a conversation that has no title.

    Raises StoreError when a conversation does not exist in the scope.
    """
    raw = sqlite.driver(db)
    titles: dict[int, str] = {}
    stored = []
    for message in messages:
        conversation, text = message.conversation, sqlite.storable(message.text)
        if conversation not in titles:
            titles[conversation] = _title(raw, scope, conversation)
        if message.role == "user" and not titles[conversation]:
            titles[conversation] = title_from(text)
            raw.execute(_SET_TITLE, {"of_id": conversation, "to": titles[conversation]})
        values = {
            "conversation_id": conversation,
            "companion": scope.companion,
            "user": scope.user,
            "platform": scope.platform,
            "source": message.source,
            "turn": message.turn,
            "role": message.role,
            "text": text,
            "emotion": message.emotion,
            "interrupted": int(message.interrupted),
            "tokens": message.tokens,
            "created": microseconds(at),
        }
        stored.append(_stored(raw.execute(_ADD, values).lastrowid, message, text, at))
    return tuple(stored)


def _title(raw: sqlite3.Connection, scope: Scope, conversation: int) -> str:
    row = raw.execute(_TITLE, _scoped(scope, of_id=_id(conversation))).fetchone()
    if row is None:
        raise StoreError(errors.NO_CONVERSATION)
    return str(row[0])


def _stored(key: int | None, message: NewMessage, text: str, at: datetime) -> StoredMessage:
    assert key is not None  # after an INSERT there is one
    return StoredMessage(
        id=key,
        conversation=message.conversation,
        role=message.role,
        text=text,
        source=message.source,
        turn=message.turn,
        at=at,
        emotion=message.emotion,
        interrupted=message.interrupted,
        tokens=message.tokens,
    )


def _from_row(row: Sequence[Any]) -> StoredMessage:
    return StoredMessage(*row)


def _reply(db: Connection, scope: Scope, turn: str) -> int | None:
    """The id of a turn's newest reply."""
    rows = db.execute(_REPLY, {"of_turn": turn})
    return next((row[0] for row in rows if Scope(*row[1:]) == scope), None)


def shorten(db: Connection, scope: Scope, turn: str, text: str) -> bool:
    """Cut a turn's reply to `text` and mark it interrupted; blank text removes it. False: there is no reply."""
    if not text.strip():
        return remove_reply(db, scope, turn)
    reply = _reply(db, scope, turn)
    if reply is None:
        return False
    # The count was of the whole text.
    changes = {"text": sqlite.storable(text), "interrupted": True, "tokens": None}
    db.execute(update(MessageRow).where(MessageRow.id == reply).values(changes))
    return True


def remove_reply(db: Connection, scope: Scope, turn: str) -> bool:
    """Delete a turn's reply. False: there is none."""
    reply = _reply(db, scope, turn)
    if reply is None:
        return False
    db.execute(delete(MessageRow).where(MessageRow.id == reply))
    return True


def set_tokens(db: Connection, scope: Scope, counts: Mapping[int, int]) -> None:
    """Set the token counts of messages by id; unknown ids are passed over."""
    statement = (
        update(MessageRow)
        .where(MessageRow.id == bindparam("of_id"), *_in_scope(MessageRow))
        .values(tokens=bindparam("count"))
    )
    db.execute(statement, [_scoped(scope, of_id=_id(key), count=count) for key, count in counts.items()])


def recent(db: Connection, scope: Scope, conversation: int, limit: int) -> tuple[StoredMessage, ...]:
    """The newest `limit` messages of a conversation, oldest first."""
    rows = db.execute(
        _RECENT, _scoped(scope, of_conversation=_id(conversation), at_most=max(0, min(limit, _LARGEST_ID)))
    ).all()
    return tuple(_from_row(row) for row in reversed(rows))


def page(
    db: Connection, scope: Scope, conversation: int | None, search: sqlite.Search | None, before: int | None, limit: int
) -> HistoryPage:
    """Up to `limit` messages, newest first, older than the message `before`."""
    limit = max(1, min(limit, _LARGEST_ID - 1))
    # With the index in play its rowid is asked, not messages.id: FTS5 walks its hits in that order by itself.
    newest_first: SQLColumnExpression[int] = sqlite.SEARCH_ROWID if search and search.match else MessageRow.id
    statement = select(*_MESSAGE).order_by(newest_first.desc()).limit(limit + 1)
    parameters = _scoped(scope)
    if conversation is None:
        statement = statement.where(*_in_scope(MessageRow))
    else:
        statement = statement.where(_in_conversation())
        parameters["of_conversation"] = _id(conversation)
    if search is not None:
        statement = sqlite.searched(statement, search, MessageRow.id, MessageRow.text)
    if before is not None:
        statement = statement.where(newest_first < max(0, min(before, _LARGEST_ID)))
    messages = [_from_row(row) for row in db.execute(statement, parameters)]
    more = len(messages) > limit
    return HistoryPage(tuple(messages[:limit]), before=messages[limit - 1].id if more else None)


def summary(db: Connection, scope: Scope) -> HistorySummary:
    """Totals over the scope."""
    scoped = _scoped(scope)
    messages = select(func.count()).select_from(MessageRow).where(*_in_scope(MessageRow))
    conversations = select(func.count()).select_from(ConversationRow).where(*_in_scope(ConversationRow))
    created = select(MessageRow.created).where(*_in_scope(MessageRow)).limit(1)
    return HistorySummary(
        messages=db.execute(messages, scoped).scalar_one(),
        conversations=db.execute(conversations, scoped).scalar_one(),
        first=db.execute(created.order_by(MessageRow.id), scoped).scalar(),
        last=db.execute(created.order_by(MessageRow.id.desc()), scoped).scalar(),
    )


def clear(db: Connection, scope: Scope, conversation: int | None) -> int:
    """Delete the messages of a conversation (or all) in a transaction of its own, then wipe the file.

    The conversations stay, so that whoever talks in one can go on; their titles, made of what was said, go.
    Returns how many messages there were. Raises StoreError; when only the wiping failed its text says so.
    """
    messages = delete(MessageRow).where(*_in_scope(MessageRow))
    titles = update(ConversationRow).where(*_in_scope(ConversationRow)).values(title="")
    if conversation is not None:
        messages = messages.where(MessageRow.conversation_id == _id(conversation))
        titles = titles.where(ConversationRow.id == _id(conversation))
    with db.begin():
        deleted: int = db.execute(messages, _scoped(scope)).rowcount
        db.execute(titles, _scoped(scope))
        sqlite.mark_wipe_due(db)
    sqlite.wipe(db)
    return deleted


# ----------------------------------------------------------------------------------------------- conversations


def conversations(db: Connection, scope: Scope) -> tuple[Conversation, ...]:
    """All conversations, the most recently used first."""
    inside = MessageRow.conversation_id == ConversationRow.id
    count = select(func.count()).select_from(MessageRow).where(inside).scalar_subquery()
    last = select(MessageRow.created).where(inside).order_by(MessageRow.id.desc()).limit(1).scalar_subquery()
    statement = (
        select(ConversationRow.id, ConversationRow.title, ConversationRow.created, count, last)
        .where(*_in_scope(ConversationRow))
        .order_by(func.coalesce(last, ConversationRow.created).desc(), ConversationRow.id.desc())
    )
    return tuple(Conversation(*row) for row in db.execute(statement, _scoped(scope)))


def create_conversation(db: Connection, scope: Scope, title: str, at: datetime) -> Conversation:
    """Begin a conversation; an empty title is filled by the first user message."""
    title = sqlite.storable(" ".join(title.split()))
    values = {
        "companion": scope.companion,
        "user": scope.user,
        "platform": scope.platform,
        "title": title,
        "created": at,
    }
    key = db.execute(insert(ConversationRow).values(values)).inserted_primary_key
    assert key is not None
    return Conversation(id=key[0], title=title, created=at, messages=0, last=None)


# ------------------------------------------------------------------------------------------------------- state


def get_state(db: Connection, scope: Scope, key: str) -> str | None:
    """The value stored under `key`, if any."""
    statement = select(StateRow.value).where(StateRow.key == bindparam("of_key"), *_in_scope(StateRow))
    value: str | None = db.execute(statement, _scoped(scope, of_key=key)).scalar()
    return value


def set_state(db: Connection, scope: Scope, key: str, value: str) -> None:
    """Store `value` under `key`, in place of what was there."""
    row = {"companion": scope.companion, "user": scope.user, "platform": scope.platform, "key": key, "value": value}
    # There is only one writer, so nothing can come between the two.
    changed = update(StateRow).where(StateRow.key == bindparam("of_key"), *_in_scope(StateRow)).values(value=value)
    if not db.execute(changed, _scoped(scope, of_key=key)).rowcount:
        db.execute(insert(StateRow).values(row))
