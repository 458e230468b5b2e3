"""The bare minimum of a hub, to compare with: httpx reads the model's stream, `websockets.broadcast` sends each token.

No history, no turns, no checks. `python -m benchmarks.bare_hub PORT LLM_URL`
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

import httpx
import websockets


async def main(port: int, llm: str) -> None:
    """Serve until the process is ended."""
    clients: set[websockets.ServerConnection] = set()
    http = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)

    async def turn(text: str) -> None:
        body = {"messages": [{"role": "user", "content": text}], "stream": True}
        async with http.stream("POST", f"{llm}/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    token = choices and choices[0]["delta"].get("content")
                    if token:
                        websockets.broadcast(clients, token)
        websockets.broadcast(clients, "[END]")

    async def handler(socket: websockets.ServerConnection) -> None:
        clients.add(socket)
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                await turn(json.loads(message)["message"])
        clients.discard(socket)

    async with websockets.serve(handler, "127.0.0.1", port, compression=None):
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
