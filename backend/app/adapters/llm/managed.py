"""A llama.cpp server that the hub starts, watches, restarts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import socket
from dataclasses import replace
from pathlib import Path

from backend.app.adapters.llm.child import Child
from backend.app.adapters.llm.llamacpp import LlamaCpp
from backend.app.adapters.llm.model_files import NO_PROGRAM, check_model, find_model, find_program
from backend.app.adapters.llm.openai import Pace, endpoint_of
from backend.app.ports import LLM, LLMContext, LLMError, LLMState
from backend.app.pure.endpoint import Endpoint
from backend.app.pure.llama_faults import PORT_BUSY, Fault, explain
from backend.llama_child import HOST, ServerSpec
from link.backoff import Backoff
from link.registry import Engine, Missing
from link.settings.schema import LLMSettings
from link.tasks import RestartPolicy

logger = logging.getLogger(__name__)

TRIES = 3
"""Starts in a row that may fail before the server is given up."""

_HEALTHY_AFTER = 60.0  # seconds of life after which the count of failed starts begins anew
_MEND_EVERY = 2.0  # seconds between two looks whether the user has mended what hinders a start
_HUNG_AFTER = 3  # looks without an answer after which a server that was ready counts as hung
_PACE = Pace(ready=5.0, not_ready=0.15)


class ManagedLlamaCpp(LlamaCpp):
    """A llama.cpp server as a child process of the hub. `program`: what runs it, as in ServerSpec."""

    def __init__(self, context: LLMContext, program: str | None = None, rng: random.Random | None = None) -> None:
        super().__init__(context, None, _PACE)
        self._program = program
        self._rng = rng or random.Random()
        self._model: Path | None = None
        self._hung = 0
        self._healthy = False
        self._set(LLMState("llamacpp", "starting", detail="The model server is being started."))

    async def start(self) -> None:
        self._tasks.start("llm-server", self._run, RestartPolicy())

    # ------------------------------------------------------------------------------------------------ the process

    async def _run(self) -> None:
        """Keep a server running until it has failed too often."""
        backoff = Backoff(0.5, 2.0, 8.0, self._rng)
        failures = 0
        while failures < TRIES:
            spec = self._plan()
            if isinstance(spec, Fault):  # nothing that trying again would help; the user may mend it
                self._give_up(spec)
                await asyncio.sleep(_MEND_EVERY)
                continue
            now = asyncio.get_running_loop().time
            started = now()
            fault = await self._live(spec)
            if now() - started > _HEALTHY_AFTER:
                failures = 0
                backoff.reset()
            failures += 1
            logger.warning("the model server ended", extra={"failures": failures, "reason": fault.detail})
            if failures < TRIES:
                self._set(self._starting(f"{fault.detail} It is being started again."))
                await asyncio.sleep(backoff.next())
        self._give_up(fault)

    async def _live(self, spec: ServerSpec) -> Fault:
        """Run one server to its end; returns why it ended."""
        self._hung, self._healthy = 0, False
        self._set(self._starting("The model is being loaded."))
        try:
            child = Child(spec)
        except OSError:
            return Fault("The model server cannot be started.", "Restart the computer, or set llm.url to a server.")
        self._endpoint = Endpoint(HOST, spec.port, key=spec.key)
        watch = asyncio.create_task(self._watch_server(), name="llm-watch")
        end = asyncio.create_task(child.wait(), name="llm-end")
        try:
            await asyncio.wait([watch, end], return_when=asyncio.FIRST_COMPLETED)
            if not end.done():
                watch.result()  # raises what made it end, if anything
                return Fault("The model server did not answer any more.", "Try a smaller model.")
            return explain(child.said, end.result())
        finally:
            self._endpoint = None
            watch.cancel()
            end.cancel()
            await child.stop()

    def _plan(self) -> ServerSpec | Fault:
        """What to run, once everything that can be checked before is in order."""
        settings = self._context.settings()
        program = find_program() if self._program is None else self._program
        model = find_model(settings.model, self._context.models_dir)
        if isinstance(model, Fault):
            return model
        self._model = model
        fault = check_model(model) or (NO_PROGRAM if program is None else None)
        port = settings.managed_port or _free_port()
        if fault is None and not _is_free(port):
            fault = PORT_BUSY
        if fault is not None or program is None:
            return fault or NO_PROGRAM
        return ServerSpec(
            model=str(model),
            port=port,
            key=secrets.token_urlsafe(32),
            program=program,
            n_ctx=settings.context,
            gpu_layers=settings.gpu_layers,
            threads=settings.threads or _physical_cores(),
            parallel=settings.concurrency,
            cache_mb=settings.prompt_cache_mb,
        )

    # -------------------------------------------------------------------------------------------------- its state

    def _starting(self, detail: str) -> LLMState:
        return LLMState("llamacpp", "starting", model=self._model.name if self._model else "", detail=detail)

    def _give_up(self, fault: Fault) -> None:
        model = self._model.name if self._model else ""
        self._set(LLMState("llamacpp", "down", model=model, detail=fault.detail, remedy=fault.remedy))

    async def _look(self, endpoint: Endpoint) -> LLMState:
        state = await super()._look(endpoint)
        self._hung, self._healthy = 0, True
        return replace(state, extra={"managed": True})

    def _not_ready(self, error: LLMError) -> LLMState:
        """Its process lives, or we would not be asked: so it loads, ends at this moment, or hangs."""
        if self._healthy and error.kind == "stalled":
            self._hung += 1
            if self._hung < _HUNG_AFTER:
                return self._state
            self._endpoint = None  # ends the watch, and with it this server
        return self._starting("The model is being loaded." if not self._healthy else "The model server is gone.")


def missing(context: LLMContext) -> list[Missing]:
    """What a managed server lacks to run here."""
    model = find_model(context.settings().model, context.models_dir)
    faults = [model] if isinstance(model, Fault) else []
    if find_program() is None:
        faults.append(NO_PROGRAM)
    return [Missing(fault.detail, fault.remedy) for fault in faults]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _physical_cores() -> int:
    import psutil

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def _validate(context: LLMContext) -> list[Missing]:
    return [] if context.settings().url.strip() else missing(context)


def _create(context: LLMContext) -> LLM:
    settings = context.settings()
    if settings.url.strip():
        return LlamaCpp(context, endpoint_of(settings))
    return ManagedLlamaCpp(context)


ENGINE: Engine[LLM, LLMContext] = Engine(
    name="llamacpp",
    summary="A llama.cpp server, running already or started by the hub.",
    options=LLMSettings,
    validate_environment=_validate,
    create=_create,
)
