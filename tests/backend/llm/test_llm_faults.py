"""Refusals of many servers, in their own words, become faults that say what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.app.pure.llama_faults import explain
from backend.app.pure.llm_faults import from_event, from_response


def answer(status: int, error: Any) -> Any:
    return from_response(status, json.dumps({"error": error}).encode())


def test_overflow_as_llama_cpp_says_it() -> None:
    error = answer(400, {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096})
    assert (error.kind, error.retry, error.n_prompt_tokens, error.n_ctx) == ("overflow", False, 5000, 4096)


@pytest.mark.parametrize(
    ("error", "n_ctx"),
    [
        ({"message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"}, 8192),
        ({"code": "context_length_exceeded", "message": "too long"}, None),
        ("Trying to keep the first 5000 tokens when context the overflows.", None),
        ({"message": "the request exceeds the available context size (2048 tokens), try increasing it"}, 2048),
    ],
)
def test_overflow_as_others_say_it(error: Any, n_ctx: int | None) -> None:
    found = answer(400, error)
    assert (found.kind, found.n_ctx) == ("overflow", n_ctx)


@pytest.mark.parametrize(
    ("status", "error", "kind", "retry"),
    [
        (401, {"message": "Invalid API Key"}, "rejected", False),
        (403, "no", "rejected", False),
        (404, {"message": "model 'x' not found"}, "rejected", False),
        (400, {"message": "bad grammar", "type": "invalid_request_error"}, "rejected", False),
        (302, None, "rejected", False),
        (429, {"message": "slow down"}, "busy", True),
        (503, {"message": "Loading model", "type": "unavailable_error"}, "starting", True),
        (503, "overloaded", "server", True),
        (500, {"message": "boom"}, "server", True),
        (502, None, "server", True),
    ],
)
def test_kinds(status: int, error: Any, kind: str, retry: bool) -> None:
    found = answer(status, error)
    assert (found.kind, found.retry) == (kind, retry)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b"\xff", b'{"error": 7}', b'{"error": []}'])
def test_a_body_that_says_nothing_costs_nothing(body: bytes) -> None:
    assert from_response(500, body).kind == "server"


def test_the_servers_own_words_do_not_get_out() -> None:
    secret = "/home/anna/models/x.gguf key=sk-123 Traceback"
    for status in (400, 401, 404, 429, 500, 503):
        error = answer(status, {"message": secret, "type": secret})
        assert "anna" not in error.text + str(error)
        assert "sk-123" not in error.text


def test_errors_in_a_stream() -> None:
    assert from_event({"code": 503, "message": "Loading model"}).kind == "starting"
    assert from_event({"code": "weird"}).kind == "server"
    assert from_event("no more memory").kind == "server"
    assert from_event({"code": 7}).kind == "server"


# What a real server wrote before it ended, shortened.
@pytest.mark.parametrize(
    ("said", "code", "detail"),
    [
        ("tensor 'blk.0' data is not within the file bounds, model is corrupted\nfailed to load model", 1, "damaged"),
        ("gguf_init_from_reader: invalid magic characters: 'uO?}', expected 'GGUF'", 1, "damaged"),
        ("couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 18999", 1, "port"),
        (
            "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory\nfailed to load model",
            1,
            "memory",
        ),
        ("error loading model: unknown model architecture: 'qwen9'", 1, "does not know"),
        ("ModuleNotFoundError: No module named 'xllamacpp'", 1, "xllamacpp"),
        ("error: invalid argument: --kv-unified", 1, "too old"),
        ("", -9, "killed"),
        ("", -11, "unexpectedly"),
    ],
)
def test_why_a_llama_server_ended(said: str, code: int, detail: str) -> None:
    fault = explain(said, code)
    assert detail in fault.detail
    assert fault.remedy.endswith(".")
