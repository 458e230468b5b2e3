"""The hub's wiring: settings, tokens, storage, model and conversation are put together here, and only here.

`uvicorn backend.app.main:app` serves it; `python -m backend` does so with checks and clear errors.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend.app.adapters.llm.choose import choose
from backend.app.adapters.store.store import SqliteStore
from backend.app.chat_route import chat_router
from backend.app.clients import Clients
from backend.app.conversation import Conversation
from backend.app.guard import Guard
from backend.app.inbound import Inbound
from backend.app.llm_chain import LLMChain
from backend.app.memory import ShortTermMemory, earlier_dialogue
from backend.app.metrics import Metrics
from backend.app.persona import PersonaFile
from backend.app.ports import LLMContext, Scope, StoreError
from backend.app.quiet import QuietKeeper
from backend.app.routes import history_router, open_router, settings_router, status_router
from backend.app.services import Services
from backend.app.slash import SlashCommands
from backend.app.state import HubState
from backend.app.status import StatusReport
from backend.app.ws import websocket_router
from backend.limits import MAX_BYTES
from link import paths
from link.logs import setup as setup_logs
from link.roles import Role
from link.settings.schema import Settings
from link.settings.store import SettingsStore
from link.tasks import RestartPolicy, Supervisor
from link.tokens import TokenTable, create_tokens
from link.version import VERSION

log = logging.getLogger(__name__)


class Door:
    """What the guard needs to know; it stands before the hub is built, and until then lets nobody in."""

    tokens: TokenTable | None = None
    settings: SettingsStore | None = None

    def role_of(self, token: str) -> Role | None:
        return self.tokens.role_of(token) if self.tokens else None

    def allowed(self) -> tuple[Collection[str], Collection[str]]:
        if self.settings is None:
            return (), ()
        hub = self.settings.current.hub
        return hub.allowed_hosts, hub.allowed_origins


def create_app(door: Door) -> FastAPI:
    """The hub's ASGI application with nothing behind its door yet: `build` opens it."""
    app = FastAPI(
        title="Alisa",
        version=VERSION,
        lifespan=_lifespan(door),
        max_body_size=MAX_BYTES,
        # No interactive documentation: its pages load scripts from elsewhere. The schema itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # What is said here is nobody else's business, whatever telemetry this machine is set up to send.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(Guard, role_of=door.role_of, allowed=door.allowed)
    app.include_router(open_router(VERSION))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(StoreError, _store_error)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


def _lifespan(door: Door) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await build(app, door, paths.data_dir(), stack, console=True)
            yield

    return lifespan


async def build(app: FastAPI, door: Door, data: Path, stack: AsyncExitStack, *, console: bool) -> None:
    """Open and start everything, and put the routes into `app`. `stack` closes it again, in reverse order.

    data: the folder where everything is kept. console: also log to stderr, for people.
    Raises SettingsError, TokenError or StoreError when the hub cannot start.
    """
    settings = SettingsStore(data)
    logs = setup_logs("hub", data, settings.current.logs.level, console)
    stack.callback(logs.close)
    tasks = Supervisor()
    stack.push_async_callback(tasks.close)

    store = SqliteStore(data / "alisa.db", Scope())
    stack.push_async_callback(store.close)
    await store.open()

    persona = PersonaFile(data / settings.current.conversation.persona)
    persona.write_default()
    context = LLMContext(
        settings=lambda: settings.current.llm,
        models_dir=paths.models_dir(),
        data_dir=data,
        persona_name=lambda: persona.current().name,
        dialogue=lambda: earlier_dialogue(store, conversation.replies.being_answered()),
        now=datetime.now,
    )
    chain = choose(context)
    stack.push_async_callback(chain.close)

    clients = Clients()
    state = HubState(
        clients,
        describe_llm=lambda: _short_llm(chain),
        name=lambda: persona.current().name,
        modes=lambda: tuple(persona.current().modes),
    )
    services = Services(
        clients=clients,
        state=state,
        memory=ShortTermMemory(store, lambda: settings.current.conversation),
        chain=chain,
        persona=persona,
        metrics=Metrics(connected=lambda: len(clients)),
        tasks=tasks,
        settings=lambda: settings.current,
    )
    conversation = Conversation(services, now=datetime.now)
    await conversation.load()
    report = StatusReport(
        services,
        settings,
        version=VERSION,
        parts_file=data / "run" / "parts.json",
        durability=await store.durability(),
    )
    quiet = QuietKeeper(state, services.memory)
    await quiet.load()
    inbound = Inbound(
        clients=clients,
        conversation=conversation,
        slash=SlashCommands(conversation, services, store, report),
        state=state,
        quiet=quiet,
        metrics=services.metrics,
        max_message=settings.current.conversation.max_message,
    )
    for router in (
        websocket_router(inbound),
        chat_router(inbound),
        status_router(report, chain, services.metrics),
        history_router(store, services, conversation),
        settings_router(settings),
    ):
        app.include_router(router)

    def settings_changed(_: Settings, new: Settings, changed: frozenset[str]) -> None:
        logs.set_level(new.logs.level)
        log.info("settings changed", extra={"names": sorted(changed)})

    settings.subscribe(settings_changed)
    chain.watch(state.changed)
    await chain.start()
    tasks.start("conversation", conversation.drive, RestartPolicy())
    tasks.start("settings", settings.watch, RestartPolicy())
    tasks.start("quiet", quiet.watch, RestartPolicy())

    async def stop_talking() -> None:
        await tasks.stop("conversation")
        await conversation.close()

    stack.push_async_callback(stop_talking)
    door.settings = settings
    door.tokens = create_tokens(data)
    log.info("ready", extra={"version": VERSION, "provider": chain.status().get("provider")})


def _short_llm(chain: LLMChain) -> dict[str, object]:
    """What clients need to know of who answers; `starter` is true also while it only stands in."""
    status = chain.status()
    short = {key: status.get(key) for key in ("provider", "model", "status", "detail", "remedy", "answering")}
    return short | {"starter": any(e["starter"] for e in status["engines"] if e["provider"] == status["answering"])}


def _error(status: int, category: str, text: str) -> JSONResponse:
    return JSONResponse({"error": {"category": category, "text": text}}, status_code=status)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, "refused", str(error.detail))


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _error(422, "malformed", f"{where}: {first['msg']}.")


async def _store_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoreError)
    return _error(503, "storage", error.text)


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    log.error("A request failed.", exc_info=error, extra={"path": request.url.path})
    return _error(500, "internal", "Something went wrong in the hub; the log says what.")


app = create_app(Door())
