"""A process that has a managed model server and nothing else, to be killed by tests.

`python -m tests.support.managing_hub MODELS [PROGRAM]`: prints its status at each change, so `ready` once it answers.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from backend.app.adapters.llm.managed import ManagedLlamaCpp
from backend.app.ports import ChatMessage, LLMContext
from link.settings.schema import LLMSettings


async def run(models: Path, program: str) -> None:
    async def dialogue() -> tuple[ChatMessage, ...]:
        return ()

    settings = LLMSettings(threads=1)
    context = LLMContext(lambda: settings, models, models, lambda: "Alisa", dialogue, datetime.now)
    llm = ManagedLlamaCpp(context, program)
    llm.watch(lambda: print(llm.state().status, flush=True))
    await llm.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
