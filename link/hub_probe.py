"""Who answers at the hub's address: nobody, our hub, another Alisa, or a foreign program. Standard library only."""

from __future__ import annotations

import http.client
import json
import socket
from enum import Enum
from pathlib import Path


class Answer(Enum):
    """What was found at an address."""

    NOBODY = "nobody"
    OURS = "ours"
    OTHER_ALISA = "another Alisa"
    FOREIGN = "a foreign program"


def reachable_host(host: str) -> str:
    """The address to connect to for an address that a server binds to (`0.0.0.0` is no destination)."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def probe(host: str, port: int, token_file: Path, *, timeout: float = 2.0) -> Answer:
    """Ask `GET /` for the name and `GET /status` with the data folder's token.

    A hub that is still starting counts as NOBODY until its port answers.
    """
    try:
        status, body = _get(host, port, "/", timeout)
    except ConnectionRefusedError:
        return Answer.NOBODY
    except (OSError, http.client.HTTPException):
        # Not refused, yet no HTTP: if nothing even accepts a connection there is nobody, else it speaks otherwise.
        return Answer.FOREIGN if _accepts(host, port, timeout) else Answer.NOBODY
    if status != 200 or not _is_alisa(body):
        return Answer.FOREIGN
    try:
        token = token_file.read_text(encoding="ascii").strip()
        status, _ = _get(host, port, "/status", timeout, token)
    except (OSError, ValueError, http.client.HTTPException):
        return Answer.OTHER_ALISA
    return Answer.OURS if status == 200 else Answer.OTHER_ALISA


def holder(port: int) -> str | None:
    """The program that listens on a port, as `name (process 123)`; None where the system will not tell."""
    try:
        import psutil
    except ImportError:
        return None
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return None  # other users' processes need rights; macOS refuses the whole list
    return None


def busy_port_text(port: int, answer: Answer) -> str:
    """One sentence for a port that is taken, with what to do."""
    if answer is Answer.OTHER_ALISA:
        who = "another Alisa with another data folder"
    else:
        who = holder(port) or "another program"
    return f"Port {port} is taken by {who}: end it, or give Alisa another port with ALISA_HUB__PORT={other_port(port)}."


def other_port(port: int) -> int:
    """A port to suggest in place of one that is taken."""
    return port + 1 if port < 65535 else port - 1


def _get(host: str, port: int, path: str, timeout: float, token: str | None = None) -> tuple[int, bytes]:
    # http.client asks no proxy, which is right for an address of this machine.
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return response.status, response.read(65_536)
    finally:
        connection.close()


def _is_alisa(body: bytes) -> bool:
    try:
        health = json.loads(body)
    except ValueError:
        return False
    return isinstance(health, dict) and str(health.get("name", "")).lower() == "alisa"


def _accepts(host: str, port: int, timeout: float) -> bool:
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError:
        return False
    return True
