"""Why a llama.cpp server ended, from the last of what it said: one sentence, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong and what to do about it, a sentence each, without paths."""

    detail: str
    remedy: str


NO_FILE = Fault("The model file does not exist.", "Set llm.model, or get one: python -m backend models pull.")
NOT_GGUF = Fault("The model file is not a GGUF file.", "Download it again, or choose another with llm.model.")
PORT_BUSY = Fault("The port for the model server is in use.", "Set llm.managed_port to another, or to 0 for any.")

_MEMORY = Fault(
    "There is not enough memory for the model.",
    "Choose a smaller model (python -m backend models list), or lower llm.context or llm.gpu_layers.",
)
_DAMAGED = Fault("The model file is damaged or incomplete.", "Download it again: python -m backend models pull.")
_UNKNOWN_MODEL = Fault(
    "This version of llama.cpp does not know this kind of model.", "Update llama.cpp, or choose another model."
)
_PACKAGE = Fault(
    "The package xllamacpp cannot be loaded.", "Install it again: pip install -r backend/requirements-llm.txt."
)
_OPTION = Fault("The llama-server program is too old.", "Update llama.cpp.")

# The first that matches counts: a failed allocation is also a failure to load.
_SIGNS = (
    (r"failed to allocate|out of memory|bad_alloc|cannot allocate memory|unable to allocate", _MEMORY),
    (r"unknown model architecture|unsupported model architecture|unknown pre-tokenizer", _UNKNOWN_MODEL),
    (r"not within the file bounds|corrupted|invalid magic|failed to read|unexpectedly reached end", _DAMAGED),
    (r"couldn't bind|address already in use|failed to bind", PORT_BUSY),
    (r"ImportError|ModuleNotFoundError", _PACKAGE),
    (r"error: invalid argument|unknown argument", _OPTION),
    (r"error loading model|failed to load model|model loading error", _DAMAGED),
)
_COMPILED = tuple((re.compile(sign, re.IGNORECASE), fault) for sign, fault in _SIGNS)


def explain(said: str, code: int | None) -> Fault:
    """The fault behind the end of a server that said `said` and ended with `code` (negative: by a signal)."""
    for sign, fault in _COMPILED:
        if sign.search(said):
            return fault
    if code in (-9, 137):
        return Fault("The model server was killed, perhaps for want of memory.", _MEMORY.remedy)
    return Fault("The model server ended unexpectedly.", "Look into the hub's log, or choose another model.")
