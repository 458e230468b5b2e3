"""Every setting of Alisa, declared once.

Forms, documentation (docs/SETTINGS.md), validation and the environment variables all follow from these models.
`restart(...)` marks a field that takes effect only after the part is started again.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


def restart(default: Any, description: str, **constraints: Any) -> Any:
    """A field that is read once at start: changing it asks for a restart of the part."""
    return Field(default, description=description, json_schema_extra={"restart": True}, **constraints)


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, defaults are checked too, nothing is mutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class HubSettings(Section):
    """Where the hub listens and whom it lets in."""

    host: str = restart(
        "127.0.0.1", "Address the hub binds to. Keep a loopback address: the hub is not made for networks."
    )
    port: int = restart(8000, "Port of the hub.", ge=1, le=65535)
    allowed_hosts: list[str] = restart(
        [],
        "Further host names by which clients may address the hub (against DNS rebinding, others are refused).",
    )
    allowed_origins: list[str] = restart(
        [], "Further web origins whose pages may talk to the hub, such as http://localhost:5173."
    )


class LLMSettings(Section):
    """The language model that thinks for her."""

    provider: Literal["auto", "llamacpp", "openai", "starter"] = restart(
        "auto",
        "Who answers: `llamacpp` (a llama.cpp server, external or managed), `openai` (any OpenAI-compatible server: "
        "Ollama, LM Studio, vLLM), `starter` (rules, no model), or `auto` (the first that is configured or found).",
    )
    plugin: str = restart(
        "", "Name of a model engine that an installed plug-in brings (entry points alisa.llm); wins over `provider`."
    )
    url: str = restart(
        "",
        "Address of a running server, such as http://127.0.0.1:8080. Empty: the hub starts one when there is a model.",
    )
    api_key: SecretStr = restart(SecretStr(""), "Key for the server at `url`, if it wants one.")
    model: str = restart(
        "",
        "A GGUF file (name inside models/ or a path), or the model's id on an OpenAI-compatible server. "
        "Empty: the only one there is.",
    )
    fallback: list[Literal["starter"]] = Field(
        ["starter"],
        description="Who answers while the model cannot, in this order. Empty: nobody, turns fail.",
    )
    context: int = restart(4096, "Context length in tokens of a server that the hub starts.", ge=512, le=1_048_576)
    gpu_layers: Literal["auto"] | int = restart(
        "auto", "Layers a managed server puts on the GPU: `auto` or a number (0: none)."
    )
    threads: int = restart(0, "CPU threads of a managed server. 0: as many as there are physical cores.", ge=0, le=512)
    managed_port: int = restart(0, "Port of a managed server. 0: any free one.", ge=0, le=65535)
    prompt_cache_mb: int = restart(512, "Memory for a managed server's prompt cache, in MiB.", ge=0)
    temperature: float = Field(0.7, description="Randomness of the replies.", ge=0, le=2)
    top_p: float = Field(0.95, description="Keep the likeliest tokens that add up to this probability.", gt=0, le=1)
    top_k: int = Field(40, description="Keep this many of the likeliest tokens (llama.cpp only; 0: all).", ge=0)
    min_p: float = Field(
        0.05,
        description="Drop tokens less likely than this share of the likeliest (llama.cpp only).",
        ge=0,
        le=1,
    )
    repeat_penalty: float = Field(1.05, description="Penalty for repetition (llama.cpp only; 1: none).", ge=0, le=2)
    seed: int = Field(-1, description="Seed of the sampler; -1: a new one each time.", ge=-1)
    max_tokens: int = Field(512, description="Longest reply in tokens.", ge=1, le=32_768)
    extra_body: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON merged into each request to the server, for example a grammar.",
    )
    first_token_timeout: float = Field(60, description="Seconds to wait for a reply's first token.", gt=0)
    stall_timeout: float = Field(20, description="Seconds to wait between two tokens.", gt=0)
    retries: int = Field(
        2,
        description="How often a request is tried again where that may help.",
        ge=0,
        le=10,
    )
    concurrency: int = restart(2, "Requests to the server at the same time.", ge=1, le=64)
    detect: bool = restart(True, "With `auto` and no address: use a llama.cpp server already running on this machine.")


class ConversationSettings(Section):
    """How she talks and how much of the conversation she has in mind."""

    persona: str = restart(
        "persona.yaml",
        "Persona file, in the data folder or an absolute path. Written at first start; edit it.",
    )
    guess_emotion: bool = Field(
        True, description="Guess the emotion from a reply's words when the model did not mark one."
    )
    turns: int = Field(10, description="Turns (a message and its reply) kept in the prompt.", ge=1, le=200)
    tokens: int = Field(3000, description="Upper limit of those turns, in tokens.", ge=100, le=1_000_000)
    max_message: int = restart(10_000, "Longest message accepted from a user, in characters.", ge=100, le=1_000_000)


class LogSettings(Section):
    """What is written to data/logs. Logs never hold what people said."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least serious level that is written."
    )


class Settings(Section):
    """All settings, by section."""

    hub: HubSettings = HubSettings()
    llm: LLMSettings = LLMSettings()
    conversation: ConversationSettings = ConversationSettings()
    logs: LogSettings = LogSettings()
