"""The WebSocket: one task reads what a client sends, another sends what waits for it. Nothing is decided here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from backend.app.clients import MAX_CLIENTS, Client
from backend.app.inbound import Inbound
from link.roles import Role

log = logging.getLogger(__name__)

TOO_SLOW = 4008
TOO_MANY = 4013
CLOSE_WITHIN = 1.0
"""Seconds a client that does not read may take to hear why it is disconnected."""


def websocket_router(inbound: Inbound) -> APIRouter:
    """The route `/ws/chat`. Query: v (2 for ours), name, and turn and received to resume a reply."""
    router = APIRouter()

    @router.websocket("/ws/chat")
    async def chat(websocket: WebSocket) -> None:
        client = _client_of(websocket)
        await websocket.accept()
        if len(inbound.clients) >= MAX_CLIENTS:
            await websocket.close(TOO_MANY, "Too many clients are connected.")
            return
        query = websocket.query_params
        received = query.get("received", "")
        inbound.connected(client, query.get("turn", "")[:64], int(received) if received.isdecimal() else 0)
        reading = asyncio.create_task(_read(websocket, client, inbound), name=f"read-{client.id}")
        sending = asyncio.create_task(_send(websocket, client), name=f"send-{client.id}")
        lagging = asyncio.create_task(client.hopeless.wait(), name=f"lag-{client.id}")
        tasks = (reading, sending, lagging)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await inbound.disconnected(client)
        for result in results:
            if isinstance(result, Exception):
                log.error("A connection failed.", extra={"client": client.name}, exc_info=result)
        if client.hopeless.is_set() and websocket.application_state is WebSocketState.CONNECTED:
            inbound.metrics.dropped_clients.inc()
            log.warning("A client read too slowly and was disconnected.", extra={"client": client.name})
            with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await websocket.close(TOO_SLOW, "You read too slowly; connect again to go on.")

    return router


def _client_of(websocket: WebSocket) -> Client:
    query = websocket.query_params
    role: Role = websocket.scope["state"]["role"]
    name = "".join(c for c in query.get("name", "") if c.isprintable())[:60]
    version = 2 if query.get("v") == "2" else 1
    return Client(uuid.uuid4().hex[:8], name or f"{role}", role, version)


async def _read(websocket: WebSocket, client: Client, inbound: Inbound) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        await inbound.frame(client, text if text is not None else message.get("bytes") or b"")


async def _send(websocket: WebSocket, client: Client) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it went away in the middle of a frame
        while True:
            await client.wake.wait()
            client.wake.clear()
            for frame in client.outbox.take():
                await websocket.send({"type": "websocket.send", "text": frame})
