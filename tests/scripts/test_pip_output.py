"""pip's output in words for people. The samples are what pip 24 to 26 prints."""

from __future__ import annotations

import pytest

from scripts.pip_output import failure, step


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Collecting fastapi==0.165.0 (from -r backend/requirements.txt (line 3))", "looking up fastapi"),
        ("  Downloading pydantic_core-2.50.4-cp311-cp311-manylinux.whl (2.0 MB)", "downloading pydantic-core (2.0 MB)"),
        ("  Building wheel for TikTokLive (pyproject.toml): started", "building TikTokLive"),
        ("Installing collected packages: a, b, c", "unpacking 3 packages"),
        ("Requirement already satisfied: httpx in ./lib", None),
        ("", None),
    ],
)
def test_steps(line: str, said: str | None) -> None:
    assert step(line) == said


NO_MATCH = "ERROR: No matching distribution found for xllamacpp==1.0"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["WARNING: Retrying ... NewConnectionError('... [Errno 111] Connection refused')", NO_MATCH],
            "check the network",
        ),
        (["... Temporary failure in name resolution"], "check the network"),
        (["... [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "Max retries exceeded"], "PIP_CERT"),
        ([NO_MATCH], "no package xllamacpp==1.0 for this Python"),
        (["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"], "disk is full"),
        (["ERROR: [Errno 13] Permission denied: '/venv/lib'"], "who owns its folder"),
        (["ERROR: something new"], "the lines below say why"),
    ],
)
def test_failures_say_what_to_do(lines: list[str], said: str) -> None:
    assert said in failure(lines)
