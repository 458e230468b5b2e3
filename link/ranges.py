"""What a server's answer to a (resumed) download means: HTTP ranges and validators, RFC 9110. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Validator:
    """How a later answer is known to be of the same file. Empty strings: the server did not say."""

    etag: str = ""
    last_modified: str = ""
    size: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], size: int | None) -> Validator:
        return cls(headers.get("etag", ""), headers.get("last-modified", ""), size)

    @property
    def condition(self) -> str:
        """For `If-Range`: only strong validators may stand there. Empty: there is none."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def contradicts(self, other: Validator) -> bool:
        """Whether the two are certainly of different files."""
        pairs = ((self.etag, other.etag), (self.last_modified, other.last_modified), (self.size, other.size))
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Body:
    """The answer's body holds the file from byte `start` on; `total` is the whole file's size, if known."""

    start: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Complete:
    """Everything is there already; the file has `total` bytes."""

    total: int


@dataclass(frozen=True, slots=True)
class StartOver:
    """What is there does not fit the answer: ask again from the beginning."""


@dataclass(frozen=True, slots=True)
class Refused:
    """No file in this answer. retry: whether it may come later, after `after` seconds if the server says so."""

    text: str
    retry: bool
    after: float | None = None


def range_headers(have: int, validator: Validator) -> dict[str, str]:
    """Headers that ask for the file, or for what is missing of it. Never compressed: bytes must be the file's."""
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator.condition:
            headers["If-Range"] = validator.condition
    return headers


def judge(
    status: int, headers: Mapping[str, str], have: int, known: Validator
) -> Body | Complete | StartOver | Refused:
    """What to do with an answer. headers: lower-case names. have: bytes on the disk. known: of the file they are of."""
    if status in (200, 206) and headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        return Refused("The server sends the file compressed, which cannot be resumed or checked", retry=False)
    if status == 200:
        return Body(0, _number(headers.get("content-length")))
    if status == 206:
        return _partial(headers, have, known)
    if status == 416:
        match = _UNSATISFIED.fullmatch(headers.get("content-range", ""))
        same = not Validator.of(headers, None).contradicts(known)
        return Complete(have) if have and match and int(match[1]) == have and same else StartOver()
    if status in (404, 410):
        return Refused("The file is not at this address (any more)", retry=False)
    if status in (401, 403):
        return Refused("The server does not give out this file without an account", retry=False)
    retry = status in _TEMPORARY
    return Refused(f"The server answered with status {status}", retry, _number(headers.get("retry-after")))


def _partial(headers: Mapping[str, str], have: int, known: Validator) -> Body | StartOver:
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if match is None or int(match[1]) != have:
        return StartOver()
    total = None if match[3] == "*" else int(match[3])
    if Validator.of(headers, total).contradicts(known):
        return StartOver()
    return Body(have, total if total is not None else known.size)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def check_address(url: str, before: str | None = None) -> str | None:
    """Why nothing is fetched from `url`, or None. `before` is the address that redirected to it.

    Plain HTTP is for this machine alone, and no redirect leads from HTTPS back to it.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "This is not a web address"
    if not host or parts.scheme not in ("http", "https"):
        return "The address must begin with https://"
    if parts.username or parts.password:
        return "The address must not contain a name or password"
    if parts.scheme == "https":
        return None
    if before is not None and before.lower().startswith("https:"):
        return "The server redirects to an insecure address"
    return None if is_loopback(host) else "The address must begin with https://"


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
