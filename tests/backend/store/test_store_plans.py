"""How SQLite goes about the history's queries: a wrong index is not seen until there are a million messages."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from backend.app.adapters.store import queries, sqlite
from backend.app.ports import Scope

SCOPE = Scope()


def _plan(db: Connection, work) -> list[str]:
    """The plans of the SELECTs that `work` runs."""
    raw = sqlite.driver(db)
    statements: list[str] = []
    raw.set_trace_callback(statements.append)
    work(db)
    raw.set_trace_callback(None)
    selects = [statement for statement in statements if statement.startswith("SELECT")]
    assert selects
    return [row[3] for statement in selects for row in raw.execute("EXPLAIN QUERY PLAN " + statement)]


def _page(conversation: int | None, search: str | None):
    plan = sqlite.plan_search(search) if search else None
    return lambda db: queries.page(db, SCOPE, conversation, plan, 77, 10)


@pytest.mark.parametrize(
    ("work", "first_step"),
    [
        (lambda db: queries.recent(db, SCOPE, 1, 20), "USING INDEX ix_messages_conversation_id_id (conversation_id=?)"),
        (_page(1, None), "USING INDEX ix_messages_conversation_id_id (conversation_id=? AND id<?)"),
        (
            _page(None, None),
            "USING INDEX ix_messages_companion_user_platform_id (companion=? AND user=? AND platform=?",
        ),
        (_page(None, "word"), "SCAN messages_search VIRTUAL TABLE INDEX 192:M1<"),
        (_page(1, "word"), "SCAN messages_search VIRTUAL TABLE INDEX 192:M1<"),
        (lambda db: queries.remove_reply(db, SCOPE, "t"), "USING INDEX ix_messages_turn (turn=?)"),
    ],
)
async def test_queries_walk_the_right_index_and_sort_nothing(store, work, first_step):
    plan = await store.database.read(lambda db: _plan(db, work))
    plan = [step for step in plan if "messages_search_config" not in step]  # FTS5 asks itself
    assert first_step in plan[0]
    assert not [step for step in plan if "TEMP B-TREE" in step or step == "SCAN messages"]
