"""Which file and which program a managed server is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.app.adapters.llm import model_files
from backend.app.adapters.llm.model_files import NO_MODEL, available, check_model, find_model, find_program
from backend.app.pure.llama_faults import NO_FILE, NOT_GGUF, Fault


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"GGUF")


def test_the_only_model_needs_no_choice(tmp_path: Path) -> None:
    assert find_model("", tmp_path / "nowhere") == NO_MODEL
    assert find_model("", tmp_path) == NO_MODEL
    put(tmp_path, "one.gguf", "mmproj-one.gguf", "other.gguf.part", "README.md")
    assert find_model("", tmp_path) == tmp_path / "one.gguf"


def test_several_models_ask_for_a_choice(tmp_path: Path) -> None:
    put(tmp_path, "a.gguf", "sub/b.gguf")
    found = find_model("", tmp_path)
    assert isinstance(found, Fault)
    assert "a.gguf, b.gguf" in found.detail
    assert find_model("sub/b.gguf", tmp_path) == tmp_path / "sub/b.gguf"
    assert find_model(str(tmp_path / "a.gguf"), Path("/elsewhere")) == tmp_path / "a.gguf"
    assert find_model("c.gguf", tmp_path) == NO_FILE


def test_a_model_in_parts_is_one_model(tmp_path: Path) -> None:
    put(tmp_path, *(f"big-0000{n}-of-00003.gguf" for n in (1, 2, 3)))
    assert available(tmp_path) == [tmp_path / "big-00001-of-00003.gguf"]


def test_a_look_at_the_file_itself(tmp_path: Path) -> None:
    put(tmp_path, "good.gguf")
    (tmp_path / "page.gguf").write_text("<html>")
    assert check_model(tmp_path / "good.gguf") is None
    assert check_model(tmp_path / "page.gguf") == NOT_GGUF
    assert check_model(tmp_path / "none.gguf") == NO_FILE
    assert check_model(tmp_path) is not None


def test_a_program_on_the_path_is_preferred_to_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() == ""
    program = tmp_path / "llama-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_program() == str(program)
    program.unlink()
    monkeypatch.setattr(model_files.importlib.util, "find_spec", lambda name: None)
    assert find_program() is None
