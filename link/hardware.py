"""What this machine has for models: memory, graphics memory, room on the disk. Nothing here raises."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024**2
NVIDIA_SECONDS = 3.0
# Metal lets one process use about three quarters of Apple silicon's unified memory, less on small machines
# (recommendedMaxWorkingSetSize); two thirds is what every such machine grants.
APPLE_SHARE = 2 / 3
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Hardware:
    """ram: bytes this process may use in all, 0 if unknown. vram: bytes of the largest graphics card that models can
    use, 0 if none was found. gpu: its name. cores: physical ones if known."""

    ram: int
    vram: int
    gpu: str
    cores: int


def detect() -> Hardware:
    """Look at the machine. May take some seconds where the graphics driver is slow to answer."""
    ram = _ram()
    gpu, vram = _nvidia()
    if not vram and platform.system() == "Darwin" and platform.machine() == "arm64":
        gpu, vram = "Apple silicon", int(ram * APPLE_SHARE)
    return Hardware(ram=ram, vram=vram, gpu=gpu, cores=_cores())


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` is or would be; 0 if that cannot be told."""
    for place in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return 0


def _ram() -> int:
    total = 0
    try:
        import psutil

        total = int(psutil.virtual_memory().total)
    except (ImportError, OSError, RuntimeError):
        with suppress(OSError, ValueError, AttributeError):  # no sysconf on Windows
            total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [limit for limit in map(_limit, CGROUP_LIMITS) if limit]
    return min([total, *limits]) if total else 0


def _limit(path: str) -> int:
    """The memory limit of a container; 0 if there is none."""
    with suppress(OSError, ValueError):
        return int(Path(path).read_text(encoding="ascii"))
    return 0


def _cores() -> int:
    with suppress(ImportError, OSError, RuntimeError):
        import psutil

        if cores := psutil.cpu_count(logical=False):
            return int(cores)
    return os.cpu_count() or 1


def _nvidia() -> tuple[str, int]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "", 0
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return "", 0
    return parse_nvidia(answer.stdout)


def parse_nvidia(listing: str) -> tuple[str, int]:
    """Name and memory (bytes) of the largest card in nvidia-smi's `name, MiB` lines; ("", 0) if there is none."""
    cards = []
    for line in listing.splitlines():
        name, _, memory = line.rpartition(",")
        with suppress(ValueError):
            cards.append((int(memory) * MIB, name.strip()))
    vram, name = max(cards, default=(0, ""))
    return name, vram
