"""The hub's own doctor: Python, packages, data folder, settings, port, language model, memory."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from link.doctor import Check, Report, examine
from link.doctor_packages import check_packages
from link.hub_probe import Answer, busy_port_text, probe, reachable_host
from link.paths import PROJECT, data_dir, models_dir

_OLDEST = (3, 11)
_TESTED = (3, 13)
_LITTLE_DISK = 1_000_000_000  # bytes
_LITTLE_MEMORY = 3_000_000_000  # bytes free; a small model of 1 to 2 GB and the rest of the system need about that
_URL_TIMEOUT = 3.0  # seconds
_INSTALL = "Run scripts/start.sh (Windows: scripts\\start.ps1), which installs what is missing."


def report() -> Report:
    """Look at everything the hub needs."""
    return examine(
        "hub (backend)",
        [
            ("Python", check_python),
            ("Packages", lambda: check_packages(PROJECT / "backend" / "requirements.txt", _INSTALL)),
            ("Data folder", check_data_folder),
            ("Settings", check_settings),
            ("Port", check_port),
            ("Model", check_model),
            ("Memory", check_memory),
        ],
    )


def check_python() -> Check:
    """The version of the running Python."""
    found = f"{platform.python_version()} on {platform.platform(terse=True)}"
    if sys.version_info[:2] < _OLDEST:
        return Check("Python", "fail", found, "Install Python 3.11 or newer from python.org.")
    if sys.version_info[:2] > _TESTED:
        return Check("Python", "warn", found, "Newer than what was tested (3.11 to 3.13); it may well work.")
    return Check("Python", "ok", found)


def check_data_folder() -> Check:
    """Whether the data folder can be written, and how much room there is."""
    folder = data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            "Data folder",
            "fail",
            f"{folder} cannot be written ({error.strerror})",
            "Change its owner or permissions, or name another folder with ALISA_DATA_DIR.",
        )
    free = shutil.disk_usage(folder).free
    found = f"{folder}, {gigabytes(free)} free"
    if free < _LITTLE_DISK:
        return Check("Data folder", "warn", found, "Free some space on this disk: a model alone takes 1 GB and more.")
    return Check("Data folder", "ok", found)


def check_settings() -> Iterator[Check]:
    """Whether the settings can be read; one check for each mistake in them."""
    from link.settings.load import load
    from link.settings.problems import SettingsError

    try:
        loaded = load(data_dir())
    except SettingsError as error:
        for problem in error.problems:
            yield Check("Settings", "fail", problem, "Correct it in the settings file or the environment.")
        return
    variables = ", ".join(sorted(loaded.variables.values()))
    source = str(loaded.file) if loaded.file.exists() else "all at their defaults"
    yield Check("Settings", "ok", source + (f"; set by variables: {variables}" if variables else ""))


def check_port() -> Check:
    """Whether the hub can have its port, or has it already."""
    from link.roles import Role
    from link.settings.load import load
    from link.tokens import token_path

    data = data_dir()
    hub = load(data).settings.hub
    answer = probe(reachable_host(hub.host), hub.port, token_path(data, Role.USER))
    where = f"{hub.host}:{hub.port}"
    if answer is Answer.NOBODY:
        return Check("Port", "ok", f"{where} is free")
    if answer is Answer.OURS:
        return Check("Port", "ok", f"{where}: the hub of this data folder is running")
    found, _, remedy = busy_port_text(hub.port, answer).partition(": ")
    return Check("Port", "fail", found, remedy[:1].upper() + remedy[1:])


def check_model() -> Iterator[Check]:
    """Who would answer: a server at an address, a model of ours with something to serve it, or the starter."""
    from link.settings.load import load

    llm = load(data_dir()).settings.llm
    if llm.provider == "starter":
        yield Check("Model", "ok", "the starter answers (rules, no language model), as the settings say")
        return
    if llm.url:
        yield _check_url(llm.url, llm.api_key.get_secret_value())
        return
    folder = models_dir()
    files = sorted(folder.glob("**/*.gguf"))
    if not files:
        yield Check(
            "Model",
            "warn",
            f"no model in {folder}: the starter answers (rules, no language model)",
            "Fetch one with `python -m backend models pull`, or name a running server with ALISA_LLM__URL.",
        )
    else:
        sizes = ", ".join(f"{file.name} ({gigabytes(file.stat().st_size)})" for file in files[:4])
        more = f" and {len(files) - 4} more" if len(files) > 4 else ""
        yield Check("Model", "ok", sizes + more)
    yield _check_server(needed=bool(files))


def _check_server(*, needed: bool) -> Check:
    program = shutil.which("llama-server")
    if program is not None:
        return Check("Model server", "ok", f"llama-server ({program})")
    if importlib.util.find_spec("xllamacpp") is not None:
        return Check("Model server", "ok", "llama.cpp in this environment (xllamacpp)")
    if not needed:
        return Check("Model server", "ok", "none, and none is needed without a model")
    return Check(
        "Model server",
        "warn",
        "there is a model, but nothing to run it",
        "Start with scripts/start.sh, which installs llama.cpp (backend/requirements-llm.txt), or put llama-server "
        "on the PATH.",
    )


def _check_url(url: str, key: str) -> Check:
    import httpx

    base = url.rstrip("/").removesuffix("/v1")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(f"{base}/v1/models", headers=headers, timeout=_URL_TIMEOUT)
        answer.raise_for_status()
        names = [str(model["id"]) for model in answer.json()["data"]]
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        remedy = "Check llm.api_key." if code in (401, 403) else "Check that it is a model server, and llm.url."
        return Check("Model", "warn", f"the server at {base} answers with status {code}", remedy)
    except (httpx.HTTPError, httpx.InvalidURL):
        return Check("Model", "warn", f"no server answers at {base}", "Start it, or correct llm.url (ALISA_LLM__URL).")
    except (ValueError, KeyError, TypeError):
        return Check("Model", "warn", f"{base} is no OpenAI-compatible server", "Correct llm.url (ALISA_LLM__URL).")
    return Check("Model", "ok", f"the server at {base} offers {', '.join(names[:4]) or 'no model yet'}")


def check_memory() -> Check:
    """Memory for a model. Without psutil only the total is known, and that not everywhere."""
    try:
        import psutil
    except ImportError:
        return Check("Memory", "warn", "unknown", _INSTALL)
    memory = psutil.virtual_memory()
    found = f"{gigabytes(memory.available)} of {gigabytes(memory.total)} free, {os.cpu_count()} processors"
    if memory.available < _LITTLE_MEMORY:
        return Check("Memory", "warn", found, "Enough for the hub; close other programs before you use a model.")
    return Check("Memory", "ok", found)


def gigabytes(size: int) -> str:
    """A size in bytes for people, in decimal gigabytes as disks are sold."""
    return f"{size / 1e9:.1f} GB"


def satellite_folders(root: Path = PROJECT) -> list[str]:
    """The parts beside the hub that have a doctor."""
    return [name for name in ("overlay", "voice", "vision", "bot") if (root / name / "doctor.py").is_file()]
