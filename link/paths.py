"""Where things are: the project's folder, the data folder and the models folder."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
MODELS = PROJECT / "models"


def data_dir() -> Path:
    """The data folder: `ALISA_DATA_DIR`, else `data/` in the project's folder. Not created here."""
    named = os.environ.get("ALISA_DATA_DIR", "").strip()
    return Path(named).expanduser().resolve() if named else PROJECT / "data"


def models_dir() -> Path:
    """The folder of model weights: `ALISA_MODELS_DIR`, else `models/` in the project's folder."""
    named = os.environ.get("ALISA_MODELS_DIR", "").strip()
    return Path(named).expanduser().resolve() if named else MODELS
