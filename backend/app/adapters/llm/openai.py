"""Any OpenAI-compatible server: Ollama, LM Studio, vLLM, or one that offers nothing but chat completions.

A task of its own watches the server, so that a request is sent without asking anything first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from backend.app.adapters.llm.chat import stream_chat
from backend.app.adapters.llm.http import fetch
from backend.app.ports import LLM, ChatRequest, Chunk, LLMContext, LLMError, LLMState, LLMStatus
from backend.app.pure import endpoint as endpoints
from backend.app.pure import llm_faults
from backend.app.pure.endpoint import Endpoint
from link.registry import Engine, Missing
from link.settings.schema import LLMSettings
from link.tasks import RestartPolicy, Supervisor

_PROBE_TIMEOUT = 2.0  # seconds
_NO_ANSWERS = ("embed", "rerank", "whisper", "tts")  # parts of the ids of models that do not chat


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks at the server: while it is ready on this machine, ready elsewhere, or not ready.

    models: for how long the list of its models is kept.
    """

    ready: float = 5.0
    remote: float = 60.0
    not_ready: float = 1.0
    models: float = 60.0


PACE = Pace()


class OpenAIServer:
    """An LLM behind `/v1/chat/completions`.

    endpoint: where; a ValueError in its place makes an engine that is down and says why. None: not known yet.
    """

    def __init__(self, context: LLMContext, endpoint: Endpoint | ValueError | None, pace: Pace = PACE) -> None:
        self._context, self._pace = context, pace
        self._endpoint = endpoint if isinstance(endpoint, Endpoint) else None
        self._state = LLMState("openai", "starting", detail="The model server has not been asked yet.")
        if isinstance(endpoint, ValueError):
            self._state = LLMState("openai", "down", detail=str(endpoint), remedy="Correct it in the settings.")
        self._watchers: list[Callable[[], None]] = []
        self._look_now = asyncio.Event()
        self._tasks = Supervisor()
        self._models: tuple[str, ...] = ()
        self._models_at: float | None = None

    @property
    def name(self) -> str:
        return self._state.provider

    def state(self) -> LLMState:
        return self._state

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    async def start(self) -> None:
        if self._endpoint is not None:
            self._tasks.start("llm-watch", self._watch_server, RestartPolicy())

    async def close(self) -> None:
        await self._tasks.close()

    async def batches(self, request: ChatRequest) -> AsyncGenerator[list[Chunk], None]:
        endpoint = self._endpoint
        if endpoint is None:
            starting = self._state.status == "starting"
            raise LLMError("starting" if starting else "unreachable", self._state.detail, retry=starting)
        settings = self._context.settings()
        try:
            body = json.dumps(await self._body(endpoint, request, settings)).encode()
            stream = stream_chat(endpoint, body, first=settings.first_token_timeout, stall=settings.stall_timeout)
            async with aclosing(stream) as answer:
                async for chunks in answer:
                    yield chunks
        except LLMError as error:
            self._failed(error)
            raise
        if self._state.status != "ready":
            self._look_now.set()

    async def count_tokens(self, text: str) -> int | None:
        return None

    async def models(self) -> Sequence[str]:
        """Ids of the server's models, at most `Pace.models` old; the last known ones if it cannot be asked."""
        if self._endpoint is not None and not self._fresh():
            with contextlib.suppress(LLMError):
                await self._list_models(self._endpoint)
        return self._models

    # ---------------------------------------------------------------------------------------------- the request

    async def _body(self, endpoint: Endpoint, request: ChatRequest, settings: LLMSettings) -> dict[str, Any]:
        """What is sent: common fields, those of the server's kind, then the user's own, which win."""
        body: dict[str, Any] = {
            "model": await self._model_id(settings),
            "messages": [{"role": m.role, "content": m.content} for m in request.messages_with_note()],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
        }
        if settings.seed >= 0:
            body["seed"] = settings.seed
        body |= self._particular(request, settings)
        return body | settings.extra_body | {"stream": True}  # without a stream, hanging up would not stop it

    def _particular(self, request: ChatRequest, settings: LLMSettings) -> dict[str, Any]:
        """Fields that only this kind of server understands."""
        return {}

    async def _model_id(self, settings: LLMSettings) -> str:
        if not settings.model and self._models_at is None:
            await self.models()  # once: a name is needed, and nobody has asked yet
        return settings.model or _suitable(self._models) or "default"

    # ------------------------------------------------------------------------------------------------ the watch

    async def _watch_server(self) -> None:
        while self._endpoint is not None:
            try:
                state = await self._look(self._endpoint)
            except LLMError as error:
                state = self._not_ready(error)
            self._set(state)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval(self._endpoint)):
                    await self._look_now.wait()
            self._look_now.clear()

    def _interval(self, endpoint: Endpoint) -> float:
        if self._state.status != "ready":
            return self._pace.not_ready
        return self._pace.ready if endpoint.host in ("127.0.0.1", "::1", "localhost") else self._pace.remote

    async def _look(self, endpoint: Endpoint) -> LLMState:
        """Ask the server how it is. Raises LLMError."""
        if self._state.status == "ready" and self._fresh():
            await fetch(endpoint, "GET", "/health", timeout=_PROBE_TIMEOUT)  # any answer will do
        else:
            await self._list_models(endpoint)
        return self._ready()

    async def _list_models(self, endpoint: Endpoint) -> None:
        """Refresh the list of models; a server without one counts as one without models. Raises LLMError."""
        status, document = await fetch(endpoint, "GET", "/v1/models", timeout=_PROBE_TIMEOUT)
        if status in (401, 403, 500, 502, 503, 504):
            raise llm_faults.from_response(status, json.dumps(document).encode())
        listed = document.get("data") if isinstance(document, dict) else None
        entries = listed if isinstance(listed, list) else []
        self._models = tuple(str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry)
        self._models_at = asyncio.get_running_loop().time()

    def _fresh(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._models_at is not None and now - self._models_at < self._pace.models

    def _ready(self) -> LLMState:
        wanted = self._context.settings().model
        model = wanted or _suitable(self._models)
        state = LLMState("openai", "ready", model=model)
        if wanted and self._models and wanted not in self._models and f"{wanted}:latest" not in self._models:
            return replace(state, detail="The server does not list this model.", remedy="Check llm.model.")
        if not wanted and len(self._models) > 1:
            return replace(state, detail="The server has several models.", remedy="Choose one with llm.model.")
        return state

    def _not_ready(self, error: LLMError) -> LLMState:
        status: LLMStatus = "starting" if error.kind == "starting" else "down"
        remedy = ""
        if error.kind in ("unreachable", "cut", "stalled"):
            remedy = "Start the model server, or check llm.url."
        elif error.kind == "server":
            remedy = "Look at the model server's own messages."
        return LLMState(self.name, status, model=self._state.model, detail=error.text, remedy=remedy)

    def _failed(self, error: LLMError) -> None:
        """A request has shown how the server is, before the watch did."""
        if error.kind in ("unreachable", "starting"):
            self._set(self._not_ready(error))
        if error.kind in ("unreachable", "starting", "cut"):
            self._look_now.set()

    def _set(self, state: LLMState) -> None:
        if state != self._state:
            self._state = state
            for changed in self._watchers:
                changed()


def _suitable(models: Sequence[str]) -> str:
    """The first model that can hold a conversation, by its name; empty if there is none."""
    return next((m for m in models if not any(part in m.lower() for part in _NO_ANSWERS)), "")


def endpoint_of(settings: LLMSettings) -> Endpoint | ValueError:
    """The server in the settings, or what is wrong with its address."""
    try:
        return endpoints.parse(settings.url, settings.api_key.get_secret_value())
    except ValueError as error:
        return error


def _validate(context: LLMContext) -> list[Missing]:
    if context.settings().url.strip():
        return []
    remedy = "Set llm.url, for Ollama http://127.0.0.1:11434, for LM Studio http://127.0.0.1:1234."
    return [Missing("The address of the model server is not set.", remedy)]


def _create(context: LLMContext) -> LLM:
    return OpenAIServer(context, endpoint_of(context.settings()))


ENGINE: Engine[LLM, LLMContext] = Engine(
    name="openai",
    summary="Any OpenAI-compatible server: Ollama, LM Studio, vLLM.",
    options=LLMSettings,
    validate_environment=_validate,
    create=_create,
)
