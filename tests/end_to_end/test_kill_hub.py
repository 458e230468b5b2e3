"""kill -9 for the hub: what was acknowledged is there, its starter brings it back, its clients return by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from link.client import Connected, Disconnected, Event, HubAddress, HubClient, TurnLost
from link.messages import End, Hello, Say, Text, Turn, UserSaid
from link.roles import Role
from link.testing.waiting import eventually
from link.tokens import read_token
from tests.support.processes import HubProcess, all_gone, fake_llm_process, hub_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Listener:
    """A client as all of ours are, and everything that it lived through."""

    def __init__(self, hub: HubProcess, name: str) -> None:
        address = HubAddress("127.0.0.1", hub.port)
        self.client = HubClient(address, lambda: read_token(hub.data, Role.USER), Hello(name))
        self.events: list[tuple[float, Event]] = []

    async def listen(self) -> None:
        async for event in self.client.events():
            self.events.append((time.monotonic(), event))

    def all(self, kind: type[Any]) -> list[Any]:
        """The events of this kind."""
        return [event for _, event in self.events if isinstance(event, kind)]

    async def has(self, kind: type[Any], count: int = 1, within: float = 20.0) -> list[Any]:
        """Wait for this many events of a kind."""
        await eventually(lambda: len(self.all(kind)) >= count, within, f"{count} of {kind.__name__}")
        return self.all(kind)

    def when(self, kind: type[Any]) -> float:
        """When the last one came, as `time.monotonic()`."""
        return [at for at, event in self.events if isinstance(event, kind)][-1]


@contextlib.asynccontextmanager
async def listening(hub: HubProcess, *names: str) -> AsyncIterator[list[Listener]]:
    """Clients that are connected."""
    listeners = [Listener(hub, name) for name in names]
    tasks = [asyncio.create_task(listener.listen()) for listener in listeners]
    try:
        for listener in listeners:
            await listener.has(Connected)
        yield listeners
    finally:
        for listener in listeners:
            await listener.client.close()
        await asyncio.gather(*tasks)


def board(hub: HubProcess) -> dict[str, Any]:
    """What the launcher says of the hub."""
    part: dict[str, Any] = json.loads((hub.data / "run" / "parts.json").read_text())["parts"]["hub"]
    return part


LAUNCHER = ("-m", "scripts.launcher", "--no-chat")
BABBLES = json.dumps({"grammar": 'root ::= ("la ")+', "ignore_eos": True})


async def test_killed_in_mid_reply_it_is_back_within_five_seconds_and_so_are_its_clients(
    tmp_path: Path, models: Path
) -> None:
    variables = {"ALISA_LLM__EXTRA_BODY": BABBLES, "ALISA_LLM__MAX_TOKENS": "3500"}
    async with hub_process(tmp_path / "data", python=LAUNCHER, **variables) as hub:
        await hub.llm(status="ready")
        async with listening(hub, "terminal", "window") as (one, other):
            await one.client.send(Say("Sing!"))
            (turn,) = await one.has(Turn)
            for listener in (one, other):
                await listener.has(Text)
            victim = psutil.Process(board(hub)["pid"])
            servers = victim.children(recursive=True)
            assert servers, "the model server is the hub's child"
            hub.program.family()  # noted, so that whatever should stay of it is ended with the test
            killed = time.monotonic()
            victim.kill()
            for listener in (one, other):
                assert (await listener.has(Disconnected))[0].reason
                first, second = await listener.has(Connected, 2)
                assert (first.again, second.again) == (False, True)
                assert first.boot != second.boot
                assert await listener.has(TurnLost) == [TurnLost(turn.turn)]
                assert listener.all(End) == []
                took = listener.when(Connected) - killed
                print(f"back after kill -9: {took:.2f} s")
                assert took < 5.0
            await all_gone(servers)
            assert await hub.history() == [("user", "Sing!")], "accepted is kept; half a reply is nothing she said"
            assert board(hub)["restarts"] == 1

            await one.client.send(Say("Sing again!"))
            for listener in (one, other):
                await listener.has(Turn, 2)
            said = len(other.all(Text))
            await other.has(Text, said + 1)
        assert [text for role, text in await hub.history() if role == "user"] == ["Sing!", "Sing again!"]
        family = hub.program.family()
        began = time.monotonic()
        await hub.program.end()
        assert time.monotonic() - began < 5
        await all_gone(family)


class Poster:
    """Says one thing after another over HTTP, and keeps what was acknowledged."""

    def __init__(self, hub: HubProcess, name: str) -> None:
        self.replied: list[tuple[str, str]] = []
        self._hub, self._name = hub, name

    async def talk(self) -> None:
        """Until the hub is gone."""
        number = 0
        with contextlib.suppress(httpx.HTTPError):
            while True:
                text = f"{self._name} says {number}"
                answer = await self._hub.http.post("/chat", json={"message": text})
                assert answer.status_code == 200, answer.text
                self.replied.append((text, answer.json()["reply"]))
                number += 1


async def test_what_was_acknowledged_survives_kills_at_any_moment(tmp_path: Path) -> None:
    moments = random.Random(20260512)
    replied: list[tuple[str, str]] = []
    accepted: list[str] = []
    async with fake_llm_process(tmp_path, "--tokens", "6") as url:
        async with hub_process(tmp_path / "data", ALISA_LLM__URL=url) as hub:
            for round_ in range(6):
                poster = Poster(hub, f"round {round_}")
                async with listening(hub, "watcher") as (watcher,):
                    talking = asyncio.create_task(poster.talk())
                    await watcher.has(UserSaid, 2)
                    await asyncio.sleep(moments.uniform(0.0, 0.4))
                    await hub.kill()
                    await talking
                    await watcher.has(Disconnected)
                    accepted += [event.text for event in watcher.all(UserSaid)]
                replied += poster.replied
                await hub.start()
                await check_everything_is_there(hub, accepted, replied)
    print(f"{len(accepted)} messages accepted, {len(replied)} replies acknowledged, none lost")
    assert len(accepted) >= 12
    assert len(replied) >= 6


async def check_everything_is_there(hub: HubProcess, accepted: list[str], replied: list[tuple[str, str]]) -> None:
    messages: list[dict[str, Any]] = []
    before: dict[str, int] = {}
    while True:
        page = (await hub.http.get("/history", params={"limit": 200, **before})).json()
        messages += page["messages"]
        if page["before"] is None:
            break
        before = {"before": page["before"]}
    asked = {message["text"]: message["turn"] for message in messages if message["role"] == "user"}
    answered = {message["turn"]: message["text"] for message in messages if message["role"] == "assistant"}
    assert set(accepted) <= set(asked)
    assert [answered.get(asked[text]) for text, _ in replied] == [reply for _, reply in replied]
    assert len(asked) == sum(message["role"] == "user" for message in messages), "and nothing is there twice"
