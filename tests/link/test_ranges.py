"""What an answer to a resumed download means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from link.ranges import Body, Complete, Refused, StartOver, Validator, check_address, judge, range_headers

KNOWN = Validator('"v1"', "", 100)
NOTHING = Validator()


@pytest.mark.parametrize(
    ("status", "headers", "have", "outcome"),
    [
        (200, {"content-length": "100"}, 0, Body(0, 100)),
        (200, {}, 0, Body(0, None)),
        (200, {"content-length": "100"}, 40, Body(0, 100)),
        (206, {"content-range": "bytes 40-99/100", "etag": '"v1"'}, 40, Body(40, 100)),
        (206, {"content-range": "bytes 40-99/*"}, 40, Body(40, 100)),
        (206, {"content-range": "bytes 0-99/100"}, 40, StartOver()),
        (206, {"content-range": "bytes 40-119/120"}, 40, StartOver()),
        (206, {"content-range": "bytes 40-99/100", "etag": '"v2"'}, 40, StartOver()),
        (206, {}, 40, StartOver()),
        (416, {"content-range": "bytes */100"}, 100, Complete(100)),
        (416, {"content-range": "bytes */100", "etag": '"v2"'}, 100, StartOver()),
        (416, {"content-range": "bytes */90"}, 100, StartOver()),
        (416, {}, 100, StartOver()),
    ],
)
def test_answers(status, headers, have, outcome):
    assert judge(status, headers, have, KNOWN) == outcome


@pytest.mark.parametrize(
    ("status", "retry"), [(500, True), (503, True), (429, True), (404, False), (403, False), (418, False)]
)
def test_refusals_know_whether_to_come_back(status, retry):
    refusal = judge(status, {"retry-after": "7"}, 0, NOTHING)
    assert isinstance(refusal, Refused)
    assert refusal.retry is retry
    assert not retry or refusal.after == 7


def test_a_compressed_body_is_refused():
    assert isinstance(judge(200, {"content-encoding": "gzip"}, 0, NOTHING), Refused)


def test_only_strong_validators_condition_a_range():
    assert range_headers(0, KNOWN) == {"Accept-Encoding": "identity"}
    assert range_headers(5, KNOWN)["If-Range"] == '"v1"'
    assert "If-Range" not in range_headers(5, Validator('W/"v1"'))
    assert range_headers(5, Validator('W/"v1"', "Sat, 01 Nov 2025 10:00:00 GMT"))["If-Range"].startswith("Sat")


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["content-range", "content-length", "etag"]), st.text()),
       st.integers(0, 10**12))  # fmt: skip
def test_no_answer_raises(status, headers, have):
    judge(status, headers, have, KNOWN)


@pytest.mark.parametrize(
    ("url", "before", "allowed"),
    [
        ("https://example.org/m.gguf", None, True),
        ("http://example.org/m.gguf", None, False),
        ("http://127.0.0.1:8/m.gguf", None, True),
        ("http://[::1]:8/m.gguf", None, True),
        ("http://localhost/m.gguf", None, True),
        ("http://localhost.example.org/m.gguf", None, False),
        ("http://127.0.0.1/m.gguf", "https://example.org/", False),
        ("http://127.0.0.1/m.gguf", "http://127.0.0.1/", True),
        ("https://user:word@example.org/m.gguf", None, False),
        ("ftp://example.org/m.gguf", None, False),
        ("file:///etc/passwd", None, False),
        ("m.gguf", None, False),
        ("https://[broken/m.gguf", None, False),
        ("", None, False),
    ],
)
def test_addresses(url, before, allowed):
    assert (check_address(url, before) is None) is allowed
