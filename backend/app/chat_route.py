"""`POST /chat`: one message in, the reply out, as JSON or as server-sent events. For scripts and simple pages."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from backend.app.clients import Client, Clients
from backend.app.guard import require_user
from backend.app.inbound import Inbound
from backend.app.replies import Reply
from backend.app.slash import Begun
from link.messages import Emotion, End, Error, HubMessage, Text, Turn
from link.roles import Role


class ChatBody(BaseModel):
    """A message. `stream`: answer with server-sent events (or ask for `text/event-stream`)."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(description="What the user says, or a slash command.")
    stream: bool = Field(False, description="Answer with server-sent events.")


def chat_router(inbound: Inbound) -> APIRouter:
    """The route. Errors: 403 wrong role, 413 too long, 422 empty, 502 the reply failed."""
    router = APIRouter()

    @router.post("/chat")
    async def chat(request: Request, body: ChatBody) -> Any:
        require_user(request)
        problem = inbound.problem_with(body.message)
        if problem:
            raise HTTPException(413 if problem.category == "too_long" else 422, problem.text)
        listener = _Listener(inbound.clients)
        try:
            answer = await inbound.say(body.message, "user", who="http", client=listener.client.id)
        except BaseException:
            listener.leave()
            raise
        if not isinstance(answer, Begun):
            listener.leave()
            if isinstance(answer, Error):
                raise HTTPException(400, answer.text)
            return JSONResponse({"reply": answer.text if answer else "", "command": True})
        reply = inbound.conversation.replies.get(answer.turn)
        assert reply is not None
        if body.stream or "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(_events(listener, reply), media_type="text/event-stream")
        return await _whole(listener, reply)

    return router


class _Listener:
    """A client without a socket that follows one turn."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.client = Client(f"http-{uuid.uuid4().hex[:8]}", "http", Role.USER, 2)
        clients.add(self.client)

    def leave(self) -> None:
        """It needs to hear nothing more."""
        self._clients.remove(self.client)

    async def messages(self, turn: str) -> AsyncGenerator[HubMessage, None]:
        """The messages of this turn, up to its `[END]`."""
        ours = False
        try:
            while not self.client.hopeless.is_set():
                await self.client.wake.wait()
                self.client.wake.clear()
                for message in self.client.outbox.take_messages():
                    if isinstance(message, Turn):
                        ours = message.turn == turn
                    if ours:
                        yield message
                    if ours and isinstance(message, End):
                        return
        finally:
            self.leave()


async def _whole(listener: _Listener, reply: Reply) -> JSONResponse:
    error: Error | None = None
    async with aclosing(listener.messages(reply.turn)) as messages:
        async for message in messages:
            error = message if isinstance(message, Error) else error
    if error:
        return JSONResponse({"error": {"category": error.category, "text": error.text}}, status_code=502)
    return JSONResponse(
        {
            "reply": reply.text,
            "emotion": reply.emotion or "neutral",
            "turn": reply.turn,
            "interrupted": reply.outcome == "interrupted",
        }
    )


async def _events(listener: _Listener, reply: Reply) -> AsyncIterator[str]:
    """One event a message. A caller that goes away ends only its own listening; the turn goes on."""
    async with aclosing(listener.messages(reply.turn)) as messages:
        async for message in messages:
            match message:
                case Turn(turn):
                    yield _event("turn", {"turn": turn})
                case Text(text):
                    yield _event("text", {"text": text})
                case Emotion(name):
                    yield _event("emotion", {"name": name})
                case Error(category, text):
                    yield _event("error", {"category": category, "text": text})
                case End():
                    yield _event("end", {"outcome": reply.outcome})


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
