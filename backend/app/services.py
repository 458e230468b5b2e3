"""What the conversation works with, put together once by main.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.app.clients import Clients
from backend.app.llm_chain import LLMChain
from backend.app.memory import ShortTermMemory
from backend.app.metrics import Metrics
from backend.app.persona import PersonaFile
from backend.app.state import HubState
from link.settings.schema import Settings
from link.tasks import Supervisor


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running hub. `settings` gives the live ones."""

    clients: Clients
    state: HubState
    memory: ShortTermMemory
    chain: LLMChain
    persona: PersonaFile
    metrics: Metrics
    tasks: Supervisor
    settings: Callable[[], Settings]
