"""The helpers that tests rely on must themselves be right, above all in failing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from link.messages import End, Hello, Quiet, Say, Text, Turn
from link.roles import Role
from link.testing.clock import FakeClock, ManualClock
from link.testing.fake_hub import FakeHub
from link.testing.playbook import Playbook, where
from link.testing.waiting import eventually
from link.tokens import read_token


@dataclass(frozen=True)
class Lit:
    lamp: str
    brightness: int = 100


def switch(event: str) -> list[Lit]:
    return [Lit(lamp) for lamp in event.split()]


def test_playbook_accepts_values_classes_and_patterns() -> None:
    Playbook(switch).event("red green blue").expect(Lit("red"), Lit, where(Lit, lamp="blue")).event("").expect()


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ((Lit("red"),), "+ Lit(lamp='green', brightness=100)"),
        ((Lit("red"), Lit("green"), Lit("blue")), "- Lit(lamp='blue', brightness=100)"),
        ((Lit("green"), Lit("red")), "Lit(lamp='red', brightness=100)"),
        ((Lit, where(Lit, lamp="blue")), "- Lit(lamp='blue', ...)"),
        ((Lit, str), "- str(...)"),
        ((), "+ Lit(lamp='red', brightness=100)"),
    ],
)
def test_playbook_shows_what_differs(expected: tuple[object, ...], said: str) -> None:
    with pytest.raises(AssertionError) as failure:
        Playbook(switch).event("red green").expect(*expected)
    assert said in str(failure.value)
    assert "event  'red green'" in str(failure.value)


def test_playbook_overlooks_no_command_before_the_next_event() -> None:
    with pytest.raises(AssertionError):
        Playbook(switch).event("red").event("green")


def test_manual_clock() -> None:
    clock = ManualClock(5)
    clock.advance(2.5)
    assert clock.now() == 7.5
    with pytest.raises(ValueError):
        clock.advance(-1)


async def test_fake_clock_wakes_sleepers_in_order_each_at_its_time() -> None:
    clock = FakeClock(0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.now()))

    tasks = [
        asyncio.create_task(sleeper("a", 3, 3)),
        asyncio.create_task(sleeper("b", 5)),
        asyncio.create_task(sleeper("c", 60)),
    ]
    await clock.advance(10)
    assert woken == [("a", 3), ("b", 5), ("a", 6)]
    assert clock.now() == 10
    assert clock.sleeping == 1
    tasks[2].cancel()
    await asyncio.wait(tasks)
    assert clock.sleeping == 0
    await clock.advance(100)
    assert len(woken) == 3


async def test_eventually_returns_what_it_waited_for_and_fails_with_what_it_saw() -> None:
    seen: list[int] = []
    asyncio.get_running_loop().call_later(0.02, seen.append, 7)
    assert await eventually(lambda: seen and seen[0]) == 7
    with pytest.raises(AssertionError, match=r"the sum did not come true within 0.02 s; it was last False"):
        await eventually(lambda: sum(seen) > 100, within=0.02, what="the sum")


async def test_fake_hub_refuses_what_the_hub_refuses(tmp_path: Path) -> None:
    async with FakeHub(tmp_path) as hub:
        url = f"ws://{hub.address}/ws/chat"
        for wrong in (url, f"{url}?token=wrong", f"ws://{hub.address}/other?token={read_token(tmp_path, Role.USER)}"):
            with pytest.raises(InvalidStatus):
                await connect(wrong, proxy=None)
        assert hub.attempts == 3
        assert hub.peers == []


async def test_fake_hub_speaks_the_first_table_with_plain_clients(tmp_path: Path) -> None:
    async with FakeHub(tmp_path) as hub:
        token = read_token(tmp_path, Role.USER)
        async with connect(f"ws://{hub.address}/ws/chat?token={token}", proxy=None) as plain:
            peer = await hub.next_peer()
            assert (peer.role, peer.version, peer.hello) == (Role.USER, 1, None)
            await plain.send('{"message": "hello"}')
            await peer.expect(Say("hello"))
            await peer.send(Turn("t1"), Text("[END]"), End())
            assert [await plain.recv() for _ in range(3)] == ["[", "END]", "[END]"]


async def test_fake_hub_says_what_came_instead(tmp_path: Path) -> None:
    async with FakeHub(tmp_path) as hub:
        token = read_token(tmp_path, Role.VOICE)
        async with connect(f"ws://{hub.address}/ws/chat?v=2&token={token}", proxy=None) as client:
            await client.send('[HELLO]{"name": "x"}')
            peer = await hub.next_peer()
            assert peer.hello == Hello("x")
            await client.send('[QUIET]{"scope": "all"}')
            with pytest.raises(AssertionError, match="Quiet"):
                await peer.expect(Say)
            with pytest.raises(AssertionError, match="sent nothing"):
                await peer.next(within=0.01)
            assert peer.received == [Hello("x"), Quiet("all")]
        with pytest.raises(AssertionError, match="no client came"):
            await hub.next_peer(within=0.01)


async def test_fake_hub_leaves_politely_and_comes_back_on_its_port(tmp_path: Path) -> None:
    async with FakeHub(tmp_path) as hub:
        url = f"ws://{hub.address}/ws/chat?token={read_token(tmp_path, Role.USER)}"
        async with connect(url, proxy=None) as client:
            await hub.next_peer()
            await hub.stop()
            await client.wait_closed()
            assert client.close_code == 1001
        await hub.start()
        async with connect(url, proxy=None):
            await hub.next_peer()
