"""Hosts and origins: what a page of another site may try."""

from __future__ import annotations

import pytest

from backend.app.pure.access import host_allowed, origin_allowed


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LocalHost:8000", "[::1]:8000", "localhost.:1"])
def test_names_of_this_machine_pass(host: str) -> None:
    assert host_allowed(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil",
        "[::1",
        "0.0.0.0",
    ],
)
def test_other_names_do_not(host: str) -> None:
    assert not host_allowed(host)


def test_the_settings_may_name_more() -> None:
    assert host_allowed("alisa.lan:8000", ["Alisa.lan"])


@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:8000", "HTTP://127.0.0.1:8000"])
def test_programs_and_the_hubs_own_pages_pass(origin: str | None) -> None:
    assert origin_allowed(origin, "127.0.0.1:8000")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://127.0.0.1:8001",
        "http://127.0.0.1",
        "http://localhost:8000.evil.example",
        "file://",
        "chrome-extension://abcdef",
        "http://127.0.0.1:8000@evil.example",
        "http://[::1",
    ],
)
def test_foreign_pages_do_not(origin: str) -> None:
    assert not origin_allowed(origin, "127.0.0.1:8000")


def test_default_ports_and_named_origins() -> None:
    assert origin_allowed("http://localhost", "localhost:80")
    assert origin_allowed("http://localhost:5173", "127.0.0.1:8000", ["http://localhost:5173/"])
