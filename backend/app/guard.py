"""The door: Host, Origin and token are checked before anything else of the hub is reached. Only health is open.

A plain ASGI middleware, because it has to guard HTTP and WebSockets alike and costs nothing per streamed token.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from urllib.parse import parse_qs

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.app.pure.access import host_allowed, origin_allowed
from link.roles import Role

log = logging.getLogger(__name__)

_NEED_TOKEN = "Send the token from the file hub.token in the data folder (Authorization: Bearer ..., or ?token=...)."


class Guard:
    """Lets a request in, with its role in `scope["state"]["role"]`, or answers it with one sentence.

    role_of: the role of a token, or None. allowed_hosts, allowed_origins: further ones from the settings.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        role_of: Callable[[str], Role | None],
        allowed: Callable[[], tuple[Collection[str], Collection[str]]],
    ) -> None:
        self._app = app
        self._role_of = role_of
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        hosts, origins = self._allowed()
        host = headers.get(b"host", "")
        refusal: tuple[int, str] | None = None
        role: Role | None = None
        if not host_allowed(host, hosts):
            refusal = 421, "This host name is not one of the hub's. Address it as 127.0.0.1 or localhost."
        elif not origin_allowed(headers.get(b"origin"), host, origins):
            refusal = 403, "Pages of this origin may not talk to the hub (setting hub.allowed_origins)."
        elif not (scope["type"] == "http" and scope["path"] == "/"):
            token = _token(headers, scope.get("query_string", b""))
            role = self._role_of(token) if token else None
            if role is None:
                refusal = 401, ("This token is not known. " if token else "A token is needed. ") + _NEED_TOKEN
        if refusal:
            log.warning("refused", extra={"status": refusal[0], "path": scope["path"], "kind": scope["type"]})
            await _refuse(scope, receive, send, *refusal)
            return
        scope.setdefault("state", {})["role"] = role
        await self._app(scope, receive, send)


def require_user(request: Request) -> None:
    """Only the user's own token. Raises HTTPException 403."""
    if request.scope["state"]["role"] is not Role.USER:
        raise HTTPException(403, "Only the user's token may do this.")


def _token(headers: dict[bytes, str], query: bytes) -> str:
    scheme, _, value = headers.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return parse_qs(query.decode("latin-1")).get("token", [""])[-1]


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    body = json.dumps({"error": {"category": "refused", "text": text}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    prefix = ""
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": text[:120]})
            return
        prefix = "websocket."
    await send({"type": f"{prefix}http.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body})
