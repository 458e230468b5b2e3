"""`--say` and the pipe in the tests' own process, with a hub on a real socket: what fails, and how it is told."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from link.client import HubClient
from link.messages import End, Error, Hello, Interrupt, Say, Status, Text, Turn
from link.roles import Role
from link.testing.fake_hub import FakeHub, Peer
from link.testing.waiting import eventually
from voice.chat.oneshot import say
from voice.chat.pipe import talk


class Output:
    """Standard output and error, and the exit code in the end."""

    def __init__(self, client: HubClient) -> None:
        self.client = client
        self.out = io.StringIO()
        self.err = io.StringIO()

    def say(self, text: str, *, patience: float = 10, as_json: bool = False) -> Coroutine[Any, Any, int]:
        return say(self.client, text, patience=patience, as_json=as_json, out=self.out, err=self.err)

    def talk(self, *lines: str) -> Coroutine[Any, Any, int]:
        return talk(self.client, _each(*lines), patience=10, out=self.out, err=self.err)


async def _each(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line


@asynccontextmanager
async def saying(hub: FakeHub, **how: Any) -> AsyncIterator[tuple[Output, asyncio.Task[int], Peer, Say]]:
    output = Output(HubClient(hub.address, hub.token_reader(Role.USER), Hello("terminal")))
    task = asyncio.create_task(output.say("hello", **how))
    peer = await hub.next_peer()
    yield output, task, peer, await asked(peer)
    if not task.done():
        task.cancel()


async def asked(peer: Peer) -> Say:
    message = await peer.expect(Say)
    assert isinstance(message, Say)
    return message


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_refused_message(as_json: bool) -> None:
    async with FakeHub() as hub, saying(hub, as_json=as_json) as (output, task, peer, _):
        await peer.send(Error("long", "The message is too long."))
        assert await task == 1
        assert output.err.getvalue() == "The message is too long.\n"
        if as_json:
            assert json.loads(output.out.getvalue()) == {"ok": False, "error": "The message is too long."}
        else:
            assert output.out.getvalue() == ""


async def test_a_hub_that_was_restarted_in_the_middle_of_the_reply() -> None:
    async with FakeHub() as hub, saying(hub) as (output, task, peer, question):
        await peer.send(Turn("t", request=question.id), Text("Well"))
        await eventually(lambda: output.out.getvalue() == "Well")
        hub.boot = "boot-2"
        peer.cut()
        assert await task == 1
        assert "lost in the middle of the reply" in output.err.getvalue()


async def test_a_connection_that_was_lost_and_came_back_is_no_failure() -> None:
    async with FakeHub() as hub, saying(hub) as (output, task, peer, question):
        await peer.send(Turn("t", request=question.id), Text("Well, "))
        await eventually(lambda: output.out.getvalue() == "Well,")
        going_on = Turn("t", request=question.id, resumed=6)
        hub.greeting = lambda _: [Status(boot=hub.boot, turn="t"), going_on, Text("yes."), End()]
        peer.cut()
        assert await task == 0
        assert output.out.getvalue() == "Well, yes.\n"


async def test_a_hub_that_falls_silent_is_left_and_the_reply_stopped() -> None:
    async with FakeHub() as hub, saying(hub, patience=0.5) as (output, task, peer, question):
        await peer.send(Turn("t", request=question.id), Text("Well"))
        assert await peer.next() == Interrupt("t")
        assert await task == 1
        assert output.err.getvalue() == "The hub said nothing for 0.5 seconds.\n"


async def test_a_pipe_goes_on_after_a_failure_and_tells_it_in_the_end() -> None:
    async with FakeHub() as hub:
        output = Output(HubClient(hub.address, hub.token_reader(Role.USER), Hello("terminal")))
        task = asyncio.create_task(output.talk("one", "two"))
        peer = await hub.next_peer()
        await asked(peer)
        await peer.send(Error("busy", "Not now."))
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("Two."), End())
        assert await task == 1
        assert (output.out.getvalue(), output.err.getvalue()) == ("Two.\n", "Not now.\n")
