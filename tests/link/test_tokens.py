"""Tokens in real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from link.roles import Role
from link.tokens import TokenError, create_tokens, read_token, token_path

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_every_role_gets_a_token_of_its_own(tmp_path: Path) -> None:
    table = create_tokens(tmp_path / "data")
    tokens = {role: read_token(tmp_path / "data", role) for role in Role}
    assert len(set(tokens.values())) == len(Role)
    assert all(len(token) == 43 for token in tokens.values())
    assert {role: table.role_of(token) for role, token in tokens.items()} == {role: role for role in Role}
    assert token_path(tmp_path, Role.USER) == tmp_path / "hub.token"
    assert token_path(tmp_path, Role.BOT) == tmp_path / "tokens" / "bot"


@pytest.mark.parametrize("wrong", ["", " ", "x", "é" * 43, "\ud800", "a" * 100_000])
def test_other_tokens_have_no_role(tmp_path: Path, wrong: str) -> None:
    table = create_tokens(tmp_path)
    assert table.role_of(wrong) is None
    assert table.role_of(read_token(tmp_path, Role.USER) + wrong) is None or wrong == ""
    assert table.role_of(read_token(tmp_path, Role.USER)[:-1]) is None


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    create_tokens(tmp_path)
    before = read_token(tmp_path, Role.VOICE)
    table = create_tokens(tmp_path)
    assert read_token(tmp_path, Role.VOICE) == before
    assert table.role_of(before) is Role.VOICE


@pytest.mark.parametrize("damage", [b"", b"short\n", b"\xff\xfe" * 40, b"two words " * 8])
def test_damaged_tokens_are_named_and_replaced(tmp_path: Path, damage: bytes) -> None:
    create_tokens(tmp_path)
    path = token_path(tmp_path, Role.USER)
    path.write_bytes(damage)
    with pytest.raises(TokenError):
        read_token(tmp_path, Role.USER)
    table = create_tokens(tmp_path)
    assert table.role_of(read_token(tmp_path, Role.USER)) is Role.USER
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["hub.token", "tokens"]  # and no draft is left


def test_a_missing_token_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="start the hub first"):
        read_token(tmp_path, Role.USER)


@posix_only
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_tokens(tmp_path)
    finally:
        os.umask(before)
    assert mode(tmp_path / "hub.token") == 0o600
    assert mode(tmp_path / "tokens") == 0o700
    assert {mode(path) for path in (tmp_path / "tokens").iterdir()} == {0o600}


@posix_only
def test_loosened_permissions_are_put_right(tmp_path: Path) -> None:
    create_tokens(tmp_path)
    (tmp_path / "hub.token").chmod(0o644)
    (tmp_path / "tokens").chmod(0o755)
    token_path(tmp_path, Role.BOT).write_text("")
    token_path(tmp_path, Role.BOT).chmod(0o666)
    create_tokens(tmp_path)
    assert mode(tmp_path / "hub.token") == 0o600
    assert mode(tmp_path / "tokens") == 0o700
    assert mode(token_path(tmp_path, Role.BOT)) == 0o600


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(TokenError, match="ALISA_DATA_DIR"):
        create_tokens(blocked)


def test_the_table_shows_no_token(tmp_path: Path) -> None:
    table = create_tokens(tmp_path)
    assert read_token(tmp_path, Role.USER) not in repr(table)
    assert read_token(tmp_path, Role.USER) not in str(vars(table).keys())
