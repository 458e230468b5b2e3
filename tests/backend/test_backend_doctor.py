"""The hub's doctor against real servers, files and processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend import doctor
from backend.doctor_cli import collect
from link.doctor import Check


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder and a models folder of its own."""
    for name in ("ALISA_LLM__URL", "ALISA_LLM__PROVIDER", "ALISA_HUB__PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALISA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ALISA_MODELS_DIR", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path


@pytest.fixture
def model_server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/v1/models" and self.headers.get("Authorization") == "Bearer key"
            body = json.dumps({"data": [{"id": "tiny"}]}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def the(checks: Iterator[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_the_port_when_another_program_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("ALISA_HUB__PORT", str(listening.getsockname()[1]))
        # It accepts and never answers, which takes the probe its whole time limit.
        check = doctor.check_port()
    assert check.level == "fail"
    assert "is taken by" in check.found
    assert "ALISA_HUB__PORT=" in check.remedy


def test_the_port_when_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ALISA_HUB__PORT", str(bound.getsockname()[1]))
        assert doctor.check_port().level == "ok"


def test_models_in_the_folder_are_listed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "models" / "small.gguf").write_bytes(bytes(1000))
    assert "small.gguf" in the(doctor.check_model(), "Model").found
    monkeypatch.setenv("PATH", str(place))
    program = place / ("llama-server.exe" if sys.platform == "win32" else "llama-server")
    program.touch(mode=0o755)
    assert str(program) in the(doctor.check_model(), "Model server").found


def test_a_model_server_at_an_address(model_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALISA_LLM__URL", model_server)
    refused = the(doctor.check_model(), "Model")
    assert (refused.level, refused.remedy) == ("warn", "Check llm.api_key.")
    monkeypatch.setenv("ALISA_LLM__API_KEY", "key")
    check = the(doctor.check_model(), "Model")
    assert check.level == "ok"
    assert "tiny" in check.found


def test_no_model_server_at_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ALISA_LLM__URL", f"http://127.0.0.1:{bound.getsockname()[1]}")
        check = the(doctor.check_model(), "Model")
    assert check.level == "warn"
    assert "no server answers" in check.found


def test_the_starter_by_choice_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALISA_LLM__PROVIDER", "starter")
    assert [check.level for check in doctor.check_model()] == ["ok"]


def test_memory_is_told_in_gigabytes() -> None:
    assert " GB free, " in doctor.check_memory().found
    assert doctor.gigabytes(1_530_000_000) == "1.5 GB"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import time; time.sleep(60)", "did not answer"),
        ("raise SystemExit('no module named tomorrow')", "gave no report (no module named tomorrow)"),
        ("print('hello')", "gave no report (exit code 0)"),
    ],
)
def test_a_part_whose_doctor_is_ill_is_reported(code: str, found: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = 0.3 if "sleep" in code else 20
    report = collect("eyes", process, time.monotonic() + limit)
    assert not report.failed
    assert found in report.checks[0].found
    assert process.poll() is not None
