"""Which model file a managed server should run, and which program there is to run it."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

from backend.app.pure.llama_faults import NO_FILE, NOT_GGUF, Fault

NO_PROGRAM = Fault(
    "There is a model, but no program to run it.",
    "Run: pip install -r backend/requirements-llm.txt (or start again with scripts/start, which does it).",
)
NO_MODEL = Fault("There is no model in models/.", "Get one: python -m backend models pull.")

_LATER_PART = re.compile(r"-(?!0*1-of-)\d+-of-\d+\.gguf$", re.IGNORECASE)
_MAGIC = b"GGUF"


def find_model(chosen: str, models_dir: Path) -> Path | Fault:
    """The chosen GGUF file (a name inside `models_dir` or a path), or the only one there is, or why there is none."""
    if chosen.strip():
        path = models_dir / Path(chosen.strip()).expanduser()  # an absolute path stays what it is
        return path if path.is_file() else NO_FILE
    found = available(models_dir)
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:4])
        return Fault(f"There are several models: {names}.", "Choose one: python -m backend models use NAME.")
    return found[0] if found else NO_MODEL


def available(models_dir: Path) -> list[Path]:
    """The chat models in `models_dir`, by name; of a model in parts the first part."""
    if not models_dir.is_dir():
        return []
    files = (path for path in models_dir.rglob("*.gguf") if path.is_file())
    return sorted(p for p in files if "mmproj" not in p.name.lower() and not _LATER_PART.search(p.name))


def check_model(path: Path) -> Fault | None:
    """What is wrong with the file at first sight; llama.cpp itself tells a missing file from no other fault."""
    try:
        with path.open("rb") as file:
            return None if file.read(len(_MAGIC)) == _MAGIC else NOT_GGUF
    except FileNotFoundError:
        return NO_FILE
    except OSError:
        return Fault("The model file cannot be read.", "Check who may read it.")


def find_program() -> str | None:
    """Path of a `llama-server` program; empty for the xllamacpp package; None if there is neither."""
    program = shutil.which("llama-server")
    if program:
        return program
    return "" if importlib.util.find_spec("xllamacpp") is not None else None
