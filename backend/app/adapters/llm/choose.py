"""Decides at start who answers: the settings first, then what is found on this machine, else the starter."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from backend.app.adapters.llm.detect import detect
from backend.app.adapters.llm.llamacpp import LlamaCpp
from backend.app.adapters.llm.managed import ManagedLlamaCpp
from backend.app.adapters.llm.model_files import NO_PROGRAM, find_model, find_program
from backend.app.adapters.llm.openai import endpoint_of
from backend.app.llm_chain import LLMChain
from backend.app.ports import LLM, LLMContext
from backend.app.pure import endpoint as endpoints
from backend.app.pure.llama_faults import Fault
from link.registry import Registry

logger = logging.getLogger(__name__)

PACKAGE, GROUP = "backend.app.adapters.llm", "alisa.llm"

Engines = Registry[LLM, LLMContext]


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers, why (one sentence), and how to get a model where there is none."""

    llm: LLM
    why: str
    remedy: str = ""


def choose(context: LLMContext) -> LLMChain:
    """The chain of engines for these settings. Raises RuntimeError if not even the starter can be loaded."""
    engines: Engines = Registry.discover(PACKAGE, GROUP)
    for name, reason in engines.broken.items():
        logger.error("an engine is broken", extra={"engine": name, "reason": reason})
    choice = choose_primary(context, engines)
    fallbacks = [] if choice.llm.name == "starter" or "starter" not in engines.engines else [_starter(context, engines)]
    return LLMChain(choice.llm, fallbacks, context.settings, chosen=choice.why, remedy=choice.remedy)


def choose_primary(context: LLMContext, engines: Engines, detected: Callable[[], str | None] = detect) -> Choice:
    """The first choice. Nothing is asked of a server here, but of those that might run on this machine."""
    settings = context.settings()
    if settings.plugin:
        return _named(context, engines, settings.plugin)
    provider = settings.provider
    if provider == "starter":
        return Choice(_starter(context, engines), "The settings want the starter.")
    if provider == "openai":
        return _named(context, engines, "openai")
    return _llamacpp(context, engines, detected)


def _named(context: LLMContext, engines: Engines, name: str) -> Choice:
    """An engine that the settings name: the starter in its place if it lacks something."""
    engine = engines.engines.get(name)
    if engine is None:
        remedy = f"Known engines: {', '.join(engines.engines)}. The hub's log says what is wrong with others."
        return Choice(_starter(context, engines), f"The engine {name} cannot be loaded.", remedy)
    lacks = engine.validate_environment(context)
    if lacks:
        return Choice(_starter(context, engines), lacks[0].what, lacks[0].remedy)
    return Choice(engine.create(context), f"The settings want {name}.")


def _llamacpp(context: LLMContext, engines: Engines, detected: Callable[[], str | None]) -> Choice:
    """`auto` and `llamacpp`: an address, else a server that runs, else one of our own, else the starter."""
    settings = context.settings()
    certain = settings.provider == "llamacpp"
    if settings.url.strip():
        return Choice(LlamaCpp(context, endpoint_of(settings), certain=certain), "The settings name a server.")
    if settings.detect and not settings.model.strip() and (url := detected()):
        llm = LlamaCpp(context, endpoints.parse(url))
        return Choice(llm, f"A llama.cpp server was already running at {url}.")
    model = find_model(settings.model, context.models_dir)
    if isinstance(model, Fault):
        return Choice(_starter(context, engines), model.detail, model.remedy)
    program = find_program()
    if program is None:
        return Choice(_starter(context, engines), NO_PROGRAM.detail, NO_PROGRAM.remedy)
    return Choice(
        ManagedLlamaCpp(context, program), f"The model {model.name} is in models/; the hub runs a server for it."
    )


def _starter(context: LLMContext, engines: Engines) -> LLM:
    if "starter" not in engines.engines:
        raise RuntimeError(f"the starter cannot be loaded: {engines.broken.get('starter', 'its file is missing')}")
    return engines.engines["starter"].create(context)
