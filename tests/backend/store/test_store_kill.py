"""kill -9 at random moments: whatever was acknowledged is there and is found, and the file is whole."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from pathlib import Path

import pytest

from backend.app.adapters.store import SqliteStore
from backend.app.ports import Scope

ROOT = Path(__file__).parents[3]

# Eight producers; prints "<id> <text>" once a message is acknowledged. They also search, so that the kill falls
# before, into and after indexing.
PROGRAM = """
import asyncio, sys
from pathlib import Path
from backend.app.adapters.store import SqliteStore
from backend.app.ports import NewMessage, Scope

async def main():
    store = SqliteStore(Path(sys.argv[1]), Scope())
    await store.open()
    conversation = (await store.create_conversation()).id

    async def produce(name):
        number = 0
        while True:
            text = f"{sys.argv[2]}-{name}-{number}"
            (message,) = await store.add(NewMessage(conversation, "user", text, "user", text))
            sys.stdout.write(f"{message.id} {text}\\n")
            sys.stdout.flush()
            number += 1
            if number % 8 == 0:
                await store.page(search=text)

    await asyncio.gather(*(produce(name) for name in range(8)))

asyncio.run(main())
"""


async def _write_until_killed(path: Path, label: str, after: float) -> dict[int, str]:
    """Let a process write for `after` seconds from its first acknowledgement, kill it, and return what it was told."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), label, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    lines = [await asyncio.wait_for(child.stdout.readline(), 30)]

    async def collect() -> None:
        while line := await child.stdout.readline():
            lines.append(line)

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(collecting := asyncio.ensure_future(collect())), after)
    child.kill()
    await collecting
    await child.wait()
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return {int(number): text for number, text in whole}


async def _check_kills(path: Path, rounds: int) -> None:
    moments = random.Random(20260301)
    acknowledged: dict[int, str] = {}
    for number in range(rounds):
        acknowledged |= await _write_until_killed(path, f"round{number}", moments.uniform(0.0, 0.4))
        store = SqliteStore(path, Scope())
        await store.open()
        found: dict[int, str] = {}
        for conversation in await store.conversations():
            found |= {message.id: message.text for message in await store.recent(conversation.id, 1_000_000)}
        searched = await store.page(search="round", limit=1_000_000)
        assert {message.id: message.text for message in searched.messages} == found
        assert await store.check() is None
        await store.close()
        assert acknowledged.items() <= found.items()
    assert len(acknowledged) >= rounds


async def test_a_kill_loses_nothing_acknowledged(path):
    await _check_kills(path, rounds=1)


@pytest.mark.slow
async def test_many_kills_lose_nothing_acknowledged(path):
    await _check_kills(path, rounds=12)
