"""The chat on a pseudo-terminal, with the screen a person would see."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from link.messages import Emotion, End, Interrupt, Notice, Say, Status, Text, Turn
from link.testing.fake_hub import FakeHub, Peer
from link.testing.waiting import eventually

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals in Python", allow_module_level=True)

from tests.support.terminal import Terminal

ENTER, CTRL_C, CTRL_D, UP, TAB = "\r", "\x03", "\x04", "\x1b[A", "\t"
ESCAPE = re.compile(rb"\x1b")
COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-9]|38|9[0-7])[0-9;]*m")


@asynccontextmanager
async def chatting(
    hub: FakeHub, *arguments: str, columns: int = 60, **env: str
) -> AsyncIterator[tuple[Terminal, Peer]]:
    command = [sys.executable, "-m", "voice.text_chat", *arguments]
    inherited = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLORTERM")}
    surroundings = inherited | hub.environment() | {"TERM": "xterm-256color"} | env
    async with Terminal(command, surroundings, columns=columns) as terminal:
        peer = await hub.next_peer(15)
        await terminal.shows("You:")
        yield terminal, peer


async def asked(peer: Peer) -> Say:
    message = await peer.expect(Say)
    assert isinstance(message, Say)
    return message


async def answered(peer: Peer, text: str) -> None:
    question = await asked(peer)
    await peer.send(Turn(f"t{question.id}", request=question.id), Emotion("happy"), Text(text), End())


def prompt(terminal: Terminal) -> str:
    """The line on which one types."""
    return [line for line in terminal.text.splitlines() if line.startswith("You:")][-1]


async def test_a_conversation() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, peer):
        await terminal.shows("connected · mode default")
        terminal.type("hello" + ENTER)
        await answered(peer, "Good day.")
        await terminal.shows("You: hello\nAlisa (happy): Good day.\nYou:")
        assert COLOUR.search(terminal.raw)
        terminal.type("/quit" + ENTER)
        assert await terminal.ends() == 0
        assert terminal.text.endswith("Alisa (happy): Good day.\nBye.")


async def test_tokens_appear_as_they_come_and_half_typed_text_stays() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, peer):
        terminal.type("hello" + ENTER)
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("The first words"))
        await terminal.shows("Alisa: The first words")
        terminal.type("half ty")
        await terminal.shows("You: half ty")
        for number in range(60):
            await peer.send(Text(f" and word {number}"))
            if number % 20 == 10:
                await terminal.shows(f"word {number}")
                assert prompt(terminal).startswith("You: half ty")
                terminal.type("p")
        await peer.send(End())
        screen = await terminal.shows("word 59")
        await eventually(lambda: prompt(terminal) == "You: half typpp")
        said = " ".join(screen.split("Alisa: ")[1].split("\nYou:")[0].split())
        assert said == "The first words" + "".join(f" and word {number}" for number in range(60))
        assert max(map(len, screen.splitlines())) < 60


async def test_no_byte_of_a_reply_commands_the_terminal() -> None:
    attack = "\x1b]0;title\x07\x1b[2J\x1b[Hgone\x9b31m\rover"
    async with FakeHub() as hub, chatting(hub) as (terminal, peer):
        terminal.type("hello" + ENTER)
        await answered(peer, attack)
        await terminal.shows("␛]0;title␇␛[2J␛[Hgone")
        assert b"\x1b]0;" not in terminal.raw
        assert b"\x1b[2J" not in terminal.raw


async def test_ctrl_c_stops_a_reply_and_then_leaves() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, peer):
        terminal.type("hello" + ENTER)
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("Once upon a"))
        await terminal.shows("Once upon a")
        terminal.type(CTRL_C)
        assert await peer.next() == Interrupt("t")
        await peer.send(End())
        await terminal.shows("Once upon a —")
        await terminal.shows("Ctrl-C again ends the chat")
        terminal.type(CTRL_C)
        assert await terminal.ends() == 0


async def test_ctrl_c_clears_a_line_and_ctrl_d_leaves_an_empty_one() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, _):
        terminal.type("nonsense")
        await terminal.shows("You: nonsense")
        terminal.type(CTRL_C)
        await eventually(lambda: prompt(terminal) == "You:")
        terminal.type(CTRL_D)
        assert await terminal.ends() == 0


async def test_the_hub_goes_and_comes_and_what_was_said_meanwhile_is_sent() -> None:
    async with FakeHub() as hub, chatting(hub, columns=80) as (terminal, peer):
        await terminal.shows("connected · mode")
        await hub.vanish()
        await terminal.shows("· The hub is away; trying again…")
        terminal.type("are you there?" + ENTER)
        await terminal.shows("· Kept until the hub is back.")
        await terminal.shows("You: are you there? (waits)")
        terminal.type("and now?" + ENTER + "/mode calm" + ENTER)
        await terminal.shows("type this command again when it is back")
        hub.boot = "boot-2"
        await hub.start()
        peer = await hub.next_peer(10)
        assert (await asked(peer)).text == "are you there?"
        await terminal.shows("· Connected again.\nYou: are you there?\n")
        await peer.send(Turn("t"), Text("Yes."), End())
        assert (await asked(peer)).text == "and now?"
        await terminal.shows("· Connected again.\nYou: are you there?\nAlisa: Yes.\nYou: and now?\n")
        assert terminal.text.count("The hub is away; trying again") == 1
        await hub.vanish()
        await eventually(lambda: terminal.text.count("The hub is away; trying again") == 2)
        terminal.type("never mind" + ENTER)
        await terminal.shows("never mind (waits)")
        terminal.type(CTRL_D)
        assert await terminal.ends() == 0
        assert "· Not sent: never mind\nBye." in terminal.text


async def test_a_reply_lost_with_the_hub_is_told() -> None:
    async with FakeHub() as hub, chatting(hub, columns=100) as (terminal, peer):
        terminal.type("hello" + ENTER)
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Text("Well, the"))
        await terminal.shows("Well, the")
        hub.boot = "boot-2"
        peer.cut()
        await terminal.shows("lost and with it the rest of this reply. Type /retry to ask again.")


async def test_several_lines_can_be_pasted_and_are_one_message() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, peer):
        terminal.type("\x1b[200~one\ntwo\n  three\x1b[201~")
        await terminal.shows("You: one\n     two\n       three")
        terminal.type(ENTER)
        assert (await asked(peer)).text == "one\ntwo\n  three"


async def test_commands_are_completed_and_answered() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, peer):
        terminal.type("/con")
        await terminal.shows("list the conversations")
        terminal.type(TAB + ENTER)
        assert (await asked(peer)).text == "/conversations"
        await peer.send(Notice("command", "1  (no title)\n2  birthday"))
        await terminal.shows("You: /conversations\n1  (no title)\n2  birthday\nYou:")
        terminal.type("/help" + ENTER)
        await terminal.shows("Ctrl-C stops a reply")


async def test_what_was_typed_is_remembered_in_a_file_for_its_owner_alone() -> None:
    async with FakeHub() as hub:
        async with chatting(hub) as (terminal, peer):
            terminal.type("remember me" + ENTER)
            await asked(peer)
            terminal.type(CTRL_D)
            await terminal.ends()
        history = hub.data_dir / "chat_history"
        assert history.stat().st_mode & 0o777 == 0o600
        async with chatting(hub) as (terminal, peer):
            terminal.type(UP)
            await terminal.shows("You: remember me")


async def test_the_launchers_news_are_shown_from_now_on() -> None:
    async with FakeHub() as hub:
        log = hub.data_dir / "run" / "events.log"
        log.parent.mkdir()
        log.write_text(json.dumps({"time": 1, "part": "voice", "text": "old news"}) + "\n")
        async with chatting(hub) as (terminal, _):
            event = {"time": 2, "part": "voice", "text": "voice crashed (exit 1); starting it again in 2 s"}
            with log.open("a") as file:
                file.write(f"no event\n{json.dumps(event)}\n")
            await terminal.shows("· voice crashed (exit 1); starting it again in 2 s")
            assert "old news" not in terminal.text


async def test_sigterm_ends_it_and_leaves_a_clean_terminal() -> None:
    async with FakeHub() as hub, chatting(hub) as (terminal, _):
        terminal.process.terminate()
        assert await terminal.ends(within=2) == 0
        assert terminal.text.endswith("Bye.")


async def test_a_wrong_token_ends_it_with_the_reason() -> None:
    async with FakeHub() as hub:
        hub.refusals.extend([403] * 5)
        command = [sys.executable, "-m", "voice.text_chat"]
        env = {**os.environ, **hub.environment(), "TERM": "xterm-256color"}
        async with Terminal(command, env, columns=120) as terminal:
            assert await terminal.ends() == 1
            assert "Check that the hub and this part use the same data folder" in terminal.text


async def test_no_colour_where_none_is_wanted() -> None:
    async with FakeHub() as hub, chatting(hub, NO_COLOR="1") as (terminal, peer):
        terminal.type("hello" + ENTER)
        await answered(peer, "Good day.")
        await terminal.shows("Alisa (happy): Good day.")
        assert not COLOUR.search(terminal.raw)


@pytest.mark.parametrize(("term", "arguments"), [("dumb", ()), ("xterm-256color", ("--plain",))])
async def test_a_dumb_terminal_gets_no_escape_codes(term: str, arguments: tuple[str, ...]) -> None:
    async with FakeHub() as hub, chatting(hub, *arguments, TERM=term) as (terminal, peer):
        terminal.type("hello\n")
        question = await asked(peer)
        await peer.send(Turn("t", request=question.id), Emotion("happy"), Text("Good\x1b[1m "))
        await terminal.shows("Alisa (happy): Good␛[1m")
        await peer.send(Notice("news", "Something happened."), Text("day."), End())
        await terminal.shows("You: hello\nAlisa (happy): Good␛[1m\n· Something happened.\n day.\nYou:")
        terminal.type("/help\n")
        await terminal.shows("/retry")
        terminal.type("/quit\n")
        assert await terminal.ends() == 0
        assert not ESCAPE.search(terminal.raw)


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
async def test_a_dumb_terminal_can_be_left_by_key(key: str) -> None:
    async with FakeHub() as hub, chatting(hub, TERM="dumb") as (terminal, _):
        terminal.type(key)
        assert await terminal.ends(within=2) == 0


async def test_quiet_and_who_answers_stand_below_the_prompt() -> None:
    async with FakeHub() as hub:
        llm = {"provider": "starter", "starter": True, "remedy": "Get a model: python -m backend models pull"}
        hub.greeting = lambda _: [Status(boot="b", llm=llm, quiet={"scope": "voice", "until": 0}, mode="calm")]
        async with chatting(hub, columns=120) as (terminal, _):
            await terminal.shows("connected · mode calm · starter (no language model) · voice off")
            assert terminal.text.count("python -m backend models pull") == 1
