"""The virtual environment: what is wrong with one, and (slow) making and filling real ones without a network."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from scripts.environment import STAMP, Environment, SetupError, missing_venv_text
from scripts.progress import Progress


class House:
    """A project with one requirement file, which asks for a tiny wheel beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said = io.StringIO()
        self.environment = Environment(
            root / "venv", project=root, log=root / "install.log", progress=Progress(self.said)
        )
        self.write("tiny==1.0")

    def write(self, requirement: str, name: str = "needs.txt") -> None:
        (self.root / name).write_text(f"--no-index\n--find-links {self.root.as_posix()}\n{requirement}\n")

    def wheel(self, version: str) -> None:
        info = f"tiny-{version}.dist-info"
        with zipfile.ZipFile(self.root / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny.py", f"VERSION = '{version}'\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")

    def installed(self) -> str:
        code = "import tiny; print(tiny.VERSION)"
        ran = subprocess.run([self.environment.python, "-c", code], capture_output=True, text=True, check=True)
        return ran.stdout.strip()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_nothing_there_is_no_environment(house: House) -> None:
    assert house.environment.defect() == "it is not there yet"


def test_a_half_made_one_is_noticed(house: House) -> None:
    house.environment.folder.mkdir()
    (house.environment.folder / "pyvenv.cfg").touch()
    assert house.environment.defect() == "it is not complete"


@pytest.mark.skipif(sys.platform == "win32", reason="other system: a script stands in for a Python")
@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("exit 1", "does not run any more"),
        ("echo 3.9 /somewhere", "its packages are for another one"),
        ("mkdir -p $(dirname $0)/../lib/python3.9/site-packages; echo 3.9 /x", "which is too old"),
        ("mkdir -p $(dirname $0)/../lib/python3.99/site-packages; echo 3.99 /x", "None"),
    ],
)
def test_a_broken_or_foreign_python_is_noticed(
    house: House, says: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHON", raising=False)
    house.environment.python.parent.mkdir(parents=True)
    (house.environment.folder / "pyvenv.cfg").touch()
    house.environment.python.write_text(f"#!/bin/sh\n{says}\n")
    house.environment.python.chmod(0o755)
    assert why in str(house.environment.defect())
    if why == "None":
        monkeypatch.setenv("PYTHON", "python3.12")
        assert "PYTHON asks for" in str(house.environment.defect())


def test_a_folder_with_other_things_is_never_cleared(house: House) -> None:
    house.environment.folder.mkdir()
    diary = house.environment.folder / "diary.txt"
    diary.write_text("dear diary")
    with pytest.raises(SetupError, match="holds other things"):
        house.environment.prepare(["needs.txt"])
    assert diary.read_text() == "dear diary"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = Environment(
        tmp_path / "file" / "venv", project=tmp_path, log=tmp_path / "log", progress=Progress(io.StringIO())
    )
    with pytest.raises(SetupError, match="ALISA_VENV"):
        environment.prepare([])


def test_missing_modules_name_the_package() -> None:
    assert "ensurepip" in missing_venv_text(["ensurepip"])
    assert "install" in missing_venv_text(["ensurepip"])


def test_progress_off_a_terminal_is_plain_lines() -> None:
    stream = io.StringIO()
    progress = Progress(stream, quiet=0.02)
    progress.begin("Installing")
    progress.step("looking up httpx")
    for _ in range(500):
        if "looking up httpx" in stream.getvalue():
            break
        threading.Event().wait(0.01)
    progress.end("done")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Installing ..."
    assert lines[1].endswith("Installing: looking up httpx")
    assert lines[-1].endswith("Installing: done")
    assert "\r" not in stream.getvalue()


@pytest.mark.slow
def test_an_environment_through_its_life(house: House) -> None:
    house.wheel("1.0")
    house.wheel("2.0")
    house.environment.prepare(["needs.txt"])
    assert house.installed() == "1.0"

    stamp = (house.environment.folder / STAMP).stat().st_mtime_ns
    house.said.truncate(0)
    house.environment.prepare(["needs.txt"])
    assert house.said.getvalue().strip("\0") == "", "a second start has nothing to do"
    assert (house.environment.folder / STAMP).stat().st_mtime_ns == stamp

    house.write("tiny==2.0")
    house.environment.prepare(["needs.txt"])
    assert house.installed() == "2.0", "changed requirements are installed"

    subprocess.run([house.environment.python, "-m", "pip", "uninstall", "-qy", "tiny"], check=True)
    house.environment.prepare(["needs.txt"])
    assert house.installed() == "2.0", "what was taken away by hand comes back"

    house.write("nowhere==1.0", "optional.txt")
    house.environment.prepare(["needs.txt"], ["optional.txt"])
    assert "Going on without optional.txt" in house.said.getvalue()

    house.write("nowhere==1.0")
    with pytest.raises(SetupError, match=r"no package nowhere==1\.0") as failed:
        house.environment.prepare(["needs.txt"])
    assert str(house.environment.log) in failed.value.details[-1]

    house.write("tiny==2.0")
    house.environment.python.unlink()
    house.environment.prepare(["needs.txt"])
    assert "made anew: it is not complete" in house.said.getvalue()
    assert house.installed() == "2.0"


@pytest.mark.slow
def test_two_starts_at_once_do_not_get_in_each_others_way(house: House) -> None:
    house.wheel("1.0")
    code = f"""
import sys
from pathlib import Path
from scripts.environment import Environment
from scripts.progress import Progress
root = Path({str(house.root)!r})
Environment(root / "venv", project=root, log=root / "install.log", progress=Progress(sys.stderr)).prepare(["needs.txt"])
"""
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    both = [subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, text=True) for _ in "ab"]
    said = [process.communicate(timeout=55)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Making a virtual environment" in text and "done" in text for text in said) == 1
    assert house.installed() == "1.0"
