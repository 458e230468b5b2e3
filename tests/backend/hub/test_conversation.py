"""Conversations with the real hub over real sockets, with a scripted model server behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backend.app.reply import LONGEST
from link.messages import Error, Interrupt, ModeChanged, Notice, Status, Text, Turn, UserSaid
from tests.support.fake_llm import FakeLLM, Script
from tests.support.hub import running_hub


async def test_a_reply_streams_to_everybody_with_its_emotion_and_is_kept(tmp_path: Path) -> None:
    script = Script(["<emo", "tion=hap", "py>", "Hel", "lo", "!"], rate=200)
    async with FakeLLM(script) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect(name="a") as a, hub.connect(name="b") as b, hub.connect(version=1) as plain:
            await a.say("hi there", id="r1")
            heard = await a.reply()
            assert (heard.text, heard.emotions) == ("Hello!", ["happy"])
            assert heard.turn == Turn(heard.turn.turn, "user", "a", "r1", 0)
            assert await b.next(UserSaid) == UserSaid(heard.turn.turn, "hi there", "user")
            assert (await b.reply()).text == "Hello!"
            assert [f for f in (await plain.reply()).frames if f.startswith("[")] == ["[EMOTION]happy", "[END]"]
        assert await hub.history() == [("user", "hi there"), ("assistant", "Hello!")]
        prompt = fake.requests[0].body["messages"]
        assert prompt[0]["role"] == "system"
        assert "Alisa" in prompt[0]["content"]
        assert prompt[-1]["content"].endswith("hi there")


async def test_the_next_prompt_holds_what_was_said_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    async with FakeLLM(Script(["One."]), Script(["Two."]), Script(["Three."])) as fake:
        async with running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
            for text in ("first", "second"):
                await chat.say(text)
                await chat.reply()
        async with running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
            await chat.say("third")
            assert (await chat.reply()).text == "Three."
        said = [message["content"].split("\n")[-1] for message in fake.requests[2].body["messages"][1:]]
        assert said == ["first", "One.", "second", "Two.", "third"]


async def test_without_a_mark_the_face_is_neutral_and_then_guessed(tmp_path: Path) -> None:
    async with FakeLLM(Script(["Wow", ", no way!"])) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat:
            await chat.say("hi")
            heard = await chat.reply()
            assert heard.emotions == ["neutral", "surprised"]
            assert heard.frames.index("[EMOTION]neutral") < heard.frames.index(
                next(f for f in heard.frames if "W" in f)
            )


async def test_a_second_message_supersedes_the_first_reply(tmp_path: Path) -> None:
    long = Script(["word "] * 500, rate=100)
    async with FakeLLM(long, Script(["Done."])) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat:
            await chat.say("tell me a story")
            begun = (await chat.next(Text)).text
            await chat.say("stop that, what is 1+1?")
            first = await chat.reply()
            second = await chat.reply()
            assert second.text == "Done."
            assert await (await fake.wait_request(0)).wait_closed(0.5)
        history = await hub.history()
        assert [role for role, _ in history] == ["user", "assistant", "user", "assistant"]
        assert history[1][1] == begun + first.text
        page = (await hub.http.get("/history")).json()["messages"]
        assert [m["interrupted"] for m in page] == [False, False, True, False]


async def test_stop_keeps_what_was_delivered_and_reaches_the_server(tmp_path: Path) -> None:
    async with FakeLLM(Script(["la "] * 1000, rate=100)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat:
            await chat.say("sing")
            await chat.next(Text)
            await chat.send(Interrupt())
            await chat.reply()
            assert await (await fake.wait_request(0)).wait_closed(0.5)
            await chat.say("/stop")
            assert (await chat.next(Notice)).text == "There is nothing to stop."
        assert (await hub.history())[-1][1].startswith("la la")


async def test_an_interrupt_says_what_was_heard_even_after_the_end(tmp_path: Path) -> None:
    async with FakeLLM(Script(["All of it."])) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat:
            await chat.say("hi")
            turn = (await chat.reply()).turn
            assert turn
            await chat.send(Interrupt(turn.turn, heard="All"))
            await chat.send(Interrupt("unknown", heard="x"))
            await chat.say("/history")
            assert "All (interrupted)" in (await chat.next(Notice)).text
        assert await hub.history() == [("user", "hi"), ("assistant", "All")]


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(status=500), "server"),
        (Script(["Half "], cut_after=1), "cut"),
        (Script(["Half "], error_after=1), "server"),
        (Script(["Half "], stall_after=1), "stalled"),
        (Script(["Half "], finish=None), "cut"),
        (Script([]), "server"),
    ],
)
async def test_a_failed_reply_ends_once_and_is_never_stored(tmp_path: Path, script: Script, kind: str) -> None:
    async with FakeLLM(script, Script(["Fine."])) as fake:
        async with running_hub(tmp_path, llm=fake.url, more={"llm": {"stall_timeout": 0.3}}) as hub:
            async with hub.connect() as chat, hub.connect(version=1) as plain:
                await chat.say("hello")
                heard = await chat.reply()
                assert [error.category for error in heard.errors] == [kind]
                assert heard.turn and heard.errors[0].turn == heard.turn.turn
                ours = await plain.reply()
                assert ours.frames.count("[END]") == 1
                assert heard.errors[0].text in ours.text
                assert await hub.history() == [("user", "hello")]
                await chat.say("again")
                assert (await chat.reply()).text == "Fine."
            assert [text for _, text in await hub.history()] == ["hello", "again", "Fine."]


async def test_split_characters_and_tags_in_the_models_text_arrive_exactly(tmp_path: Path) -> None:
    words = ["[END]", " [EMOTION]", "x", " Grüße ", "日本語 ", "🎉 ", "[STATUS]{}", '{"message": "hi"}', "[", "END]"]
    async with FakeLLM(Script(words, rate=300, bytes_per_write=3)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat, hub.connect(version=1) as plain:
            await chat.say("hello")
            heard = await chat.reply()
            assert (
                heard.text
                == (await plain.reply()).text
                == "[END] x Grüße 日本語 🎉 [STATUS]{}" + '{"message": "hi"}[END]'
            )
        assert (await hub.history())[-1][1] == heard.text


async def test_reasoning_reaches_neither_clients_nor_history(tmp_path: Path) -> None:
    scripts = (Script(["Yes."], reasoning=["secret ", "plan"]), Script(["<thi", "nk>secret</think>", "Yes."]))
    async with FakeLLM(*scripts) as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
        for _ in scripts:
            await chat.say("well?")
            assert (await chat.reply()).text == "Yes."
        assert "secret" not in str(await hub.history())


async def test_a_prompt_that_does_not_fit_is_tried_once_more_with_less_history(tmp_path: Path) -> None:
    overflow = Script(
        status=400, body={"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 5}}
    )
    replies = [Script([f"Reply {n}."]) for n in range(4)]
    async with FakeLLM(*replies, overflow, Script(["Short."])) as fake:
        async with (
            running_hub(tmp_path, llm=fake.url, more={"conversation": {"tokens": 100}}) as hub,
            hub.connect() as chat,
        ):
            for n in range(4):
                await chat.say(f"message {n}")
                await chat.reply()
            await chat.say("the last")
            assert (await chat.reply()).text == "Short."
        sizes = [len(request.body["messages"]) for request in fake.requests]
        assert sizes[5] < sizes[4]


async def test_a_short_context_is_not_overrun(tmp_path: Path) -> None:
    """The server's own context length counts, so that a full memory does not cost a refused request each turn."""
    more = {"llm": {"provider": "llamacpp", "max_tokens": 100}, "conversation": {"tokens": 3000}}
    async with FakeLLM(default=Script(["word "] * 100), llamacpp=True, n_ctx=1024) as fake:
        async with running_hub(tmp_path, llm=fake.url, more=more) as hub, hub.connect() as chat:
            for n in range(8):
                await chat.say(f"message {n} " + "and so on " * 20)
                await chat.reply()
        lengths = [sum(len(m["content"].split()) for m in request.body["messages"]) for request in fake.requests]
        assert lengths[1] > lengths[0]
        assert max(lengths) < 1024 - 100


async def test_modes_are_changed_confirmed_and_remembered(tmp_path: Path) -> None:
    async with FakeLLM(Script(["Ok."])) as fake:
        async with running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat, hub.connect(version=1) as plain:
            await chat.say("/mode calm")
            assert await chat.next(ModeChanged) == ModeChanged("calm")
            assert await plain.raw() == "[MODE CHANGED]calm"
            await plain.say("/mode furious")
            assert "default, teasing, calm, serious" in (await plain.reply()).text
            await chat.say("/mode")
            assert "The mode is calm" in (await chat.next(Notice)).text
        async with running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
            status = await chat.next(Status)
            assert (status.mode, status.modes) == ("calm", ("default", "teasing", "calm", "serious"))
            await chat.say("hi")
            await chat.reply()
        assert "calm" in fake.requests[-1].body["messages"][0]["content"]


async def test_conversations_are_kept_apart(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
        await chat.say("about cats")
        await chat.reply()
        await chat.say("/new Dogs")
        assert "conversation 2" in (await chat.next(Notice)).text
        await chat.say("about dogs")
        await chat.reply()
        assert "cats" not in str(fake.requests[-1].body)
        await chat.say("/conversations")
        listed = (await chat.next(Notice)).text
        assert "* 2  Dogs" in listed
        assert "about cats" in listed
        await chat.say("/switch 1")
        await chat.next(Notice)
        await chat.say("and now?")
        await chat.reply()
        assert "cats" in str(fake.requests[-1].body)
        assert "dogs" not in str(fake.requests[-1].body)
        await chat.say("/switch 99")
        assert (await chat.next(Error)).category == "conversation"


async def test_retry_replaces_the_reply_only_when_the_new_one_is_there(tmp_path: Path) -> None:
    async with FakeLLM(Script(["Bad."]), Script(status=500), Script(["Good."])) as fake:
        async with running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
            await chat.say("/retry")
            assert (await chat.next(Error)).category == "retry"
            await chat.say("hi")
            await chat.reply()
            await chat.say("/retry")
            assert (await chat.reply()).errors
            assert await hub.history() == [("user", "hi"), ("assistant", "Bad.")]
            await chat.say("/retry")
            assert (await chat.reply()).text == "Good."
            assert await hub.history() == [("user", "hi"), ("assistant", "Good.")]
            assert "Bad." not in str(fake.requests[-1].body)


async def test_clear_asks_first(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
        await chat.say("hi")
        await chat.reply()
        await chat.say("/clear")
        assert "2 messages" in (await chat.next(Notice)).text
        assert len(await hub.history()) == 2
        await chat.say("/clear yes")
        await chat.next(Notice)
        assert await hub.history() == []


async def test_a_broken_connection_resumes_where_it_broke(tmp_path: Path) -> None:
    async with (
        FakeLLM(Script([f"{n} " for n in range(60)], rate=100)) as fake,
        running_hub(tmp_path, llm=fake.url) as hub,
    ):
        async with hub.connect() as chat:
            await chat.say("count")
            turn = (await chat.next(Turn)).turn
            got = (await chat.next(Text)).text
        async with hub.connect(turn=turn, received=len(got)) as chat:
            await chat.next(Status)
            rest = await chat.reply()
            assert rest.turn and rest.turn.turn == turn and rest.turn.resumed == len(got)
            assert got + rest.text == "".join(f"{n} " for n in range(60))
        async with hub.connect(turn=turn, received=3) as chat:  # long since finished: the rest and the end at once
            assert (await chat.reply()).text == (got + rest.text)[3:]
        for query in ({}, {"turn": "unknown", "received": 3}):  # nothing is owed to others
            async with hub.connect(**query) as chat:
                assert {type(message) for message in await chat.silence()} == {Status}


async def test_who_connects_in_mid_reply_reads_it_from_its_beginning(tmp_path: Path) -> None:
    async with (
        FakeLLM(Script([f"{n} " for n in range(40)], rate=100)) as fake,
        running_hub(tmp_path, llm=fake.url) as hub,
        hub.connect() as chat,
    ):
        await chat.say("count")
        await chat.next(Text)
        async with hub.connect() as late, hub.connect(version=1) as plain:
            whole = "".join(f"{n} " for n in range(40))
            assert (await late.reply()).text == whole
            assert (await plain.reply()).text == whole


async def test_plain_clients_hear_a_refusal_after_the_running_reply(tmp_path: Path) -> None:
    async with FakeLLM(Script(["a "] * 20, rate=100)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect(version=1) as plain:
            await plain.say("go")
            await plain.raw()
            await plain.say("")
            reply, refusal = await plain.reply(), await plain.reply()
            assert reply.text.strip().endswith("a a a")
            assert refusal.text == "The message is empty."


async def test_many_messages_at_once_each_get_one_end(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as chat:
        for n in range(20):
            await chat.say(f"message {n}")
        turns = [(await chat.reply()).turn for _ in range(20)]
        assert len({turn.turn for turn in turns if turn}) == 20
        assert [text for role, text in await hub.history() if role == "user"] == [f"message {n}" for n in range(20)]


async def test_two_clients_at_once(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as a, hub.connect() as b:
            await asyncio.gather(a.say("from a"), b.say("from b"))
            replies = await asyncio.gather(a.reply(), b.reply(), return_exceptions=True)
            assert len(replies) == 2
            await a.reply()
            await b.reply()
        assert {text for role, text in await hub.history() if role == "user"} == {"from a", "from b"}


async def test_the_starter_remembers_truthfully_over_conversations_and_restarts(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, hub.connect() as chat:
        await chat.say("Hi, my name is Robin.")
        heard = await chat.reply()
        assert "Robin" in heard.text
        assert "told me before" not in heard.text  # it was said just now
        assert heard.emotions
    async with running_hub(tmp_path) as hub, hub.connect() as chat:
        await chat.say("/new")
        await chat.next(Notice)
        await chat.say("What is my name?")
        assert "Robin" in (await chat.reply()).text


async def test_a_server_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    async with FakeLLM(Script(["x" * 10_000] * 200)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat:
            await chat.say("go")
            heard = await chat.reply()
            assert "without end" in heard.errors[0].text
            assert len(heard.text) <= LONGEST
            assert await hub.history() == [("user", "go")]
