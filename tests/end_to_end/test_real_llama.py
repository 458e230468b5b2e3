"""The hub as a process before a real llama.cpp server, its own or somebody else's, and the things that go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from link.messages import End, Interrupt, Notice, Text, Turn
from tests.support.fake_llm import FakeLLM, Script
from tests.support.hub import Chat
from tests.support.llama_server import LlamaServer, llama_server
from tests.support.processes import HubProcess, all_gone, becomes, hub_process
from tests.support.tiny_gguf import exactly

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

SENTENCE = "Hello from the real model, nice to meet you." + " And there you are again, my friend!" * 10
"""Long enough to be still on its way when the slowest disk has stored the question: she says nothing before that."""
SAYS_IT = json.dumps(exactly(f"<emotion=happy>{SENTENCE}"))
BABBLES = json.dumps({"grammar": 'root ::= ("la ")+', "ignore_eos": True})
"""Nothing but "la la la", and no end before the limit of tokens: some seconds of it."""
LONG = {"ALISA_LLM__EXTRA_BODY": BABBLES, "ALISA_LLM__MAX_TOKENS": "3500"}


@contextlib.asynccontextmanager
async def two_clients(hub: HubProcess) -> AsyncIterator[tuple[Chat, Chat]]:
    """One of ours, and one that knows the plain protocol only."""
    async with hub.connect() as ours, hub.connect(version=1) as plain:
        yield ours, plain


async def check_the_sentence(ours: Chat, plain: Chat) -> None:
    """Both read the reply token by token, the emotion first, and one [END]."""
    one, other = await asyncio.gather(ours.reply(30), plain.reply(30))
    assert one.text == other.text == SENTENCE
    assert one.emotions == other.emotions == ["happy"]
    assert one.errors == []
    texts = [frame for frame in other.frames if not frame.startswith("[")]
    assert len(texts) > 20, "token by token, not whole sentences (of which there are 11)"
    assert other.frames == ["[EMOTION]happy", *texts, "[END]"], "a plain client reads nothing else"
    await nothing_follows(ours, plain)


async def nothing_follows(ours: Chat, plain: Chat) -> None:
    """There was one [END], and no text after it. (Ours may still hear how things stand.)"""
    assert await plain.silence() == []
    assert not [message for message in await ours.silence() if isinstance(message, Text | End)]


async def begins(chat: Chat, text: str) -> tuple[str, str]:
    """Say something and wait for the first words of the reply; returns the turn and them."""
    await chat.say(text)
    turn = await chat.next(Turn, 30)
    first = await chat.next(Text, 30)
    return turn.turn, first.text


# --------------------------------------------------------------------------------------------- the hub's own server


async def test_a_conversation_with_a_server_of_the_hubs_own(tmp_path: Path, models: Path) -> None:
    async with hub_process(tmp_path / "data", ALISA_LLM__EXTRA_BODY=SAYS_IT) as hub:
        async with two_clients(hub) as (ours, plain):
            await ours.say("Hello, who are you?")
            await check_the_sentence(ours, plain)
            llm = await hub.llm(status="ready", provider="llamacpp")
            assert (llm["model"], llm["starter"], llm["managed"]) == ("tiny.gguf", False, True)
            await plain.send('{"message": "Again, please."}')
            await check_the_sentence(ours, plain)
        said = [
            ("user", "Hello, who are you?"),
            ("assistant", SENTENCE),
            ("user", "Again, please."),
            ("assistant", SENTENCE),
        ]
        assert await hub.history() == said
        assert {message["emotion"] for message in await hub.messages() if message["role"] == "assistant"} == {"happy"}
        servers = hub.servers()
        assert servers
        await hub.program.end()
        await all_gone(servers)

    # What she has in mind after a restart is what the next prompt holds: a scripted server shows what it was asked.
    async with (
        FakeLLM(Script(["Yes."])) as fake,
        hub_process(tmp_path / "data", port=hub.port, ALISA_LLM__URL=fake.url) as hub,
    ):
        async with hub.connect() as chat:
            await chat.say("Do you remember me?")
            assert (await chat.reply()).text == "Yes."
        asked = [(message["role"], message["content"]) for message in fake.requests[0].body["messages"]]
        assert asked[0][0] == "system"
        assert asked[1:-1] == said
        assert asked[-1][0] == "user"
        assert asked[-1][1].endswith("Do you remember me?")


async def test_the_hubs_server_is_killed_in_mid_reply_and_comes_back(tmp_path: Path, models: Path) -> None:
    async with hub_process(tmp_path / "data", **LONG) as hub, hub.connect() as chat:
        await begins(chat, "Sing!")
        elsewhere = (models / "tiny.gguf").rename(tmp_path / "elsewhere.gguf")  # it cannot come back at once
        servers = hub.servers()
        for server in servers:
            server.kill()
        failed = await chat.reply()
        assert [error.category for error in failed.errors] == ["cut"]
        assert await hub.history() == [("user", "Sing!")], "what failed is nothing that she said"

        await chat.say("Hello?")
        notice = await chat.next(Notice, 30)
        assert notice.category == "fallback"
        assert "starter" in notice.text
        instead = await chat.reply()
        assert instead.text
        assert instead.errors == []
        status = (await hub.http.get("/status")).json()
        assert status["llm"]["answering"] == "starter"
        assert [one["part"] for one in status["degraded"]] == ["llm"]

        elsewhere.rename(models / "tiny.gguf")
        await hub.llm(status="ready", answering="llamacpp")
        _, again = await begins(chat, "Sing again!")
        assert "la".startswith(again) or again.startswith("la")
        assert hub.servers()
        assert not {server.pid for server in servers} & {server.pid for server in hub.servers()}


# ------------------------------------------------------------------------------------------------ somebody's server


async def test_a_conversation_with_a_server_that_runs_already(tmp_path: Path, tiny_model: Path) -> None:
    async with (
        llama_server(tmp_path, tiny_model) as llama,
        hub_process(tmp_path / "data", ALISA_LLM__EXTRA_BODY=SAYS_IT, **llama.variables) as hub,
    ):
        async with two_clients(hub) as (ours, plain):
            await plain.send('{"message": "Hello, who are you?"}')
            await check_the_sentence(ours, plain)
        llm = await hub.llm(status="ready")
        assert (llm["provider"], llm["model"], llm["n_ctx"]) == ("llamacpp", "tiny.gguf", 4096)
        counted = [await llama.tokens("Hello, who are you?"), await llama.tokens(SENTENCE)]
        await becomes(lambda: in_mind(hub, sum(counted)), what="the count of the server's own tokenizer")
        await hub.kill()
        await hub.start()
        after = await summary(hub)
        assert (after["messages"], after["conversations"], after["buffer_tokens"]) == (2, 1, sum(counted))
        assert await llama.busy() == 0


async def in_mind(hub: HubProcess, tokens: int) -> bool:
    return (await summary(hub))["buffer_tokens"] == tokens


async def idle(llama: LlamaServer) -> bool:
    return not await llama.busy()


async def summary(hub: HubProcess) -> dict[str, Any]:
    answer: dict[str, Any] = (await hub.http.get("/history/summary")).json()
    return answer


async def test_an_interrupt_stops_the_generation_within_half_a_second(tmp_path: Path, tiny_model: Path) -> None:
    async with (
        llama_server(tmp_path, tiny_model) as llama,
        hub_process(tmp_path / "data", **LONG, **llama.variables) as hub,
        two_clients(hub) as (ours, plain),
    ):
        turn, first = await begins(ours, "Sing!")
        assert await llama.busy() == 1
        await ours.send(Interrupt(turn))
        sent = time.monotonic()
        await becomes(lambda: idle(llama), what="the end of the generation")
        took = time.monotonic() - sent
        print(f"from [INTERRUPT] to an idle llama.cpp server: {took * 1000:.0f} ms")
        assert took < 0.5
        read = first + (await ours.reply()).text
        assert read == (await plain.reply()).text
        assert len(read) < 3500, "it was stopped in the middle"
        question, reply = await hub.messages()
        assert (question["text"], question["interrupted"]) == ("Sing!", False)
        assert (reply["text"], reply["interrupted"]) == (read, True)
        await nothing_follows(ours, plain)


async def test_a_client_that_leaves_does_not_stop_her_and_one_that_asks_again_does(
    tmp_path: Path, tiny_model: Path
) -> None:
    async with (
        llama_server(tmp_path, tiny_model) as llama,
        hub_process(tmp_path / "data", **LONG, **llama.variables) as hub,
        hub.connect() as stays,
    ):
        async with hub.connect() as leaves:
            await begins(leaves, "Sing!")
        await stays.next(Text)
        assert await llama.busy() == 1
        await stays.say("Something else!")
        await stays.next(End)
        assert (await stays.next(Turn)).source == "user"
        await stays.next(Text)
        assert await llama.busy() == 1, "the first reply is no longer generated"
        messages = [(message["role"], message["text"][:4], message["interrupted"]) for message in await hub.messages()]
        assert messages[0] == ("user", "Sing", False)
        assert ("assistant", "la l", True) in messages
        assert ("user", "Some", False) in messages


async def test_a_server_killed_in_mid_reply_is_missed_and_welcomed_back(tmp_path: Path, tiny_model: Path) -> None:
    async with (
        llama_server(tmp_path, tiny_model) as llama,
        hub_process(tmp_path / "data", **LONG, **llama.variables) as hub,
        two_clients(hub) as (ours, plain),
    ):
        await begins(ours, "Sing!")
        await llama.kill()
        failed = await ours.reply()
        assert [error.category for error in failed.errors] == ["cut"]
        told = await plain.reply()
        assert failed.errors[0].text in told.text, "a plain client reads the reason as text"
        await hub.llm(status="down")
        await ours.say("Are you still there?")
        assert (await ours.next(Notice)).category == "fallback"
        instead = await ours.reply()
        assert instead.text
        assert (await plain.reply()).text == instead.text
        await back(llama, hub)
        await begins(ours, "Sing again!")
        roles = [(message["role"], message["text"]) for message in await hub.messages()]
        assert roles[:3] == [("user", "Sing!"), ("user", "Are you still there?"), ("assistant", instead.text)]


async def back(llama: LlamaServer, hub: HubProcess) -> None:
    """The server is there again, and the hub notices by itself."""
    await llama.start()
    await hub.llm(status="ready", answering="llamacpp")
