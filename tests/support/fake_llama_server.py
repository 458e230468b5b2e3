"""Stands in for the `llama-server` program, which the tests cannot count on: same options, a scripted server inside.

`install(folder)` writes an executable `llama-server` there. Files beside it change what it does: `stubborn` (it
ignores SIGTERM), `old` (it knows only the oldest options), `broken` (it ends with the file's text on stderr).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def install(folder: Path) -> Path:
    """Write the program into `folder`; returns its path."""
    program = folder / "llama-server"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.support.fake_llama_server import main\nmain()\n"
    )
    program.chmod(0o755)
    return program


def main() -> None:
    beside = Path(sys.argv[0]).resolve().parent
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for option in ("--model", "--host", "--port", "--ctx-size", "--parallel", "--threads", "--n-gpu-layers"):
        parser.add_argument(option)
    if not (beside / "old").exists():
        parser.add_argument("--cache-ram")
        parser.add_argument("--cors-origins")
        parser.add_argument("--kv-unified", action="store_true")
        parser.add_argument("--jinja", action="store_true")
    options = parser.parse_args()
    (beside / "started").write_text("\n".join([str(os.getpid()), *sys.argv[1:]]))
    if (beside / "broken").exists():
        sys.exit((beside / "broken").read_text())
    if (beside / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(serve(options))


async def serve(options: argparse.Namespace) -> None:
    from tests.support.fake_llm import FakeLLM

    key = os.environ["LLAMA_API_KEY"]
    async with FakeLLM(llamacpp=True, port=int(options.port), api_key=key, n_ctx=int(options.ctx_size)):
        await asyncio.Event().wait()
