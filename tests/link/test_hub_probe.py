"""Who answers at the hub's address, asked of real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from link.hub_probe import Answer, busy_port_text, holder, probe, reachable_host


class Server:
    """A small web server; `pages` maps a path to a status and a body, `/status` wants the token."""

    def __init__(self, pages: dict[str, tuple[int, object]], token: str = "secret") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = pages.get(self.path, (404, {}))
                if self.path == "/status" and self.headers.get("Authorization") != f"Bearer {token}":
                    status = 401
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def hub() -> Iterator[Server]:
    server = Server({"/": (200, {"name": "alisa"}), "/status": (200, {})})
    yield server
    server.close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "hub.token"
    file.write_text("secret\n")
    return file


def test_nobody(token: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # taken, so nobody else gets it, but it does not listen
        assert probe("127.0.0.1", bound.getsockname()[1], token) is Answer.NOBODY


def test_our_hub_opens_its_status_to_our_token(hub: Server, token: Path) -> None:
    assert probe("127.0.0.1", hub.port, token) is Answer.OURS


def test_another_data_folders_hub_does_not(hub: Server, token: Path) -> None:
    token.write_text("something else")
    assert probe("127.0.0.1", hub.port, token) is Answer.OTHER_ALISA
    token.unlink()
    assert probe("127.0.0.1", hub.port, token) is Answer.OTHER_ALISA


@pytest.mark.parametrize("page", [(404, {}), (200, {"name": "grafana"}), (200, ["alisa"]), (500, {"name": "alisa"})])
def test_a_foreign_web_server(page: tuple[int, object], token: Path) -> None:
    server = Server({"/": page})
    try:
        assert probe("127.0.0.1", server.port, token) is Answer.FOREIGN
    finally:
        server.close()


def test_a_program_that_speaks_no_http(token: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert probe("127.0.0.1", port, token, timeout=0.2) is Answer.FOREIGN, "it is silent"


def test_the_sentence_names_port_holder_and_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert "process" in str(holder(port))
        text = busy_port_text(port, Answer.FOREIGN)
    assert str(holder(port)) == "None"
    assert f"Port {port} is taken by " in text
    assert "(process " in text
    assert f"ALISA_HUB__PORT={port + 1 if port < 65535 else port - 1}" in text
    assert "another Alisa with another data folder" in busy_port_text(8000, Answer.OTHER_ALISA)


def test_where_a_server_that_listens_everywhere_is_reached() -> None:
    assert reachable_host("0.0.0.0") == "127.0.0.1"
    assert reachable_host("::") == "::1"
    assert reachable_host("localhost") == "localhost"
