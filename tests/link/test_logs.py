"""Logs as files: lines of JSON, ids of turns, rotation, and a folder that cannot be written."""

import asyncio
import io
import json
import logging
import logging.handlers
import os
import stat
from pathlib import Path

import pytest

from link import logs


@pytest.fixture
def handle(tmp_path):
    handle = logs.setup("hub", tmp_path, "debug")
    yield handle
    handle.close()


def lines(handle: logs.LogHandle) -> list[dict]:
    return [json.loads(line) for line in handle.file.read_text(encoding="utf-8").splitlines()]


def test_a_record_is_one_json_object(handle):
    with logs.bound(turn="t1", request="r1"):
        logging.getLogger("backend.app.llm").info("reply finished", extra={"tokens": 12, "text": "I love you"})
    (line,) = lines(handle)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "part": "hub",
        "logger": "backend.app.llm",
        "event": "reply finished",
        "turn": "t1",
        "request": "r1",
        "fields": {"tokens": 12, "text": "<10 characters>"},
    }


async def test_ids_follow_tasks_and_do_not_mix(handle):
    logger = logging.getLogger("link.x")

    async def turn(name: str) -> None:
        with logs.bound(turn=name):
            await asyncio.sleep(0)
            await asyncio.create_task(step())

    async def step() -> None:
        logger.info("step")

    await asyncio.gather(turn("a"), turn("b"))
    logger.info("outside")
    assert sorted(line.get("turn", "") for line in lines(handle)) == ["", "a", "b"]


def test_a_crash_is_logged_without_quoting(handle):
    try:
        json.loads("I love you")
    except ValueError:
        logging.getLogger("link").exception("parsing failed")
    (line,) = lines(handle)
    assert line["error"] == "JSONDecodeError"
    assert any("test_logs.py" in frame for frame in line["traceback"])
    assert "love" not in handle.file.read_text()


def test_libraries_stay_above_debug_and_frames_never_show(handle):
    logging.getLogger("websockets.server").debug("> TEXT 'I love you'")
    logging.getLogger("sqlalchemy.engine").debug("INSERT I love you")
    logging.getLogger("httpx").info("HTTP Request: GET ...")
    logging.getLogger("uvicorn.error").info('"WebSocket /ws/chat?token=abc" [accepted]')
    logging.getLogger("link.anything").debug("ours")
    assert [line["event"] for line in lines(handle)] == ['"WebSocket /ws/chat?token=***" [accepted]', "ours"]


def test_odd_characters_stay_on_one_line(handle):
    logging.getLogger("link").info("line\nbreak \ud800 é \u2028")
    assert lines(handle)[0]["event"].startswith("line\nbreak")
    assert len(handle.file.read_bytes().splitlines()) == 1


def test_the_level_can_change_and_close_restores_everything(tmp_path):
    before = (logging.getLogger().level, logging.getLogger("link").level, list(logging.getLogger().handlers))
    handle = logs.setup("x", tmp_path, "warning")
    logging.getLogger("link").info("unheard")
    handle.set_level("info")
    logging.getLogger("link").info("heard")
    handle.close()
    handle.close()
    logging.getLogger("link").error("after")
    assert [line["event"] for line in lines(handle)] == ["heard"]
    assert (logging.getLogger().level, logging.getLogger("link").level, logging.getLogger().handlers) == before


def test_files_rotate_and_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MAX_BYTES", 2_000)
    handle = logs.setup("hub", tmp_path, "info")
    for number in range(200):
        logging.getLogger("link").info("something happened", extra={"number": number})
    handle.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 1 + logs.BACKUPS
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert lines(handle)[-1]["fields"]["number"] == 199


def test_a_file_that_cannot_be_rotated_is_written_on(tmp_path, monkeypatch):
    def refuse(*paths: object) -> None:
        raise PermissionError(13, "in use by another process")

    monkeypatch.setattr(logs, "MAX_BYTES", 1_000)
    handle = logs.setup("hub", tmp_path, "info")
    monkeypatch.setattr(logging.handlers.os, "rename", refuse)
    for number in range(50):
        logging.getLogger("link").info("something happened", extra={"number": number})
    handle.close()
    assert [line["fields"]["number"] for line in lines(handle)] == list(range(50))


def test_the_console_gets_short_lines(tmp_path, capsys):
    handle = logs.setup("hub", tmp_path, "info", console=True)
    logging.getLogger("backend").warning("model is gone", extra={"retry_s": 2, "token": "abc"})
    handle.close()
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.split(" ", 1)[1] == "warning hub: model is gone retry_s=2 token=***\n"


def test_a_folder_that_cannot_be_made_is_said_once_and_costs_only_the_file(tmp_path, capsys):
    (tmp_path / "logs").write_text("a file where the folder should be")
    handle = logs.setup("hub", tmp_path, "info", console=True)
    for _ in range(3):
        logging.getLogger("link").info("still here")
    handle.close()
    err = capsys.readouterr().err
    assert err.count("The log file cannot be written") == 1
    assert err.count("still here") == 3
    assert str(tmp_path) not in err


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_disk_that_fills_up_is_said_once(handle, capsys):
    file_handler = handle._handlers[0]
    file_handler.stream.close()
    file_handler.stream = FullDisk()
    for _ in range(3):
        logging.getLogger("link").info("still here")
    assert capsys.readouterr().err.count("No space left") == 1


def test_people_are_hashed_with_the_folders_own_salt(tmp_path):
    salt = logs.log_salt(tmp_path / "data")
    assert logs.log_salt(tmp_path / "data") == salt
    assert logs.log_salt(tmp_path / "other") != salt
    assert logs.hashed("anna", salt) == logs.hashed("anna", salt)
    assert logs.hashed("anna", salt) != logs.hashed("anna", logs.log_salt(tmp_path / "other"))
    assert "anna" not in logs.hashed("anna", salt)
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "data" / "log.salt").stat().st_mode) == 0o600


def test_a_salt_that_cannot_be_kept_still_serves(tmp_path):
    blocked: Path = tmp_path / "file"
    blocked.write_text("")
    assert len(logs.log_salt(blocked)) == 16
