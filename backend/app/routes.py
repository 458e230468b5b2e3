"""The hub over HTTP: health, status, history, settings, metrics, and what a browser or a script needs to chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.app.conversation import Conversation
from backend.app.guard import require_user
from backend.app.llm_chain import LLMChain
from backend.app.metrics import Metrics
from backend.app.ports import LLMError, Store, StoredMessage
from backend.app.services import Services
from link.settings.problems import SettingsError
from link.settings.store import SettingsStore

Limit = Annotated[int, Query(ge=1, le=200)]


class HealthAnswer(BaseModel):
    """What anybody may know."""

    status: Literal["ok"] = "ok"
    name: Literal["alisa"] = "alisa"
    version: str


class MessageAnswer(BaseModel):
    """A stored message."""

    id: int
    conversation: int
    role: str
    text: str
    source: str
    turn: str
    at: datetime
    emotion: str | None
    interrupted: bool


class HistoryAnswer(BaseModel):
    """A page of messages, newest first; `before` fetches the next older page."""

    messages: list[MessageAnswer]
    before: int | None


class SummaryAnswer(BaseModel):
    """Totals, and how many tokens of the current conversation she has in mind."""

    messages: int
    conversations: int
    first: datetime | None
    last: datetime | None
    buffer_tokens: int


class ClearRequest(BaseModel):
    """What to delete: the current conversation's messages, or all."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["conversation", "all"] = Field("conversation", description="What to delete.")


def open_router(version: str) -> APIRouter:
    """Health, which needs no token."""
    router = APIRouter()

    @router.get("/")
    async def health() -> HealthAnswer:
        return HealthAnswer(version=version)

    return router


def status_router(status: Callable[[], dict[str, Any]], chain: LLMChain, metrics: Metrics) -> APIRouter:
    """How things stand, for every role; models and metrics for the user."""
    router = APIRouter()

    @router.get("/status")
    async def status_() -> dict[str, Any]:
        return status()

    @router.get("/models")
    async def models(request: Request) -> dict[str, Any]:
        require_user(request)
        try:
            offered = await chain.models()
        except LLMError as error:
            raise HTTPException(502, error.text) from error
        return {"models": list(offered), "in_use": chain.status()["model"]}

    @router.get("/metrics")
    async def metrics_(request: Request) -> Response:
        require_user(request)
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def history_router(store: Store, services: Services, conversation: Conversation) -> APIRouter:
    """What was said, and why she spoke."""
    router = APIRouter()

    @router.get("/history/summary")
    async def summary(request: Request) -> SummaryAnswer:
        require_user(request)
        totals = await store.summary()
        return SummaryAnswer(
            messages=totals.messages,
            conversations=totals.conversations,
            first=totals.first,
            last=totals.last,
            buffer_tokens=services.memory.tokens,
        )

    @router.get("/history")
    async def history(
        request: Request,
        conversation: int | None = None,
        search: Annotated[str | None, Query(max_length=500)] = None,
        before: int | None = None,
        limit: Limit = 50,
    ) -> HistoryAnswer:
        require_user(request)
        page = await store.page(conversation=conversation, search=search, before=before, limit=limit)
        return HistoryAnswer(messages=[_message(m) for m in page.messages], before=page.before)

    @router.get("/conversations")
    async def conversations(request: Request) -> dict[str, Any]:
        require_user(request)
        return {"current": services.memory.conversation, "conversations": await store.conversations()}

    @router.post("/history/clear")
    async def clear(request: Request, body: Annotated[ClearRequest | None, Body()] = None) -> dict[str, int]:
        require_user(request)
        everything = body is not None and body.scope == "all"
        return {"deleted": await conversation.perform(lambda: services.memory.clear(everything))}

    @router.get("/decisions")
    async def decisions(request: Request) -> dict[str, Any]:
        require_user(request)
        return {"decisions": conversation.decisions.as_json()}

    return router


def settings_router(settings: SettingsStore) -> APIRouter:
    """Settings with their schema; changes are validated, saved and put into effect."""
    router = APIRouter()

    @router.get("/settings")
    async def read(request: Request) -> dict[str, Any]:
        require_user(request)
        return {**settings.public(), "schema": settings.json_schema()}

    @router.patch("/settings")
    async def change(request: Request, patch: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        require_user(request)
        try:
            result = await settings.update_async(patch)
        except SettingsError as error:
            raise HTTPException(422, str(error)) from error
        return {"changed": list(result.changed), "restart_needed": list(result.restart_needed)}

    return router


def _message(stored: StoredMessage) -> MessageAnswer:
    return MessageAnswer(
        id=stored.id,
        conversation=stored.conversation,
        role=stored.role,
        text=stored.text,
        source=stored.source,
        turn=stored.turn,
        at=stored.at,
        emotion=stored.emotion,
        interrupted=stored.interrupted,
    )
