"""The `models` command as people use it, with a real server, real files and real settings."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend import models_cli
from backend.models_cli import run
from link.catalogue import Catalogue, load_catalogue
from link.paths import PROJECT
from link.settings.store import SettingsStore
from tests.support.range_server import RangeServer


@pytest.fixture
def server():
    with RangeServer() as server:
        yield server


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Data and models folders of this test alone."""
    monkeypatch.setenv("ALISA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ALISA_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path


def model_in_use(folders: Path) -> str:
    return SettingsStore(folders / "data", {}).current.llm.model


def local_catalogue(server: RangeServer, **changes: object) -> Catalogue:
    """The real catalogue with its files on the test's server."""
    digest = hashlib.sha256(server.content).hexdigest()
    models = tuple(
        model.model_copy(
            update={"url": server.url("/" + model.file), "size": len(server.content), "sha256": digest} | changes
        )
        for model in load_catalogue().language
    )
    return Catalogue.model_construct(language=models)


def test_list_shows_catalogue_files_and_advice(folders, capsys):
    (folders / "models").mkdir()
    (folders / "models" / "mine.gguf").write_bytes(b"GGUF" + bytes(1_000_000))
    (folders / "models" / "Qwen3.5-4B-Q4_K_M.gguf").write_bytes(b"GGUF")
    (folders / "models" / "Llama-3.2-1B-Instruct-Q4_K_M.gguf.part").write_bytes(bytes(5_000_000))
    assert run(["use", "mine.gguf"]) == 0
    capsys.readouterr()
    assert run(["list"]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    for model in load_catalogue().language:
        assert model.id in rows
    assert "1.0 MB" in rows["mine.gguf"]
    assert "in use" in rows["mine.gguf"]
    assert "downloaded" in rows["qwen3.5-4b"]
    assert "5.0 MB downloaded" in rows["llama-3.2-1b"]
    assert "Recommended: " in out or "None of them can be recommended" in out
    assert "In use: mine.gguf" in out


def test_list_is_the_default_and_works_with_broken_settings(folders, capsys):
    (folders / "data").mkdir()
    (folders / "data" / "settings.yaml").write_text("hob: {}\n")
    assert run([]) == 0
    captured = capsys.readouterr()
    assert "qwen3.5-4b" in captured.out
    assert "did you mean `hub`?" in captured.err


def test_pull_by_id_downloads_checks_and_uses_the_model(folders, server, capsys, monkeypatch):
    monkeypatch.setattr(models_cli, "load_catalogue", lambda: local_catalogue(server))
    assert run(["pull", "Llama-3.2-1B"]) == 0
    captured = capsys.readouterr()
    file = folders / "models" / "Llama-3.2-1B-Instruct-Q4_K_M.gguf"
    assert file.read_bytes() == server.content
    assert model_in_use(folders) == file.name
    assert "Licence: Llama 3.2 Community License" in captured.out
    assert "restart it" in captured.out
    assert "checksum" not in captured.out


def test_pull_without_an_id_takes_the_recommended_one(folders, server, capsys, monkeypatch):
    monkeypatch.setattr(models_cli, "load_catalogue", lambda: local_catalogue(server))
    assert run(["pull"]) == 0
    assert "suits this machine" in capsys.readouterr().out
    assert (folders / "models" / model_in_use(folders)).read_bytes() == server.content


def test_pull_says_when_only_the_size_could_be_checked(folders, server, capsys, monkeypatch):
    monkeypatch.setattr(models_cli, "load_catalogue", lambda: local_catalogue(server, sha256=None))
    assert run(["pull", "smollm2-360m"]) == 0
    out = capsys.readouterr().out
    assert "No checksum is known for this file" in out
    assert hashlib.sha256(server.content).hexdigest() in out


def test_pull_of_any_address_keeps_the_model_in_use(folders, server, capsys):
    digest = hashlib.sha256(server.content).hexdigest()
    assert run(["pull", "--url", server.url("/a/first.gguf?download=true"), "--sha256", digest.upper()]) == 0
    assert run(["pull", "--url", server.url("/b/second.gguf")]) == 0
    assert sorted(file.name for file in (folders / "models").iterdir()) == ["first.gguf", "second.gguf"]
    assert model_in_use(folders) == "first.gguf"
    assert "stays first.gguf" in capsys.readouterr().out
    assert run(["pull", "--url", server.url("/b/second.gguf")]) == 0
    assert "already there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pull", "qwen4b"], "did you mean qwen3.5-4b?"),
        (["pull", "zzzz"], "there are smollm2-360m,"),
        (["pull", "x", "--url", "https://example.org/a.gguf"], "Give either an id or --url"),
        (["pull", "--url", "https://example.org/model.zip"], "must end with the name of a .gguf file"),
        (["pull", "--url", "https://example.org/..%5Cx.gguf"], "must end with the name of a .gguf file"),
        (["pull", "--url", "http://example.org/a.gguf"], "must begin with https"),
        (["pull", "--url", "https://example.org/a.gguf", "--sha256", "12"], "64 hexadecimal digits"),
        (["use", "qwen3.5-4b"], "is not downloaded yet: python -m backend models pull qwen3.5-4b"),
        (["use", "nothing.gguf"], "There is no file nothing.gguf; in the models folder there is no .gguf file."),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_1(arguments, said, capsys):
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_wrong_checksum_or_a_page_leaves_nothing_in_use(folders, server, capsys):
    assert run(["pull", "--url", server.url("/a.gguf"), "--sha256", "0" * 64]) == 1
    assert "expected checksum" in capsys.readouterr().err
    server.content = b"<html>log in</html>"
    assert run(["pull", "--url", server.url("/b.gguf")]) == 1
    assert "not a file of the expected kind" in capsys.readouterr().err
    assert model_in_use(folders) == ""
    assert not list((folders / "models").glob("*.gguf"))


def test_broken_settings_are_told_before_anything_is_downloaded(folders, server, capsys):
    (folders / "data").mkdir()
    (folders / "data" / "settings.yaml").write_text("hub:\n  port: x\n")
    assert run(["pull", "--url", server.url("/a.gguf")]) == 1
    assert "settings.yaml, line 2" in capsys.readouterr().err
    assert server.requests == []


def test_use_takes_names_and_paths_but_only_models(folders, tmp_path, capsys):
    (folders / "models").mkdir()
    (folders / "models" / "inside.gguf").write_bytes(b"GGUF....")
    outside = tmp_path / "elsewhere.gguf"
    outside.write_bytes(b"GGUF....")
    assert run(["use", "inside.gguf"]) == 0
    assert model_in_use(folders) == "inside.gguf"
    assert run(["use", str(outside)]) == 0
    assert model_in_use(folders) == str(outside.resolve())
    outside.write_bytes(b"PK\3\4")
    assert run(["use", str(outside)]) == 1
    assert "not a model in GGUF format" in capsys.readouterr().err


def test_use_tells_what_else_decides(folders, monkeypatch, capsys):
    (folders / "models").mkdir()
    (folders / "models" / "a.gguf").write_bytes(b"GGUF....")
    monkeypatch.setenv("ALISA_LLM__URL", "http://127.0.0.1:1")
    assert run(["use", "a.gguf"]) == 0
    assert "llm.url is set" in capsys.readouterr().out
    monkeypatch.setenv("ALISA_LLM__MODEL", "b.gguf")
    assert run(["use", "a.gguf"]) == 1
    assert "ALISA_LLM__MODEL: change it there" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process there")
def test_ctrl_c_keeps_what_was_downloaded_and_the_next_pull_goes_on(folders, server):
    server.stalls = [50_000]
    command = [sys.executable, "-m", "backend", "models", "pull", "--url", server.url("/m.gguf")]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = folders / "models" / "m.gguf.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size == 50_000):
        assert time.monotonic() < deadline, "nothing was downloaded"
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Run the same command again to go on" in said
    assert "Traceback" not in said
    assert part.stat().st_size == 50_000
    assert run(["pull", "--url", server.url("/m.gguf")]) == 0
    assert server.asked_ranges() == [None, "bytes=50000-"]
    assert (folders / "models" / "m.gguf").read_bytes() == server.content
