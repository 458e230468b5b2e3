"""Finds a llama.cpp server that already runs on this machine."""

from __future__ import annotations

import json
import socket

from backend.app.adapters.llm.llamacpp import read_props

PORTS = (8080, 9931)
"""The default ports of llama-server: until autumn 2026, and since."""

_TIMEOUT = 0.25  # seconds; a local server answers at once
_LONGEST = 1 << 20  # bytes of an answer that are read


def detect(ports: tuple[int, ...] = PORTS) -> str | None:
    """The address of the first server on `ports` that `/props` shows to be llama.cpp and that asks for no key.

    Blocks for a fraction of a second at most; meant for the start of the hub.
    """
    return next((f"http://127.0.0.1:{port}" for port in ports if _is_llamacpp(port)), None)


def _is_llamacpp(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), _TIMEOUT).close()
    except OSError:
        return False
    import http.client  # not at the top: most often nobody listens, and the import is half of the work

    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            connection.request("GET", "/props", headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status == 200 and read_props(json.loads(answer.read(_LONGEST))) is not None
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):  # something else than a model server
        return False
