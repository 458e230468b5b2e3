"""The fake server as a process, as benchmarks and end-to-end tests use it."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

from link.paths import PROJECT


def test_it_prints_its_port_answers_and_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "tests.support.fake_llm", "--text", "Hel|lo", "--llamacpp"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as fake:
        assert fake.stdin is not None
        assert fake.stdout is not None
        port = int(fake.stdout.readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/chat/completions", b"{}", timeout=5) as answer:
            body = answer.read()
        assert b'"content":"Hel"' in body
        assert body.endswith(b"data: [DONE]\n\n")
        fake.stdin.close()
        assert fake.wait(5) == 0
