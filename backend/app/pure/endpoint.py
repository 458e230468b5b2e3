"""The address of a model server, as people write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

_TAILS = ("/chat/completions", "/v1")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go. `root` is the path before `/v1`, without a slash at its end; `key` is a secret."""

    host: str
    port: int
    root: str = ""
    tls: bool = False
    key: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        """Host and port for the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def parse(url: str, key: str = "") -> Endpoint:
    """Read `http://127.0.0.1:8080`, `127.0.0.1:11434`, `https://example.org/api/v1` and the like.

    `/v1` and `/v1/chat/completions` at the end are taken off. Raises ValueError with a sentence for people.
    """
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    wrong = ValueError("llm.url is not the address of a server; write it like http://127.0.0.1:8080.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c <= " " or c > "~" for c in text):
        raise wrong
    if parts.username or parts.password:
        raise ValueError("llm.url must not hold a user or password; set llm.api_key instead.")
    root = parts.path.rstrip("/")
    for tail in _TAILS:
        root = root.removesuffix(tail).rstrip("/")
    tls = parts.scheme == "https"
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise ValueError("llm.api_key holds characters that no key has; copy it again.")
    return Endpoint(parts.hostname, port or (443 if tls else 80), root, tls, key)
