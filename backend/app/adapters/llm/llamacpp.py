"""A llama.cpp server: what it offers beyond the OpenAI interface.

Its prompt cache by slot, its samplers, its tokenizer, and `/props`, which tells context and model.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from backend.app.adapters.llm.http import fetch
from backend.app.adapters.llm.openai import PACE, OpenAIServer, Pace
from backend.app.ports import ChatRequest, LLMContext, LLMError, LLMState
from backend.app.pure import llm_faults
from backend.app.pure.endpoint import Endpoint
from link.settings.schema import LLMSettings

_TIMEOUT = 2.0  # seconds, for everything but chat
_COUNTED_KEPT = 512  # texts whose length is remembered


@dataclass(frozen=True, slots=True)
class Props:
    """What `/props` told: the model as people would name it, context length in tokens, number of slots."""

    model: str
    n_ctx: int | None
    slots: int


class LlamaCpp(OpenAIServer):
    """An LLM in a llama.cpp server.

    certain: it is known to be llama.cpp. Else it is treated as any OpenAI-compatible server until `/props` has shown
    what it is.
    """

    def __init__(
        self,
        context: LLMContext,
        endpoint: Endpoint | ValueError | None,
        pace: Pace = PACE,
        *,
        certain: bool = True,
    ) -> None:
        super().__init__(context, endpoint, pace)
        self._certain = certain
        self._props: Props | None = None
        self._counted: OrderedDict[str, int] = OrderedDict()

    @property
    def name(self) -> str:
        return "llamacpp" if self._certain or self._props is not None else "openai"

    async def count_tokens(self, text: str) -> int | None:
        """Length of `text` by the model's tokenizer; None unless the server is known to have one."""
        if self._endpoint is None or self._props is None:
            return None
        if text in self._counted:
            self._counted.move_to_end(text)
            return self._counted[text]
        body = {"content": text, "add_special": False, "parse_special": False}
        try:
            status, document = await fetch(self._endpoint, "POST", "/tokenize", body, timeout=_TIMEOUT)
        except LLMError:  # the watch will find out; a count is only worth a guess then
            return None
        tokens = document.get("tokens") if isinstance(document, dict) else None
        if status != 200 or not isinstance(tokens, list):
            return None
        self._counted[text] = len(tokens)
        if len(self._counted) > _COUNTED_KEPT:
            self._counted.popitem(last=False)
        return len(tokens)

    def _particular(self, request: ChatRequest, settings: LLMSettings) -> dict[str, Any]:
        if self.name != "llamacpp":
            return {}
        fields: dict[str, Any] = {
            "cache_prompt": True,
            "top_k": settings.top_k,
            "min_p": settings.min_p,
            "repeat_penalty": settings.repeat_penalty,
        }
        if self._props is not None and self._props.slots and request.conversation:
            fields["id_slot"] = request.conversation % self._props.slots
        return fields

    async def _model_id(self, settings: LLMSettings) -> str:
        # A llama.cpp server answers with the model it has, whatever the name.
        return "default" if self.name == "llamacpp" else await super()._model_id(settings)

    async def _look(self, endpoint: Endpoint) -> LLMState:
        if self._props is None:
            status, document = await fetch(endpoint, "GET", "/props", timeout=_TIMEOUT)
            if status == 503:
                raise llm_faults.loading()
            if status in (401, 403):
                raise llm_faults.from_response(status, b"")
            self._props = read_props(document) if status == 200 else None
            if self._props is None:
                return await super()._look(endpoint)
        else:
            status, _ = await fetch(endpoint, "GET", "/health", timeout=_TIMEOUT)
            if status == 503:
                raise llm_faults.loading()
        return self._ready()

    def _ready(self) -> LLMState:
        if self._props is None:
            state = super()._ready()
            return LLMState(self.name, "ready", state.model, state.detail, state.remedy)
        return LLMState(self.name, "ready", self._props.model, n_ctx=self._props.n_ctx)

    def _set(self, state: LLMState) -> None:
        if state.status != "ready":  # what comes back may be another server with another model
            self._props = None
            self._counted.clear()
        super()._set(state)


def read_props(document: Any) -> Props | None:
    """What a `/props` answer tells, or None if it is not llama.cpp's."""
    settings = document.get("default_generation_settings") if isinstance(document, dict) else None
    if not isinstance(settings, dict):
        return None
    n_ctx, slots = settings.get("n_ctx"), document.get("total_slots")
    alias, path = document.get("model_alias"), document.get("model_path")
    model = alias if isinstance(alias, str) and alias else path if isinstance(path, str) else ""
    return Props(
        PurePosixPath(PureWindowsPath(model).as_posix()).name,
        n_ctx if isinstance(n_ctx, int) else None,
        slots if isinstance(slots, int) else 0,
    )
