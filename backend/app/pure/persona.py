"""Her persona as the user's file describes it, and the prompt that is made of it. Pure: no files, no clock.

What never changes comes first in a prompt, because servers keep its evaluated beginning in a cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, field_validator

from backend.app.ports import ChatMessage, StoredMessage
from link.messages import EMOTIONS


class Persona(BaseModel):
    """The persona file. `{name}` and `{emotions}` in the texts stand for her name and the list of emotions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60, description="Her name.")
    prompt: str = Field(min_length=1, max_length=20_000, description="The system prompt: who she is and how she talks.")
    emotion_marks: str = Field("", max_length=4_000, description="How the model is to mark her emotions.")
    modes: dict[str, str] = Field(description="Conversation modes: name -> what is added to the prompt.")

    @field_validator("modes")
    @classmethod
    def _has_default(cls, modes: dict[str, str]) -> dict[str, str]:
        if "default" not in modes:
            raise ValueError("there must be a mode called default (its text may be empty)")
        for name in modes:
            if not name.isidentifier() or name != name.lower():
                raise ValueError(f"the mode {name!r} must be one word of lower-case letters, digits and underscores")
        return modes

    def system(self, mode: str) -> str:
        """The system prompt in this mode (an unknown mode counts as default)."""
        parts = [self.prompt, self.modes.get(mode, self.modes["default"]), self.emotion_marks]
        text = "\n\n".join(part.strip() for part in parts if part.strip())
        return text.replace("{name}", self.name).replace("{emotions}", ", ".join(EMOTIONS))


def build_prompt(
    persona: Persona,
    mode: str,
    history: Sequence[StoredMessage],
) -> tuple[ChatMessage, ...]:
    """The messages for the model: system prompt, then the conversation in strict alternation.

    `history` ends with the message to be answered. Neighbouring messages of one side are joined, because many chat
    templates refuse two in a row.
    """
    messages = [ChatMessage("system", persona.system(mode))]
    for stored in history:
        text = stored.text + (" —" if stored.interrupted else "")
        if messages[-1].role == stored.role:
            messages[-1] = ChatMessage(stored.role, f"{messages[-1].content}\n\n{text}")
        elif stored.role == "user" or len(messages) > 1:  # templates want the user to begin
            messages.append(ChatMessage(stored.role, text))
    return tuple(messages)


def note_of_the_moment(now: datetime) -> str:
    """What the model should know of this moment, in the words that the persona file announces."""
    return f"(Now: {now:%A, %d %B %Y, %H:%M}.)"
