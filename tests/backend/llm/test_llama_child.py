"""The model server never outlives the hub, even one that was killed with -9."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from backend.llama_child import ServerSpec
from link.paths import PROJECT
from tests.support.engines import until
from tests.support.fake_llama_server import install


@contextlib.asynccontextmanager
async def hub(models: Path, program: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.managing_hub", str(models), program),
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            while await process.stdout.readline() != b"ready\n":
                assert process.returncode is None
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kind", ["package", "program", "stubborn program"])
async def test_kill_9_of_the_hub_ends_the_server(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    shutil.copy(tiny_model, tmp_path)
    program = "" if kind == "package" else str(install(tmp_path))
    if "stubborn" in kind:
        (tmp_path / "stubborn").touch()
    async with hub(tmp_path, program) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == (2 if program else 1)
        process.send_signal(signal.SIGKILL)
        await until(lambda: not any(alive(member) for member in family), 3)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot be asked to end a process")
def test_sigterm_ends_it(tiny_model: Path) -> None:
    spec = ServerSpec(model=str(tiny_model), port=0, key="k")
    with subprocess.Popen(
        [sys.executable, "-m", "backend.llama_child"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        child.stdin.write(spec.to_line())
        child.stdin.flush()
        for line in child.stderr:
            if b"listening" in line:
                break
        began = time.monotonic()
        os.kill(child.pid, signal.SIGTERM)
        child.wait(5)
        assert time.monotonic() - began < 2


def test_without_a_line_it_ends_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend.llama_child"], cwd=PROJECT, stdin=subprocess.DEVNULL, timeout=10, check=False
    )
    assert done.returncode == 0
