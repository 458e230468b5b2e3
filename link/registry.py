"""Engines as plug-ins: one file each, found in a package or through Python entry points of third parties.

A broken engine is listed with its reason and costs nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from pydantic import BaseModel

Made = TypeVar("Made")
Context = TypeVar("Context")


@dataclass(frozen=True, slots=True)
class Missing:
    """Something an engine needs and does not find: what, and how to get it (a sentence each)."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Engine(Generic[Made, Context]):
    """What an engine's file declares as `ENGINE`.

    validate_environment: what is missing to run with this context; empty when all is there. Must not block long.
    create: builds the engine; heavy libraries are imported in it, not at the top of the file.
    """

    name: str
    summary: str
    options: type[BaseModel]
    validate_environment: Callable[[Context], list[Missing]]
    create: Callable[[Context], Made]


@dataclass(slots=True)
class Registry(Generic[Made, Context]):
    """The engines of one kind. `broken` maps the name of each engine that could not be loaded to why."""

    engines: dict[str, Engine[Made, Context]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @classmethod
    def discover(cls, package: str, group: str) -> Registry[Made, Context]:
        """Load every module of `package` that declares `ENGINE`, then the entry points of `group`.

        An engine that raises while it is loaded, or declares something else, lands in `broken`.
        """
        registry: Registry[Made, Context] = cls()
        for name, load in _candidates(package, group):
            try:
                engine = load()
            except Exception as error:  # noqa: BLE001 - a third party's code: anything may come, and none may stop us
                registry.broken[name] = f"{type(error).__name__}: {error}"
                continue
            if isinstance(engine, Engine):
                registry.engines[engine.name] = engine
            elif engine is not None:
                registry.broken[name] = "ENGINE is not a link.registry.Engine"
        return registry


def _declared(module: str) -> object:
    return getattr(importlib.import_module(module), "ENGINE", None)


def _candidates(package: str, group: str) -> Iterator[tuple[str, Callable[[], object]]]:
    paths = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(paths):
        name = f"{package}.{module.name}"
        yield module.name, partial(_declared, name)
    for entry in entry_points(group=group):
        yield entry.name, entry.load
