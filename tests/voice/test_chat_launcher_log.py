"""The launcher's news, read from a file that grows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from voice.chat.launcher_log import follow, sentence_of


def line(part: str, text: str) -> str:
    return json.dumps({"time": 1.0, "part": part, "text": text}) + "\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (line("voice", "voice crashed"), "voice crashed"),
        (line("voice", "crashed (exit 1)"), "voice: crashed (exit 1)"),
        (line("", "All is up."), "All is up."),
        (line("voice", "\x1b[2Jgone\n"), "voice: ␛[2Jgone"),
        ("no json\n", ""),
        ('["a list"]\n', ""),
        ('{"text": 3}\n', ""),
    ],
)
def test_sentences(written: str, shown: str) -> None:
    assert sentence_of(written.encode()) == shown


def test_bytes_that_are_no_text_are_no_event() -> None:
    assert sentence_of(b'{"text": "\xff"}') == ""


@asynccontextmanager
async def following(path: Path) -> AsyncIterator[asyncio.Queue[str]]:
    seen: asyncio.Queue[str] = asyncio.Queue()
    began = asyncio.Event()

    async def read() -> None:
        news = follow(path, every=0.005)
        first = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)  # it has looked where the file ends now
        began.set()
        seen.put_nowait(await first)
        async for sentence in news:
            seen.put_nowait(sentence)

    task = asyncio.create_task(read())
    await began.wait()
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_only_what_is_appended_is_told_and_half_lines_wait(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    path.write_text(line("a", "a is old"))
    async with following(path) as seen:
        whole = line("a", "a is new")
        with path.open("a") as file:
            file.write(whole[:10])
            file.flush()
            file.write(whole[10:])
        assert await asyncio.wait_for(seen.get(), 5) == "a is new"


async def test_a_file_that_comes_later_or_is_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    async with following(path) as seen:
        path.write_text(line("a", "a has been started for the first time"))
        assert await asyncio.wait_for(seen.get(), 5) == "a has been started for the first time"
        path.write_text(line("a", "a is new"))
        assert await asyncio.wait_for(seen.get(), 5) == "a is new"
