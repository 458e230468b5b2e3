"""A real llama.cpp server (xllamacpp) that no hub has started, in a process of its own.

async with llama_server(tmp_path, write_tiny_gguf(tmp_path / "tiny.gguf")) as llama:
    async with hub_process(tmp_path / "data", **llama.variables) as hub: ...
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from backend.llama_child import ServerSpec
from tests.support.processes import STARTS_WITHIN, Running, becomes, environment, free_port

KEY = "a-key-of-the-tests"


class LlamaServer:
    """The server. `http`: a client with its key; `variables`: what makes a hub use it."""

    def __init__(self, folder: Path, model: Path, context: int) -> None:
        self._spec = ServerSpec(model=str(model), port=free_port(), key=KEY, n_ctx=context)
        self.url = f"http://127.0.0.1:{self._spec.port}"
        self.variables = {"ALISA_LLM__URL": self.url, "ALISA_LLM__API_KEY": KEY}
        self.http = httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=10, trust_env=False
        )
        # The hub's own wrapper: it ends with us, whatever happens, because its input does.
        self.program = Running("llama", ("-m", "backend.llama_child"), environment(), folder, pipe=True)

    async def start(self) -> None:
        """Start it (again, on the same port) and wait until it has its model."""
        await self.program.spawn()
        assert self.program.process.stdin
        self.program.process.stdin.write(self._spec.to_line())

        async def healthy() -> bool:
            assert self.program.process.returncode is None, f"the server has ended: {self.program.err}"
            with contextlib.suppress(httpx.HTTPError):
                return (await self.http.get("/health")).status_code == 200
            return False

        await becomes(healthy, STARTS_WITHIN, "the server's readiness")

    async def kill(self) -> None:
        """kill -9."""
        await self.program.kill()

    async def slots(self) -> list[dict[str, Any]]:
        """What it works on now."""
        slots: list[dict[str, Any]] = (await self.http.get("/slots")).json()
        return slots

    async def busy(self) -> int:
        """How many replies it generates now."""
        return sum(slot["is_processing"] for slot in await self.slots())

    async def tokens(self, text: str) -> int:
        """Length of a text by its tokenizer."""
        return len((await self.http.post("/tokenize", json={"content": text})).json()["tokens"])


@asynccontextmanager
async def llama_server(folder: Path, model: Path, *, context: int = 4096) -> AsyncIterator[LlamaServer]:
    """The server with this model, ready."""
    server = LlamaServer(folder, model, context)
    try:
        await server.start()
        yield server
    finally:
        await server.http.aclose()
        await server.program.end()
