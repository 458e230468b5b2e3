"""Addresses as people write them."""

from __future__ import annotations

import pytest

from backend.app.pure.endpoint import parse


@pytest.mark.parametrize(
    ("url", "host", "port", "root", "tls"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 8080, "", False),
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, "", False),
        ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080, "", False),
        (" http://127.0.0.1:8080/v1/ ", "127.0.0.1", 8080, "", False),
        ("http://localhost:1234/v1/chat/completions", "localhost", 1234, "", False),
        ("127.0.0.1:11434", "127.0.0.1", 11434, "", False),
        ("localhost", "localhost", 80, "", False),
        ("https://example.org/api/v1", "example.org", 443, "/api", True),
        ("http://[::1]:8080", "::1", 8080, "", False),
    ],
)
def test_what_people_write(url: str, host: str, port: int, root: str, tls: bool) -> None:
    found = parse(url)
    assert (found.host, found.port, found.root, found.tls) == (host, port, root, tls)


@pytest.mark.parametrize(
    "url",
    ["", "http://", "ftp://x", "http://x:99999", "http://x:y", "http://a b/", "http://x/\r\nEvil: 1", "http://[::1"],
)
def test_what_is_no_address_gets_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8080"):
        parse(url)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match=r"llm\.api_key") as caught:
        parse("http://me:geheim@127.0.0.1")
    assert "geheim" not in str(caught.value)


def test_a_key_is_stripped_never_shown_and_cannot_add_headers() -> None:
    assert parse("127.0.0.1", " key\n").key == "key"
    assert "hidden" not in repr(parse("127.0.0.1", "hidden"))
    with pytest.raises(ValueError, match=r"llm\.api_key"):
        parse("127.0.0.1", "a\r\nX: b")


def test_authority() -> None:
    assert parse("http://[::1]:8080").authority == "[::1]:8080"
    assert parse("https://example.org").authority == "example.org"
