"""The client against a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from link.client import Connected, Disconnected, Event, GaveUp, HubAddress, HubClient, TurnLost
from link.messages import (
    ClientMessage,
    Emotion,
    End,
    Hello,
    Notice,
    Quiet,
    Say,
    SpeechStart,
    Status,
    Text,
    Turn,
)
from link.reconnect import ReconnectPolicy
from link.roles import Role
from link.settings.schema import HubSettings
from link.testing.fake_hub import FakeHub
from link.testing.waiting import eventually
from link.tokens import TokenError


class Run:
    """A client whose events are collected while the test plays the hub."""

    def __init__(self, client: HubClient) -> None:
        self.client = client
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        async for event in self.client.events():
            self.events.append(event)

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type, count: int = 1, within: float = 5.0) -> Event:
        await eventually(lambda: len(self.of(kind)) >= count, within, f"{count} x {kind.__name__} in {self.events}")
        return self.of(kind)[count - 1]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Text))


def quick() -> ReconnectPolicy:
    return ReconnectPolicy(random.Random(1), base=0.01, ceiling=0.05)


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    async with FakeHub() as hub:
        yield hub


@contextlib.asynccontextmanager
async def running(
    hub: FakeHub,
    *,
    policy: ReconnectPolicy | None = None,
    announce: Sequence[ClientMessage] = (),
    role: Role = Role.USER,
) -> AsyncIterator[Run]:
    client = HubClient(
        hub.address,
        hub.token_reader(role),
        Hello("a terminal", "1.0", ("mouth",)),
        policy=policy or quick(),
        announce=lambda: announce,
    )
    run = Run(client)
    yield run
    await client.close()
    await asyncio.wait_for(run.task, 2)


async def test_greets_and_exchanges_messages(hub: FakeHub) -> None:
    async with running(hub, role=Role.VOICE) as run:
        peer = await hub.next_peer()
        assert peer.role is Role.VOICE
        assert peer.query == {"v": "2", "name": "a terminal"}
        assert peer.hello == Hello("a terminal", "1.0", ("mouth",))
        await run.until(Status)
        assert run.events[:2] == [Connected("boot-1", again=False), Status(boot="boot-1")]
        assert await run.client.send(Say("Hello!", "r1"))
        await peer.expect(Say("Hello!", "r1"))
        reply = [Turn("t1", request="r1"), Emotion("happy"), Text("Hi"), Text(" [END] is a tag."), End()]
        await peer.send(*reply)
        await run.until(End)
        assert run.events[2:] == reply


async def test_text_like_a_tag_arrives_as_text(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await peer.send(Turn("t1"), Text("[END]"), Text("[EMOTION]happy"), End())
        await run.until(End)
        assert run.text == "[END][EMOTION]happy"
        assert not run.of(Emotion)


async def test_comes_back_and_announces_again(hub: FakeHub) -> None:
    async with running(hub, announce=[Quiet("voice"), SpeechStart(turn="t0")]) as run:
        for again in (False, True):
            peer = await hub.next_peer()
            await run.until(Connected, 2 if again else 1)
            assert run.events[-2] == Connected("boot-1", again=again)
            assert isinstance(peer.received[0], Hello)
            await peer.expect(Quiet("voice"))
            await peer.expect(SpeechStart(turn="t0"))
            peer.cut()
        gone = await run.until(Disconnected)
        assert gone.reason == "The connection to the hub broke off."


async def test_tells_the_hubs_reason_for_closing(hub: FakeHub) -> None:
    async with running(hub) as run:
        await (await hub.next_peer()).close(1008, "too slow")
        assert (await run.until(Disconnected)).reason == "The hub closed the connection: too slow."


async def test_says_when_it_cannot_send(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await eventually(lambda: run.client.connected)
        await hub.vanish()
        await peer.gone.wait()
        await run.until(Disconnected)
        assert not run.client.connected
        assert await run.client.send(Say("lost")) is False


async def test_sending_into_a_dying_connection_never_raises(hub: FakeHub) -> None:
    async with running(hub, policy=ReconnectPolicy(random.Random(1), base=0.5, ceiling=0.5)) as run:
        peer = await hub.next_peer()
        await eventually(lambda: run.client.connected)
        peer.cut()
        sent = [await run.client.send(Say("x")) for _ in range(1000)]
        await run.until(Disconnected)
        assert sent[-1] is False or await run.client.send(Say("x")) is False


# ------------------------------------------------------------------------------------------------- resuming


async def test_resumes_the_turn_where_it_was_cut(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await peer.send(Turn("t1"), Text("Grüße"), Text(" 😀"))
        await eventually(lambda: run.text == "Grüße 😀")
        hub.greeting = lambda _: [
            Status(boot="boot-1", turn="t1"),
            Turn("t1", resumed=7),
            Text(" again"),
            Emotion("happy"),
        ]
        peer.cut()
        peer = await hub.next_peer()
        assert (peer.query["turn"], peer.query["received"]) == ("t1", "7")
        await eventually(lambda: run.text == "Grüße 😀 again")
        peer.cut()  # once more: what was resumed counts as well
        peer = await hub.next_peer()
        assert (peer.query["turn"], peer.query["received"]) == ("t1", "13")
        await peer.send(End())
        await run.until(End)
        peer.cut()
        assert "turn" not in (await hub.next_peer()).query
        assert not run.of(TurnLost)


async def test_state_messages_before_the_resumed_turn_do_no_harm(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await peer.send(Turn("t1"), Text("Hel"))
        await run.until(Text)
        hub.greeting = lambda _: [
            Status(boot="boot-1"),
            Notice("info", "Welcome back."),
            Turn("t1", resumed=3),
            Text("lo"),
            End(),
        ]
        peer.cut()
        await run.until(End)
        assert run.text == "Hello"
        assert not run.of(TurnLost)


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param([Status(boot="boot-2", turn="t1")], id="the hub was started anew"),
        pytest.param([Status(boot="boot-1", turn="t9"), Turn("t9")], id="another turn runs"),
        pytest.param([Status(boot="boot-1"), End()], id="an end without a turn"),
        pytest.param([Status(boot="boot-1")], id="the hub says nothing of it"),
    ],
)
async def test_tells_of_a_lost_turn(hub: FakeHub, greeting: list[Status | Turn | End]) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await peer.send(Turn("t1"), Text("Hel"))
        await run.until(Text)
        hub.greeting = lambda _: greeting
        peer.cut()
        assert await run.until(TurnLost) == TurnLost("t1")
        peer = await hub.next_peer()
        peer.cut()  # and it is asked for only once
        assert (await hub.next_peer()).query.get("turn") != "t1"


# ------------------------------------------------------------------------------------------- bad days of the hub


async def test_waits_for_a_hub_that_comes_later(hub: FakeHub) -> None:
    await hub.vanish()
    async with running(hub, policy=ReconnectPolicy(random.Random(1), base=0.001, ceiling=0.01)) as run:
        first = await run.until(Disconnected, 12)  # far more than the quick failures it would stop at
        assert first.reason == f"The hub does not answer at 127.0.0.1:{hub.port}."
        await hub.start()
        await run.until(Connected)
        assert not run.of(GaveUp)


@pytest.mark.slow
async def test_a_hub_that_never_greets_is_left(hub: FakeHub) -> None:
    hub.greeting = lambda _: []
    async with running(hub) as run:
        gone = await run.until(Disconnected, within=10)
        assert gone.reason == "The hub accepted the connection and then said nothing."
        assert not run.of(Connected)


@pytest.mark.slow
async def test_is_back_within_five_seconds_of_the_hub(hub: FakeHub) -> None:
    async with running(hub, policy=ReconnectPolicy(random.Random(7))) as run:
        peer = await hub.next_peer()
        await run.until(Connected)
        await hub.vanish()
        await peer.gone.wait()
        await asyncio.sleep(6)  # long enough for the longest delay
        await hub.start()
        started = time.monotonic()
        await run.until(Connected, 2)
        assert time.monotonic() - started < 5


async def test_stops_when_connections_end_at_once(hub: FakeHub) -> None:
    hub.accept_and_cut = True
    async with running(hub) as run:
        gave_up = await run.until(GaveUp)
        assert gave_up.reason.startswith("5 connections in a row ended at once.")
        assert "restart the hub" in gave_up.remedy
        assert hub.attempts == 5
        await asyncio.wait_for(run.task, 1)  # nothing follows


async def test_a_wrong_token_is_forgiven_once(hub: FakeHub) -> None:
    hub.refusals.extend([403])
    async with running(hub) as run:
        await run.until(Connected)
        assert hub.attempts == 2


async def test_a_token_that_stays_wrong_stops_it(hub: FakeHub) -> None:
    hub.refusals.extend([401, 403, 403])
    async with running(hub) as run:
        gave_up = await run.until(GaveUp)
        assert "token" in gave_up.reason
        assert "ALISA_DATA_DIR" in gave_up.remedy
        assert hub.attempts == 2


async def test_reads_the_token_anew_for_each_connection(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await run.until(Connected)
        await hub.vanish()
        hub.renew_tokens()
        await peer.gone.wait()
        await hub.start()
        await run.until(Connected, 2)


async def test_a_missing_token_is_waited_for(hub: FakeHub) -> None:
    tokens = hub.token_reader(Role.USER)
    asked = 0

    def token() -> str:
        nonlocal asked
        asked += 1
        if asked < 8:
            raise TokenError("There is no token yet: start the hub first.")
        return tokens()

    client = HubClient(hub.address, token, Hello("t"), policy=quick())
    run = Run(client)
    await run.until(Connected)
    assert run.events[0].reason == "There is no token yet: start the hub first."
    await client.close()
    await run.task


async def test_another_program_on_the_port_is_named(hub: FakeHub) -> None:
    hub.refusals.extend([404] * 5)
    async with running(hub) as run:
        gave_up = await run.until(GaveUp)
        assert "not Alisa's hub" in gave_up.reason
        assert "ALISA_HUB__PORT" in gave_up.remedy


async def test_a_program_that_speaks_no_http_is_no_hub() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        run = Run(HubClient(HubAddress("127.0.0.1", port), lambda: "t", Hello("t"), policy=quick()))
        assert "not Alisa's hub" in (await run.until(GaveUp)).reason
        await run.task


async def test_a_hub_that_is_starting_is_waited_for(hub: FakeHub) -> None:
    hub.refusals.extend([503] * 8)
    async with running(hub) as run:
        await run.until(Connected)


async def test_malformed_frames_are_logged_and_cost_nothing(hub: FakeHub, caplog: pytest.LogCaptureFixture) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        for frame in ("[TURN]{broken: secret words", "[EMOTION]hungry", b"\x00\xff", "[HELLO]{}"):
            await peer.send_frame(frame)
        await peer.send(Notice("info", "still here"))
        assert await run.until(Notice) == Notice("info", "still here")
        assert run.events[2:] == [Notice("info", "still here")]
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 4
    assert "secret" not in caplog.text


async def test_logs_never_hold_what_was_said(hub: FakeHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.WARNING)  # the fake hub's own
    async with running(hub) as run:
        peer = await hub.next_peer()
        await eventually(lambda: run.client.connected)
        await run.client.send(Say("a private sentence"))
        await peer.send(Text("a private answer"))
        await run.until(Text)
    assert "private" not in caplog.text


# -------------------------------------------------------------------------------------------------- closing


async def test_closes_during_the_handshake() -> None:
    accepted = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()  # the request ...
            await reader.read()  # ... and then the end
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        client = HubClient(HubAddress("127.0.0.1", server.sockets[0].getsockname()[1]), lambda: "t", Hello("t"))
        run = Run(client)
        await accepted.wait()
        await client.close()
        await asyncio.wait_for(run.task, 1)
        assert run.events == []


async def test_closes_while_it_waits_to_try_again(hub: FakeHub) -> None:
    await hub.vanish()
    run = Run(HubClient(hub.address, lambda: "t", Hello("t"), policy=ReconnectPolicy(base=60, ceiling=60)))
    await run.until(Disconnected)
    await run.client.close()
    await asyncio.wait_for(run.task, 1)


async def test_closing_while_connected_ends_the_connection_properly(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await run.until(Connected)
        await run.client.close()
        await asyncio.wait_for(run.task, 1)
        await asyncio.wait_for(peer.gone.wait(), 1)
        assert await run.client.send(Say("late")) is False
        assert run.events[-1] == Status(boot="boot-1")


async def test_cancelling_the_reader_ends_the_connection(hub: FakeHub) -> None:
    async with running(hub) as run:
        peer = await hub.next_peer()
        await run.until(Connected)
        run.task.cancel()
        await asyncio.wait([run.task])
        await asyncio.wait_for(peer.gone.wait(), 2)
        run.task = asyncio.create_task(asyncio.sleep(0))


async def test_runs_once(hub: FakeHub) -> None:
    async with running(hub) as run:
        await run.until(Connected)
        with pytest.raises(RuntimeError):
            await anext(run.client.events())


def test_addresses_that_clients_can_reach() -> None:
    assert HubAddress.of(HubSettings(host="0.0.0.0", port=9000)) == HubAddress("127.0.0.1", 9000)
    assert str(HubAddress.of(HubSettings(host="::1", port=9000))) == "[::1]:9000"
