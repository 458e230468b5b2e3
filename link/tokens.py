"""The secrets by which the hub knows its clients: one for each role, in files only their owner may read.

`<data>/hub.token` is the user's, `<data>/tokens/<role>` one for each satellite. The hub makes them at its first
start; a client reads its own, and its role follows from it.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from link.files import OWNER_ONLY, write_atomic
from link.roles import SATELLITES, Role

TOKEN_BYTES = 32
"""Random bytes in a token: 43 characters in URL-safe Base64."""
_LENGTH = len(secrets.token_urlsafe(TOKEN_BYTES))


class TokenError(Exception):
    """A token cannot be read or made. The text is one sentence for people that says what to do."""


def token_path(data_dir: Path, role: Role) -> Path:
    """The file that holds the token of `role`."""
    return data_dir / "hub.token" if role is Role.USER else data_dir / "tokens" / role.value


def create_tokens(data_dir: Path) -> TokenTable:
    """Make the tokens that are missing or damaged, and return all of them. Called by the hub, at each start.

    Existing tokens are kept, so running satellites stay valid over a restart of the hub. Files get mode 0600 and
    their folder 0700; on Windows they inherit the rights of the data folder. Raises TokenError.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        folder = token_path(data_dir, Role.VOICE).parent
        folder.mkdir(mode=0o700, exist_ok=True)
        _owner_only(folder, 0o700)
        return TokenTable({_kept_or_made(token_path(data_dir, role)): role for role in (Role.USER, *SATELLITES)})
    except OSError as error:
        raise TokenError(
            f"The tokens cannot be written to {data_dir} ({error.strerror}): make that folder writable or set "
            "ALISA_DATA_DIR to another one."
        ) from error


def read_token(data_dir: Path, role: Role) -> str:
    """The token of `role`, as the hub made it. Raises TokenError when there is none (yet)."""
    path = token_path(data_dir, role)
    try:
        token = path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise TokenError(f"There is no token at {path} yet: start the hub first.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"The token at {path} cannot be read: run this as the user who started the hub.") from error
    if not _whole(token):
        raise TokenError(f"The token at {path} is damaged: restart the hub, which makes a new one.")
    return token


class TokenTable:
    """Roles by token, for the hub. Never shows a token, not even in `repr`."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._roles = [(token.encode(), role) for token, role in roles.items()]

    def role_of(self, token: str) -> Role | None:
        """The role a token stands for, or None. Takes the same time wherever a wrong token differs."""
        given = token.encode("utf-8", "replace")
        found = None
        for known, role in self._roles:
            if hmac.compare_digest(known, given):
                found = role
        return found

    def __repr__(self) -> str:
        return f"TokenTable({', '.join(role.value for _, role in self._roles)})"


def _whole(token: str) -> bool:
    return len(token) >= _LENGTH and token.isascii() and token.isprintable() and " " not in token


def _kept_or_made(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        token = ""
    if _whole(token):
        _owner_only(path, OWNER_ONLY)
        return token
    token = secrets.token_urlsafe(TOKEN_BYTES)
    if path.exists():
        _owner_only(path, OWNER_ONLY)  # replacing a file keeps its mode, so it must be right before the token is in it
    write_atomic(path, f"{token}\n".encode(), OWNER_ONLY)
    return token


def _owner_only(path: Path, mode: int) -> None:
    if os.name == "posix" and path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)
