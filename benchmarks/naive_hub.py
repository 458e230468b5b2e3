"""The hub as it is often first written, to compare with: each client's send is awaited in turn, a new HTTP client a
turn, the receive loop waits for the reply. `python -m benchmarks.naive_hub PORT LLM_URL`
"""

from __future__ import annotations

import json
import sys

import httpx
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect


def create(llm: str) -> FastAPI:
    """The application."""
    app = FastAPI()
    clients: list[WebSocket] = []

    @app.websocket("/ws/chat")
    async def chat(socket: WebSocket) -> None:
        await socket.accept()
        clients.append(socket)
        try:
            while True:
                text = json.loads(await socket.receive_text())["message"]
                body = {"messages": [{"role": "user", "content": text}], "stream": True}
                async with (
                    httpx.AsyncClient(timeout=60, trust_env=False) as http,
                    http.stream("POST", f"{llm}/v1/chat/completions", json=body) as answer,
                ):
                    async for line in answer.aiter_lines():
                        if line.startswith("data: {"):
                            choices = json.loads(line[6:])["choices"]
                            token = choices and choices[0]["delta"].get("content")
                            if token:
                                for client in clients:
                                    await client.send_text(token)
                for client in clients:
                    await client.send_text("[END]")
        except WebSocketDisconnect:
            clients.remove(socket)

    return app


if __name__ == "__main__":
    uvicorn.run(create(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
