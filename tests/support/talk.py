"""A conversation with the starter, which tests read as dialogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from backend.app.ports import ChatMessage
from backend.app.pure.starter import Model, Starter, StarterContext, StarterReply


@dataclass
class Talk:
    """A conversation: `say` sends a message and returns her reply; all of it stays in `history`."""

    starter: Starter
    now: datetime = datetime(2026, 3, 4, 21, 15)
    mode: str = "default"
    model: Model = "none"
    remembered: list[ChatMessage] = field(default_factory=list)
    history: list[ChatMessage] = field(default_factory=list)
    window: int | None = None  # how many of the latest messages she is shown

    def say(self, text: str) -> StarterReply:
        self.history.append(ChatMessage("user", text))
        shown = self.history[-self.window :] if self.window else self.history
        used = [m.content for m in self.history if m.role == "assistant"]
        reply = self.starter.respond(
            StarterContext(
                history=shown,
                now=self.now,
                mode=self.mode,
                model=self.model,
                remembered=self.remembered,
                used=used,
                hinted=any("python -m backend" in text for text in used),
            )
        )
        self.history.append(ChatMessage("assistant", reply.text))
        return reply
