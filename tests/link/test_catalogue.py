"""The catalogue's own rules, and which model suits which machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from link.catalogue import GIB, SPARE_DISK, is_gguf, load_catalogue, recommend
from link.ranges import check_address

MODELS = load_catalogue().language
ROOM = 100 * GIB


def chosen(**machine: float) -> str | None:
    numbers = {"ram": 16 * GIB, "cores": 4, "vram": 0, "free_disk": ROOM} | {k: int(v) for k, v in machine.items()}
    model = recommend(MODELS, **numbers).model
    return model and model.id


def test_entries_are_unique_pinned_and_in_order():
    assert len({model.id for model in MODELS}) == len({model.file for model in MODELS}) == len(MODELS)
    assert [model.size for model in MODELS] == sorted(model.size for model in MODELS)
    for model in MODELS:
        assert check_address(model.url) is None
        assert model.url.endswith("/" + model.file)
        assert "/resolve/main/" not in model.url, "a branch can move; a checksum needs a fixed revision"
        assert model.vram * GIB > model.size


@pytest.mark.parametrize(
    ("machine", "model"),
    [
        ({"vram": 8 * GIB}, "llama-3.1-8b"),
        ({"vram": 6 * GIB}, "qwen3.5-4b"),
        ({"vram": 2 * GIB}, "llama-3.2-1b"),
        ({"ram": 15.5 * GIB, "cores": 8}, "qwen3.5-4b"),
        ({"ram": 15.5 * GIB, "cores": 2}, "llama-3.2-1b"),
        ({"ram": 3 * GIB}, "qwen3.5-0.8b"),
        ({"ram": 1 * GIB}, "smollm2-360m"),
        ({"ram": 0.5 * GIB}, None),
        ({"ram": 64 * GIB, "cores": 32}, "qwen3.5-4b"),
        ({"ram": 0}, "smollm2-360m"),
        ({"vram": 8 * GIB, "free_disk": 4 * GIB}, "qwen3.5-4b"),
        ({"vram": 8 * GIB, "free_disk": 1 * GIB}, None),
    ],
)
def test_recommendations(machine, model):
    assert chosen(**machine) == model


def test_a_lack_of_room_is_told():
    advice = recommend(MODELS, ram=16 * GIB, cores=4, vram=8 * GIB, free_disk=4 * GIB)
    assert "llama-3.1-8b would fit too, with more room on the disk" in advice.reason
    assert "no room on the disk" in recommend(MODELS, ram=16 * GIB, cores=4, vram=0, free_disk=0).reason


@given(st.integers(0, 2**40), st.integers(1, 128), st.integers(0, 2**38), st.integers(0, 2**42))
def test_whatever_is_recommended_fits_and_more_never_makes_it_worse(ram, cores, vram, free_disk):
    advice = recommend(MODELS, ram=ram, cores=cores, vram=vram, free_disk=free_disk)
    assert advice.reason
    if advice.model is not None and ram:
        assert advice.model.size + SPARE_DISK <= free_disk
        better = recommend(MODELS, ram=ram * 2, cores=cores * 2, vram=vram * 2, free_disk=free_disk * 2).model
        assert better is not None
        assert better.size >= advice.model.size


def test_models_are_found_by_id_or_file_name():
    catalogue = load_catalogue()
    assert catalogue.find("QWEN3.5-4B") is catalogue.find("Qwen3.5-4B-Q4_K_M.gguf")
    assert catalogue.find("gpt") is None


def test_the_magic_tells_models_from_other_files(tmp_path):
    for content, is_model in ((b"GGUF\3\0", True), (b"GGM", False), (b"", False), (b"<html>", False)):
        (tmp_path / "x.gguf").write_bytes(content)
        assert is_gguf(tmp_path / "x.gguf") is is_model
