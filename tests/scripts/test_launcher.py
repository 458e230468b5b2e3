"""The launcher's answers to what people get wrong: one sentence each, and nothing started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from link.paths import PROJECT


def launch(*arguments: str, program: str = "-m scripts.launcher", **variables: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("ALISA_")}
    env |= {"PYTHONPATH": str(PROJECT), **variables}
    return subprocess.run(
        [sys.executable, *program.split(), *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def the_sentence(ran: subprocess.CompletedProcess[str]) -> str:
    assert ran.stdout == ""
    (line,) = ran.stderr.strip().splitlines()
    return line


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """A program that accepts connections and hangs up at once."""
    listening = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                listening.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=hang_up)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_a_port_that_is_taken(tmp_path: Path, foreign_port: int) -> None:
    ran = launch("--no-chat", ALISA_DATA_DIR=str(tmp_path), ALISA_HUB__PORT=str(foreign_port))
    assert ran.returncode == 1
    said = the_sentence(ran)
    assert f"Port {foreign_port} is taken by" in said
    assert f"process {os.getpid()}" in said
    assert "ALISA_HUB__PORT=" in said


def test_wrong_settings(tmp_path: Path) -> None:
    ran = launch("--no-chat", ALISA_DATA_DIR=str(tmp_path), ALISA_HUB__PORT="eighty")
    assert ran.returncode == 2
    assert "ALISA_HUB__PORT" in the_sentence(ran)


@pytest.mark.parametrize("program", ["-m scripts.launcher", str(PROJECT / "scripts" / "start.py")])
def test_a_data_folder_that_cannot_be_written(tmp_path: Path, program: str) -> None:
    (tmp_path / "file").touch()
    ran = launch(program=program, ALISA_DATA_DIR=str(tmp_path / "file" / "data"), ALISA_VENV=str(tmp_path / "venv"))
    assert ran.returncode == 1
    assert "ALISA_DATA_DIR" in the_sentence(ran)
    assert not (tmp_path / "venv").exists(), "nothing is installed before"


def test_a_part_that_is_not_there_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    if (PROJECT / "bot" / "main.py").exists():
        return  # nothing is missing any more
    start = str(PROJECT / "scripts" / "start.py")
    ran = launch("--only", "bot", program=start, ALISA_DATA_DIR=str(tmp_path), ALISA_VENV=str(tmp_path / "venv"))
    assert ran.returncode == 3
    assert the_sentence(ran) == "bot is not in this version yet."
    assert not (tmp_path / "venv").exists()
