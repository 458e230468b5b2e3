"""The history in a SQLite file, behind the `Store` protocol."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from backend.app.adapters.store import queries, sqlite
from backend.app.adapters.store.database import Database
from backend.app.ports import Conversation, HistoryPage, HistorySummary, NewMessage, Scope, StoredMessage, StoreError


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteStore:
    """One scope's history and state. Every method may raise StoreError; `ports.Store` says what each does."""

    def __init__(self, path: Path, scope: Scope, *, now: Callable[[], datetime] = _utc_now) -> None:
        """path: the database file; its folder is made if need be. now: gives aware UTC times."""
        self.database = Database(path)
        self._scope = scope
        self._now = now

    async def open(self) -> None:
        await self.database.open()
        try:
            # Makes a reader's thread, connection and statement, so that the first reload need not.
            await self.recent(0, 0)
        except StoreError:
            await self.close()
            raise

    async def close(self) -> None:
        await self.database.close()

    async def add(self, *messages: NewMessage) -> tuple[StoredMessage, ...]:
        return await self.database.write(partial(queries.add, scope=self._scope, messages=messages, at=self._now()))

    async def shorten(self, turn: str, text: str) -> bool:
        return await self.database.write(partial(queries.shorten, scope=self._scope, turn=turn, text=text))

    async def remove_reply(self, turn: str) -> bool:
        return await self.database.write(partial(queries.remove_reply, scope=self._scope, turn=turn))

    async def set_tokens(self, counts: dict[int, int]) -> None:
        if counts:
            await self.database.write(partial(queries.set_tokens, scope=self._scope, counts=dict(counts)))

    async def recent(self, conversation: int, limit: int) -> tuple[StoredMessage, ...]:
        return await self.database.read(
            partial(queries.recent, scope=self._scope, conversation=conversation, limit=limit)
        )

    async def page(
        self,
        *,
        conversation: int | None = None,
        search: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> HistoryPage:
        plan = sqlite.plan_search(search) if search else None
        if plan and plan.match:
            await self._complete_index()
        return await self.database.read(
            partial(
                queries.page,
                scope=self._scope,
                conversation=conversation,
                search=plan,
                before=before,
                limit=limit,
            )
        )

    async def _complete_index(self) -> None:
        """Have every message indexed that is stored by now, in small steps between which others can write."""
        newest = await self.database.read(sqlite.unindexed)
        while newest is not None and await self.database.write(partial(sqlite.index_some, up_to=newest)):
            pass

    async def summary(self) -> HistorySummary:
        return await self.database.read(partial(queries.summary, scope=self._scope))

    async def clear(self, conversation: int | None = None) -> int:
        return await self.database.write_alone(partial(queries.clear, scope=self._scope, conversation=conversation))

    async def conversations(self) -> tuple[Conversation, ...]:
        return await self.database.read(partial(queries.conversations, scope=self._scope))

    async def create_conversation(self, title: str = "") -> Conversation:
        return await self.database.write(
            partial(queries.create_conversation, scope=self._scope, title=title, at=self._now())
        )

    async def get_state(self, key: str) -> str | None:
        return await self.database.read(partial(queries.get_state, scope=self._scope, key=key))

    async def set_state(self, key: str, value: str) -> None:
        await self.database.write(partial(queries.set_state, scope=self._scope, key=key, value=value))

    async def durability(self) -> dict[str, str]:
        return await self.database.write_alone(sqlite.durability)

    async def check(self) -> str | None:
        """Read the whole file and say what is wrong with it, None if nothing is. For the doctor: takes a while."""
        return await self.database.write_alone(sqlite.find_damage)
