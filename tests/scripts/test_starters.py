"""The thin starters: every one in both languages, parsed, executable, and the sentences they say without a Python."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from link.paths import PROJECT

SCRIPTS = PROJECT / "scripts"
STARTERS = {
    "start": "",
    "start_all": "--all",
    "start_backend": "--only hub",
    "start_bot": "--only bot",
    "start_overlay": "--only overlay",
    "start_text_chat": "--only chat",
    "start_vision": "--only vision",
    "start_vision_screen": "--only vision-screen",
    "start_voice": "--only voice",
    "test": "",
}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="other system: shell scripts")


def powershell_faults(source: bytes) -> list[str]:
    """Where the text is no PowerShell, as `line N: text`."""
    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language())).parse(source)
    faults: list[str] = []
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            line = source.splitlines()[node.start_point[0]] if source else b""
            faults.append(f"line {node.start_point[0] + 1}: {line.decode()}")
        pending += node.children
    return faults


def test_every_starter_has_its_twin() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.ps1")} - {"find_python"} == set(STARTERS)
    assert {path.stem for path in SCRIPTS.glob("*.sh")} - {"find_python"} == set(STARTERS)


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.ps1")), ids=lambda path: path.name)
def test_powershell_parses(path: Path) -> None:
    assert powershell_faults(path.read_bytes()) == []


@pytest.mark.parametrize(
    "seeded", ["if ($true) {", "& (Join-Path $a 'b'", "$x = 'open", "if { }", "foreach ($a $b) {}"]
)
def test_the_powershell_check_notices_errors(seeded: str) -> None:
    good = (SCRIPTS / "find_python.ps1").read_text()
    assert powershell_faults(f"{good}\n{seeded}\n".encode()) != []


@pytest.mark.parametrize(("name", "arguments"), [item for item in STARTERS.items() if item[1]])
def test_twins_call_start_with_the_same_arguments(name: str, arguments: str) -> None:
    assert f'/start.sh" {arguments} "$@"' in (SCRIPTS / f"{name}.sh").read_text()
    assert f"'start.ps1') {arguments} @args" in (SCRIPTS / f"{name}.ps1").read_text()


@POSIX
@pytest.mark.parametrize("name", STARTERS)
def test_shell_starters_are_executable_and_parse(name: str) -> None:
    path = SCRIPTS / f"{name}.sh"
    assert os.access(path, os.X_OK)
    assert "\nset -eu\n" in path.read_text()
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0


@pytest.mark.parametrize("name", ["start.py", "test.py"])
def test_entry_points_are_understood_by_python_3_6(name: str) -> None:
    """Too old a Python must get as far as the sentence that says so."""
    source = (SCRIPTS / name).read_text()
    ast.parse(source, feature_version=(3, 6))
    assert "annotations" not in source, "`from __future__ import annotations` is a syntax error in 3.6"


@pytest.mark.parametrize("name", ["start.py", "test.py"])
def test_entry_points_tell_old_pythons_off(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = (
        f"import sys, runpy; sys.version_info = (3, 8, 1); runpy.run_path({str(SCRIPTS / name)!r}, run_name='__main__')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 2
    said = capfd.readouterr().err
    assert "this is 3.8" in said
    assert len(said.splitlines()) == 1


def start_with(tools: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run start.sh --help where only `tools` is on the PATH."""
    env = {"PATH": str(tools), **variables}
    shell = shutil.which("sh")
    assert shell is not None
    return subprocess.run(
        [shell, str(SCRIPTS / "start.sh"), "--help"], env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with nothing but what the shell scripts themselves use."""
    folder = tmp_path / "tools"
    folder.mkdir()
    program = shutil.which("dirname")
    assert program is not None
    (folder / "dirname").symlink_to(program)
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@POSIX
def test_without_a_python_one_sentence_says_what_to_do(tools: Path) -> None:
    ran = start_with(tools)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "needs Python 3.11 or newer and found none" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@POSIX
def test_stubs_and_old_pythons_are_passed_over(tools: Path) -> None:
    script(tools / "python3.13", "echo 'not installed' >&2; exit 127")
    script(tools / "python3.12", "exit 1")
    (tools / "python3").symlink_to(sys.executable)
    ran = start_with(tools)
    assert ran.returncode == 0, ran.stderr
    assert "--with PARTS" in ran.stdout


@POSIX
def test_a_named_python_is_used_or_refused_but_never_replaced(tools: Path) -> None:
    script(tools / "old", "exit 1")
    (tools / "python3").symlink_to(sys.executable)
    ran = start_with(tools, PYTHON=str(tools / "old"))
    assert ran.returncode == 2
    assert "correct it or unset it" in ran.stderr
    assert start_with(tools, PYTHON=sys.executable).returncode == 0
