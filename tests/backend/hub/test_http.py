"""The hub over HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from link.messages import Interrupt, Text, Turn
from tests.support.fake_llm import FakeLLM, Script
from tests.support.hub import running_hub


async def test_chat_answers_with_the_whole_reply_which_sockets_see_too(tmp_path: Path) -> None:
    async with (
        FakeLLM(Script(["<emotion=teasing>", "Well, ", "hi."])) as fake,
        running_hub(tmp_path, llm=fake.url) as hub,
        hub.connect() as chat,
    ):
        answer = await hub.http.post("/chat", json={"message": "hello"})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["reply"], body["emotion"], body["interrupted"]) == ("Well, hi.", "teasing", False)
        heard = await chat.reply()
        assert heard.text == "Well, hi."
        assert heard.turn and heard.turn.turn == body["turn"]


async def test_chat_streams_events_when_asked(tmp_path: Path) -> None:
    async with FakeLLM(Script(["A", "B"], rate=100)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        answer = await hub.http.post("/chat", json={"message": "hello", "stream": True})
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
        names = [lines[0].removeprefix("event: ") for lines in events]
        texts = [json.loads(lines[1].removeprefix("data: ")).get("text", "") for lines in events]
        assert names[0] == "turn"
        assert names[-1] == "end"
        assert "".join(texts) == "AB"
        again = await hub.http.post("/chat", json={"message": "hello"}, headers={"Accept": "text/event-stream"})
        assert again.text.startswith("event: turn")


async def test_chat_refuses_what_makes_no_sense_with_a_sentence(tmp_path: Path) -> None:
    async with FakeLLM(Script(status=500)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        for body, status in (
            ({"message": " "}, 422),
            ({"message": "x" * 10_001}, 413),
            ({"text": "x"}, 422),
            ([], 422),
        ):
            answer = await hub.http.post("/chat", json=body)
            assert answer.status_code == status
            assert answer.json()["error"]["text"]
        failed = await hub.http.post("/chat", json={"message": "hello"})
        assert failed.status_code == 502
        assert failed.json()["error"]["category"] == "server"
        assert await hub.history() == [("user", "hello")]


async def test_slash_commands_work_over_http_too(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        assert "The modes are" in (await hub.http.post("/chat", json={"message": "/mode"})).json()["reply"]
        assert (await hub.http.post("/chat", json={"message": "/mode calm"})).json() == {"reply": "", "command": True}
        assert (await hub.http.post("/chat", json={"message": "/nonsense"})).status_code == 400


async def test_a_caller_who_is_superseded_gets_what_there_was(tmp_path: Path) -> None:
    async with FakeLLM(Script(["la "] * 1000, rate=100)) as fake, running_hub(tmp_path, llm=fake.url) as hub:
        async with hub.connect() as chat:
            waiting = asyncio.create_task(hub.http.post("/chat", json={"message": "sing"}))
            turn = (await chat.next(Turn)).turn
            await chat.next(Text)
            await chat.send(Interrupt(turn))
            body = (await waiting).json()
            assert body["interrupted"]
            assert body["reply"].startswith("la ")


async def test_history_in_pages_summary_and_search(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub:
        empty = (await hub.http.get("/history/summary")).json()
        assert empty == {"messages": 0, "conversations": 1, "first": None, "last": None, "buffer_tokens": 0}
        for n in range(3):
            await hub.http.post("/chat", json={"message": f"question {n} about Grüße"})
        summary = (await hub.http.get("/history/summary")).json()
        assert summary["messages"] == 6
        assert summary["buffer_tokens"] > 0
        assert summary["first"] < summary["last"]
        page = (await hub.http.get("/history", params={"limit": 4})).json()
        assert len(page["messages"]) == 4
        rest = (await hub.http.get("/history", params={"limit": 4, "before": page["before"]})).json()
        assert [m["text"] for m in rest["messages"]][-1] == "question 0 about Grüße"
        assert rest["before"] is None
        found = (await hub.http.get("/history", params={"search": "grusse 1"})).json()["messages"]
        assert [m["text"] for m in found] == ["question 1 about Grüße"] or not found
        assert (await hub.http.get("/history", params={"limit": 0})).status_code == 422
        assert (await hub.http.post("/history/clear")).json() == {"deleted": 6}
        assert (await hub.http.get("/history/summary")).json()["messages"] == 0


async def test_status_says_who_answers_and_what_is_degraded(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, hub.connect(name="chat"):
        (tmp_path / "persona.yaml").write_text("name: [")
        (tmp_path / "run").mkdir()
        crashed = {"state": "restarting", "reason": "It ended with exit code 1."}
        (tmp_path / "run" / "parts.json").write_text(json.dumps({"version": 1, "parts": {"overlay": crashed}}))
        status = (await hub.http.get("/status")).json()
        assert status["llm"]["starter"] is True
        assert status["parts"][0]["name"] == "chat"
        assert status["storage"]["synchronous"].lower() in ("2", "full")
        assert {entry["part"] for entry in status["degraded"]} == {"llm", "persona", "overlay"}
        assert all(entry["why"] for entry in status["degraded"])


async def test_settings_are_read_changed_and_checked(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub:
        read = (await hub.http.get("/settings")).json()
        assert read["values"]["llm"]["temperature"] == 0.7
        assert read["schema"]["properties"]["llm"]
        changed = await hub.http.patch("/settings", json={"llm": {"temperature": 0.2}, "hub": {"port": 8123}})
        assert changed.json() == {"changed": ["hub.port", "llm.temperature"], "restart_needed": ["hub.port"]}
        wrong = await hub.http.patch("/settings", json={"llm": {"temprature": 0.2}})
        assert wrong.status_code == 422
        assert "did you mean" in wrong.json()["error"]["text"]
        await hub.http.post("/chat", json={"message": "hi"})
        assert fake.requests[-1].body["temperature"] == 0.2
        status = (await hub.http.get("/status")).json()
        assert any("hub.port" in entry["why"] for entry in status["degraded"])


async def test_metrics_and_decisions(tmp_path: Path) -> None:
    async with FakeLLM() as fake, running_hub(tmp_path, llm=fake.url) as hub:
        await hub.http.post("/chat", json={"message": "hi"})
        text = (await hub.http.get("/metrics")).text
        assert 'alisa_turns_total{outcome="finished",source="user"} 1.0' in text
        assert "alisa_first_text_seconds_bucket" in text
        decisions = (await hub.http.get("/decisions")).json()["decisions"]
        assert decisions[-1]["what"] == "speak"
        assert decisions[-1]["rule"] == "the floor is free"
        assert "hi" not in json.dumps(decisions).split()


async def test_the_servers_models_are_listed(tmp_path: Path) -> None:
    async with FakeLLM(models=["big", "small"]) as fake:
        llm = {"llm": {"provider": "openai", "model": "small"}}
        async with running_hub(tmp_path, llm=fake.url, more=llm) as hub:
            assert (await hub.http.get("/models")).json() == {"models": ["big", "small"], "in_use": "small"}
            await fake.stop()
            assert (await hub.http.get("/models")).json()["models"] == ["big", "small"]  # for a while from memory
