"""The models that can be pulled by name, and which of them suits a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
GIB = 1024**3
SPARE_DISK = 1 * GIB
GGUF_MAGIC = b"GGUF"


class Model(BaseModel):
    """One model of the catalogue. size: bytes; ram, vram: GiB, see catalogue.yaml; context: tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
    title: str
    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.\-]*\.gguf$")]
    url: Annotated[str, StringConstraints(pattern=r"^https://")]
    size: int = Field(gt=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None
    licence: str
    ram: float | None = Field(gt=0)
    cores: int | None = Field(gt=0)
    vram: float = Field(gt=0)
    context: int = Field(gt=0)
    notes: str


class Catalogue(BaseModel):
    """All models by kind, each kind from the smallest to the best."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: tuple[Model, ...]

    def find(self, name: str) -> Model | None:
        """The model with this id or file name, whatever the case of its letters."""
        wanted = name.lower()
        return next((model for model in self.language if wanted in (model.id, model.file.lower())), None)


def load_catalogue(path: Path = CATALOGUE) -> Catalogue:
    """The catalogue that belongs to the program. Raises pydantic's ValidationError if it was damaged."""
    return Catalogue.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The best model for a machine, None if none fits; reason is a clause that ends a sentence about it."""

    model: Model | None
    reason: str


def recommend(models: Sequence[Model], *, ram: int, cores: int, vram: int, free_disk: int) -> Recommendation:
    """Choose the best of `models` (smallest first) for a machine.

    ram, vram, free_disk: bytes; ram 0: not known; vram 0: no graphics card. cores: of the processor.
    A model fits when a graphics card holds it whole, or when the processor alone is quick enough with it.
    """
    reasons = {model.id: _how(model, ram, cores, vram) for model in models}
    fitting = [model for model in models if reasons[model.id]]
    if not ram and not fitting:
        return Recommendation(models[0], "how much memory this machine has is not known, so the smallest is safest")
    if not fitting:
        return Recommendation(None, f"{ram / GIB:.1f} GiB of memory are too little for any of them")
    roomy = [model for model in fitting if model.size + SPARE_DISK <= free_disk]
    if not roomy:
        needed = fitting[0].size + SPARE_DISK - free_disk
        return Recommendation(None, f"there is no room on the disk; free {needed / 1e9:.1f} GB for the smallest")
    choice, best = roomy[-1], fitting[-1]
    reason = reasons[choice.id]
    if choice is not best:
        reason += f"; {best.id} would fit too, with more room on the disk for its {best.size / 1e9:.1f} GB"
    return Recommendation(choice, reason)


def _how(model: Model, ram: int, cores: int, vram: int) -> str:
    """How the machine would run the model, as a clause; empty if it would not, or only slowly."""
    if vram and vram >= model.vram * GIB:
        return f"the graphics memory of {vram / GIB:.1f} GiB holds it whole"
    if model.ram is None or model.cores is None or ram < model.ram * GIB or cores < model.cores:
        return ""
    return f"it is the best that answers quickly without a graphics card on {cores} cores and {ram / GIB:.1f} GiB"


def is_gguf(path: Path) -> bool:
    """Whether the file begins like a model in GGUF format. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return file.read(len(GGUF_MAGIC)) == GGUF_MAGIC
