"""What becomes of messages while the hub is away, with a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from link.client import HubClient
from link.messages import End, Hello, Interrupt, Say, Status, Text, Turn
from link.roles import Role
from link.testing.fake_hub import FakeHub
from link.testing.waiting import eventually
from voice.chat.fragments import Ink, Line, text_of
from voice.chat.session import KEPT_AT_MOST, Session


@asynccontextmanager
async def session_with(hub: FakeHub) -> AsyncIterator[tuple[Session, list[Ink]]]:
    client = HubClient(hub.address, hub.token_reader(Role.USER), Hello("terminal"))
    session = Session(client)
    shown: list[Ink] = []

    async def follow() -> None:
        async for event in client.events():
            shown.extend(await session.on(event))

    task = asyncio.create_task(follow())
    try:
        await eventually(lambda: session.status.connected)
        yield session, shown
    finally:
        await client.close()
        await task


def lines(ink: list[Ink]) -> list[str]:
    return [text_of(thing.fragments) for thing in ink if isinstance(thing, Line)]


async def test_each_kept_message_waits_for_the_reply_to_the_one_before() -> None:
    async with FakeHub() as hub, session_with(hub) as (session, shown):
        await hub.next_peer()
        await hub.vanish()
        await eventually(lambda: not session.status.connected)
        assert lines(await session.enter("one")) == ["· Kept until the hub is back."]
        assert lines(await session.enter("two")) == []
        assert session.kept == ("one", "two")
        await hub.start()
        peer = await hub.next_peer()
        first = await peer.expect(Say)
        assert isinstance(first, Say)
        assert first.text == "one"
        assert lines(shown)[-1] == "You: one"
        await peer.send(Status(boot="x"), Turn("1", request=first.id), Text("A."))
        await eventually(lambda: session.transcript.reply)
        assert sum(isinstance(message, Say) for message in peer.received) == 1
        await peer.send(End())
        second = await peer.expect(Say)
        assert isinstance(second, Say)
        assert second.text == "two"


async def test_commands_are_not_kept_and_messages_not_without_limit() -> None:
    async with FakeHub() as hub, session_with(hub) as (session, _):
        await hub.next_peer()
        await hub.vanish()
        await eventually(lambda: not session.status.connected)
        assert "type this command again" in lines(await session.enter("/status"))[-1]
        for number in range(KEPT_AT_MOST):
            await session.enter(f"{number}")
        assert "this one is not kept" in lines(await session.enter("too much"))[-1]


async def test_stop_names_the_turn() -> None:
    async with FakeHub() as hub, session_with(hub) as (session, _):
        peer = await hub.next_peer()
        await peer.send(Turn("7"), Text("Well"))
        await eventually(lambda: session.transcript.reply)
        await session.stop()
        assert await peer.next() == Interrupt("7")
