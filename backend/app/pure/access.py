"""Which hosts and origins may talk to the hub: the rules against cross-site WebSockets and DNS rebinding.

Any web page can open a WebSocket to a loopback address, and a page whose name is made to resolve to 127.0.0.1 even
counts as the same origin there. So the `Host` must be a name of this machine, and an `Origin` must be the hub's own.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, lower case; empty when it makes no sense."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def host_allowed(host: str, allowed: Collection[str] = ()) -> bool:
    """Whether a request may address the hub by this Host header. A missing one (empty) may not."""
    name = host_name(host)
    return bool(name) and (name in LOOPBACK or name in {entry.lower() for entry in allowed})


def origin_allowed(origin: str | None, host: str, allowed: Collection[str] = ()) -> bool:
    """Whether a page of this origin may talk to the hub.

    Programs send no Origin and pass. `null` (sandboxed pages, local files) never does. A page passes that the hub
    itself served (same scheme-less host and port), or one that the settings name.
    """
    if origin is None:
        return True
    if origin.rstrip("/").lower() in {entry.rstrip("/").lower() for entry in allowed}:
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    own = host.lower()
    spelled = {parts.netloc.lower()}
    if port is None:
        spelled.add(f"{parts.netloc.lower()}:{443 if parts.scheme == 'https' else 80}")
    return own in spelled
