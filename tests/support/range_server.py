"""A file server on a real socket with the faults that downloads meet: drops, stalls, ignored ranges, changed files."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

PIECE = 4096


@dataclass
class RangeServer:
    """Serves `content` at every path that is not in `redirects`.

    statuses, drops, stalls: one entry for each request, used up in order (None: behave); drops and stalls count the
    bytes of the body before the connection is closed or falls silent. announce: send a Content-Length.
    """

    content: bytes = b"GGUF" + bytes(range(256)) * 400
    etag: str = '"v1"'
    last_modified: str = ""
    ranges: bool = True
    announce: bool = True
    encoding: str = ""
    surplus: bytes = b""
    redirects: dict[str, str] = field(default_factory=dict)
    statuses: list[int | None] = field(default_factory=list)
    drops: list[int | None] = field(default_factory=list)
    stalls: list[int | None] = field(default_factory=list)
    extra_headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> RangeServer:
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/model.gguf") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def asked_ranges(self) -> list[str | None]:
        """The Range header of each request so far."""
        return [headers.get("range") for _, headers in self.requests]

    def stall(self) -> None:
        """Stay silent until the server is closed."""
        self._closing.wait(30)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what the tests are about."""


def _handler(server: RangeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append((self.path, headers))
            if location := server.redirects.get(self.path):
                self._bare(302, {"Location": location})
                return
            status = server.statuses.pop(0) if server.statuses else None
            if status is not None:
                self._bare(status, server.extra_headers)
                return
            self._file(headers)

        def _file(self, headers: dict[str, str]) -> None:
            size = len(server.content)
            start = self._start(headers)
            if start is not None and start >= size:
                self._bare(416, {"Content-Range": f"bytes */{size}"})
                return
            self.send_response(200 if start is None else 206)
            body = server.content[start or 0 :] + server.surplus
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            for name, value in self._validators().items():
                self.send_header(name, value)
            if server.encoding:
                self.send_header("Content-Encoding", server.encoding)
            if server.announce:
                self.send_header("Content-Length", str(len(body)))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            self._send(body)
            self.close_connection = self.close_connection or not server.announce

        def _start(self, headers: dict[str, str]) -> int | None:
            asked = headers.get("range", "")
            if not server.ranges or not asked.startswith("bytes="):
                return None
            condition = headers.get("if-range")
            if condition is not None and condition not in (server.etag, server.last_modified):
                return None
            return int(asked.removeprefix("bytes=").rstrip("-"))

        def _validators(self) -> dict[str, str]:
            pairs = {"ETag": server.etag, "Last-Modified": server.last_modified}
            return {name: value for name, value in pairs.items() if value}

        def _send(self, body: bytes) -> None:
            drop = server.drops.pop(0) if server.drops else None
            stall = server.stalls.pop(0) if server.stalls else None
            end = min(limit for limit in (drop, stall, len(body)) if limit is not None)
            for begin in range(0, end, PIECE):
                self.wfile.write(body[begin : min(begin + PIECE, end)])
            self.wfile.flush()
            if stall is not None:
                server.stall()
            if drop is not None or stall is not None:
                self.close_connection = True

        def _bare(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler
