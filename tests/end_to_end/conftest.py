"""What the end-to-end tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real GGUF file of random weights."""
    return write_tiny_gguf(tmp_path_factory.mktemp("weights") / "tiny.gguf")


@pytest.fixture
def models(tmp_path: Path, tiny_model: Path) -> Path:
    """The models folder of a hub under tmp_path, with that file in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / tiny_model.name).write_bytes(tiny_model.read_bytes())
    return folder
