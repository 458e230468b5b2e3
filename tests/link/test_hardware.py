"""What is found out about a machine, and that a strange one raises nothing."""

import os
import stat

import pytest

from link import hardware
from link.hardware import MIB, detect, free_disk, parse_nvidia


def test_this_machine_has_memory_cores_and_a_disk(tmp_path):
    found = detect()
    assert found.ram > 100 * MIB
    assert found.cores >= 1
    assert found.vram >= 0
    assert free_disk(tmp_path / "not" / "there" / "yet") > 0


@pytest.mark.parametrize(
    ("listing", "card"),
    [
        ("NVIDIA GeForce RTX 3060, 12288\n", ("NVIDIA GeForce RTX 3060", 12288 * MIB)),
        ("Small, 2048\nLarge, the second, 8192\n", ("Large, the second", 8192 * MIB)),
        ("", ("", 0)),
        ("No devices were found\n", ("", 0)),
        ("Card, [N/A]\n", ("", 0)),
    ],
)
def test_nvidias_listing(listing, card):
    assert parse_nvidia(listing) == card


def program(folder, script: str) -> None:
    file = folder / "nvidia-smi"
    file.write_text("#!/bin/sh\n" + script)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the driver's program")
@pytest.mark.parametrize(
    ("script", "vram"), [("echo 'Card, 8192'", 8192 * MIB), ("exit 9", 0), ("exec sleep 60", 0), ("echo '\\377'", 0)]
)
def test_a_driver_that_works_fails_or_hangs(tmp_path, monkeypatch, script, vram):
    program(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    monkeypatch.setattr(hardware, "NVIDIA_SECONDS", 0.5)
    assert detect().vram == vram


def test_apple_silicon_shares_its_memory(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = detect()
    assert found.gpu == "Apple silicon"
    assert 0 < found.vram < found.ram


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("104857600\n")
    (tmp_path / "unlimited").write_text("max\n")
    monkeypatch.setattr(hardware, "CGROUP_LIMITS", (str(tmp_path / "unlimited"), str(tmp_path / "memory.max")))
    assert detect().ram == 100 * MIB
