"""What everybody can see: who is there, who speaks, quiet, and what else clients tell each other."""

from __future__ import annotations

import time
from pathlib import Path

from link.messages import (
    Delivered,
    Error,
    Hello,
    Mic,
    Mode,
    ModeChanged,
    Quiet,
    SpeechEnd,
    SpeechStart,
    Status,
    Turn,
    Viewer,
)
from link.roles import Role
from tests.support.fake_llm import FakeLLM, Script
from tests.support.hub import Chat, running_hub


async def status_where(chat: Chat, **wanted: object) -> Status:
    """The first status in which these fields are so."""
    while True:
        status: Status = await chat.next(Status)
        if all(getattr(status, name) == value for name, value in wanted.items()):
            return status


async def test_the_mouth_is_leased_to_one_and_passes_on(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, hub.connect(name="chat") as chat:
        async with hub.connect(name="first", role=Role.VOICE) as first:
            await first.send(Hello("first", "1", ("mouth", "ears")))
            await status_where(chat, mouth="first", ears="first")
            async with hub.connect(name="second", role=Role.VOICE) as second:
                await second.send(Hello("second", "1", ("mouth",)))
                assert (await status_where(chat, parts=("chat", "first", "second"))).mouth == "first"
                await first.socket.close()
                await status_where(chat, mouth="second", ears="")
        await status_where(chat, mouth="", parts=("chat",))


async def test_a_turn_keeps_the_floor_until_it_was_delivered(tmp_path: Path) -> None:
    async with FakeLLM(Script(["Hi."])) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat, hub.connect(name="voice", role=Role.VOICE) as voice:
            await voice.send(Hello("voice", "1", ("mouth",)))
            await status_where(chat, mouth="voice")
            await chat.say("hello")
            turn = (await chat.next(Turn)).turn
            await chat.reply()
            assert (await status_where(chat, turn=turn)).turn == turn
            await voice.send(Delivered(turn))
            await status_where(chat, turn="")


async def test_speech_reaches_plain_clients_bare_and_ours_in_full(tmp_path: Path) -> None:
    start = SpeechStart("t1", "u1", 12.5, 60, (0.0, 0.5))
    async with running_hub(tmp_path) as hub, hub.connect() as chat, hub.connect(version=1) as plain:
        async with hub.connect(role=Role.VOICE) as voice:
            await voice.send(start)
            await voice.send(SpeechEnd("t1", "u1"))
            await voice.send(Mic(True, 0.25))
            assert await chat.next(SpeechStart) == start
            assert await chat.next(Mic) == Mic(True, 0.25)
            assert [await plain.raw(), await plain.raw()] == ["[SPEECH_START]", "[SPEECH_END]"]


async def test_quiet_is_told_to_all_kept_and_ends_in_time(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, hub.connect() as chat, hub.connect(role=Role.OVERLAY) as overlay:
        await overlay.send(Quiet("all"))
        assert await chat.next(Quiet) == Quiet("all")
        await status_where(chat, quiet={"scope": "all", "until": 0.0})
    async with running_hub(tmp_path) as hub, hub.connect() as chat:
        assert (await chat.next(Status)).quiet == {"scope": "all", "until": 0.0}
        await chat.send(Quiet("voice", time.time() + 0.3))
        await status_where(chat, quiet={})
        assert (await hub.http.get("/status")).json()["quiet"] == {}


async def test_the_overlay_may_change_the_mode_and_hears_what_there_is(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, hub.connect(role=Role.OVERLAY) as overlay:
        await overlay.send(Mode("serious"))
        assert await overlay.next(ModeChanged) == ModeChanged("serious")
        await overlay.send(Mode("furious"))
        assert "default, teasing, calm, serious" in (await overlay.next(Error)).text


async def test_what_is_not_built_yet_is_said(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, hub.connect(role=Role.BOT) as bot:
        await bot.send(Viewer({"kind": "comment"}))
        assert (await bot.next(Error)).category == "unavailable"
