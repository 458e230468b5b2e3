"""Who is let in, and what they may send: attacks on the real hub."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from link.messages import Delivered, Error, Hello, Interrupt, Mic, Say, Status, VisionFace
from link.roles import Role
from tests.support.fake_llm import FakeLLM, Script
from tests.support.hub import HubUnderTest, running_hub


async def refused(hub: HubUnderTest, **kwargs: object) -> int:
    """Status with which a WebSocket is refused."""
    url = str(kwargs.pop("url", hub.url(v=2)))
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(url, proxy=None, **kwargs):  # type: ignore[arg-type]
            pass
    return caught.value.response.status_code


async def test_only_health_is_open(tmp_path: Path) -> None:
    async with (
        running_hub(tmp_path) as hub,
        httpx.AsyncClient(base_url=str(hub.http.base_url), trust_env=False) as anyone,
    ):
        assert (await anyone.get("/")).json() == {"status": "ok", "name": "alisa", "version": "0.1.0"}
        for path in (
            "/status",
            "/history",
            "/history/summary",
            "/settings",
            "/metrics",
            "/decisions",
            "/openapi.json",
            "/x",
        ):
            assert (await anyone.get(path)).status_code == 401
        for path in ("/chat", "/history/clear"):
            assert (await anyone.post(path, json={"message": "x"})).status_code == 401
        assert (await anyone.get("/status?token=wrong")).status_code == 401
        token = hub.bearer()["Authorization"].split()[1]
        assert (await anyone.get(f"/status?token={token}")).status_code == 200


async def test_sockets_need_a_token_and_no_foreign_page_gets_one_open(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        good = hub.bearer()
        assert await refused(hub) == 401
        assert await refused(hub, additional_headers={"Authorization": "Bearer nope"}) == 401
        assert await refused(hub, additional_headers=good, origin="https://evil.example") == 403
        assert await refused(hub, additional_headers=good, origin="null") == 403
        assert await refused(hub, additional_headers={**good, "Host": "evil.example"}) == 421
        token = good["Authorization"].split()[1]
        async with websockets.connect(hub.url(token=token), proxy=None, origin=f"http://127.0.0.1:{hub.port}"):  # type: ignore[arg-type]
            pass


async def test_pages_of_other_sites_and_rebound_names_are_refused_over_http(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        assert (await hub.http.get("/", headers={"Host": "evil.example"})).status_code == 421
        assert (await hub.http.get("/status", headers={"Origin": "https://evil.example"})).status_code == 403
        answer = await hub.http.post("/chat", json={"message": "x"}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("role", "message"),
    [
        (Role.OVERLAY, Say("hello")),
        (Role.VISION, Say("hello")),
        (Role.BOT, Say("/clear yes")),
        (Role.VISION, Interrupt()),
        (Role.OVERLAY, VisionFace("present")),
        (Role.VOICE, VisionFace("present")),
        (Role.BOT, Mic(True)),
        (Role.OVERLAY, Delivered("x")),
    ],
)
async def test_a_role_can_do_only_its_own(tmp_path: Path, role: Role, message: object) -> None:
    async with running_hub(tmp_path) as hub, hub.connect(role=role) as client:
        await client.send(message)  # type: ignore[arg-type]
        assert (await client.next(Error)).category == "forbidden"
        assert await hub.history() == []


async def test_satellites_tokens_open_no_history(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        for path in ("/history", "/settings", "/metrics", "/history/summary"):
            assert (await hub.http.get(path, headers=hub.bearer(Role.VISION))).status_code == 403
        assert (await hub.http.post("/chat", json={"message": "x"}, headers=hub.bearer(Role.BOT))).status_code == 403
        assert (await hub.http.get("/status", headers=hub.bearer(Role.VISION))).status_code == 200


async def test_what_a_spoken_message_calls_a_command_is_just_said(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect(role=Role.VOICE) as voice:
        await voice.say("/clear yes")
        await voice.reply()
        assert (await hub.history())[0] == ("user", "/clear yes")
        assert (await hub.http.get("/history")).json()["messages"][0]["source"] == "voice"


BAD_FRAMES = [
    "",
    "   ",
    "hello",
    "{}",
    "[]",
    "null",
    '{"message": 1}',
    '{"message": null}',
    '{"message": ""}',
    '{"message": "   "}',
    '{"message": "' + "x" * 10_001 + '"}',
    "[HELLO]",
    "[HELLO]nonsense",
    "[END]",
    "[STATUS]{}",
    "[NOSUCHTAG]x",
    "[VISION_FACE]asleep",
    "[INTERRUPT]{",
    '{"message": "\\ud800"}',
    "[" * 5000,
    '{"message":' + "[" * 5000,
    b"\x00\x01\x02",
    b"",
    "/mod calm".join(['{"message": "', '"}']),
]


@pytest.mark.parametrize("version", [1, 2])
async def test_bad_frames_cost_an_answer_and_the_connection_stays(tmp_path: Path, version: int) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect(version=version) as client:
        for frame in BAD_FRAMES:
            await client.send(frame)
            if version == 2:
                error = await client.next(Error)
                assert error.text
                assert "Traceback" not in error.text
                assert "/work" not in error.text
        await client.say("still there?")
        while (await client.reply()).text != "Hello there, friend.":
            pass
        assert await hub.history() == [("user", "still there?"), ("assistant", "Hello there, friend.")]


async def test_the_longest_message_is_taken_and_one_more_character_is_not(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as client:
        await client.say("ß" * 10_000)
        assert (await client.reply()).text
        await client.say("ß" * 10_001)
        assert "10,001" in (await client.next(Error)).text


async def test_ten_thousand_malformed_frames(tmp_path: Path) -> None:
    """Sent before a single answer is read: the hub neither falls over nor drops the connection."""
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as client, hub.connect() as other:
            for n in range(10_000):
                await client.socket.send(f"[INTERRUPT]{n}" if n % 2 else f"nonsense {n}")
            await client.say("still there?")
            assert (await client.reply(30)).text
            await other.reply()
            await other.say("and you?")
            assert (await other.reply()).text


async def test_a_huge_frame_ends_only_the_connection_that_sent_it(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub, hub.connect() as other:
        async with hub.connect() as attacker:
            with pytest.raises(websockets.ConnectionClosed):
                await attacker.socket.send("x" * 50_000_000)
                while True:
                    await attacker.raw()
            assert attacker.socket.close_code in (1009, 1006)
        await other.say("hello")
        assert (await other.reply()).text


async def test_a_huge_request_is_refused_unread(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        answer = await hub.http.post("/chat", json={"message": "x" * 2_000_000})
        assert answer.status_code == 413
        assert (await hub.http.get("/status")).status_code == 200


TAGGY = st.lists(
    st.sampled_from(["[", "]", "END", "[END]", "[EMO", "TION]sad", "[STATUS]", "{}", " ", "a"]), min_size=1
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(replies=st.lists(TAGGY, min_size=10, max_size=10))
async def test_a_models_output_full_of_tags_is_only_ever_text(
    tmp_path_factory: pytest.TempPathFactory, replies: list[list[str]]
) -> None:
    scripts = [Script([*tokens, "."], rate=2000) for tokens in replies]
    async with FakeLLM(*scripts) as fake, running_hub(tmp_path_factory.mktemp("hub"), llm=fake.url) as hub:
        async with hub.connect() as client, hub.connect(version=1) as plain:
            for tokens in replies:
                await client.say("go")
                heard, simple = await client.reply(), await plain.reply()
                assert heard.text == simple.text == (await hub.history())[-1][1]
                assert heard.text.count("END") == "".join(tokens).count("END")
                assert [f for f in simple.frames if f.startswith("[END]")] == ["[END]"]
                assert not any(f.startswith("[STATUS]") for f in simple.frames)


async def test_nothing_secret_is_in_logs_or_answers(tmp_path: Path) -> None:
    async with FakeLLM(Script(["the model's words"])) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as client:
            await client.say("my secret sentence")
            await client.reply()
            await client.send(Hello("chat", "1"))
            await client.next(Status)
        token = hub.bearer()["Authorization"].split()[1]
        status = json.dumps((await hub.http.get("/status")).json())
        assert token not in status
        assert str(tmp_path) not in status
    logs = "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
    assert logs
    for secret in (token, "my secret sentence", "the model's words"):
        assert secret not in logs
