"""Set-up and hand-over: install what the chosen parts need, then become the launcher in the virtual environment.

Runs on a bare Python (standard library only).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from link.exit_codes import NOT_AVAILABLE
from link.paths import PROJECT, data_dir, models_dir
from scripts.arguments import Plan, parse
from scripts.environment import Environment, SetupError
from scripts.parts import LINK_REQUIREMENTS, LLM_REQUIREMENTS, PARTS
from scripts.progress import Progress


def run(argv: Sequence[str]) -> int:
    """Start what the command line asks for. Returns an exit code only if that could not be done (or on Windows)."""
    plan = parse(argv)
    if plan.only is not None and not PARTS[plan.only].exists():
        print(f"{plan.only} is not in this version yet.", file=sys.stderr)
        return NOT_AVAILABLE
    progress = Progress(sys.stderr)
    try:
        data = writable_data_folder()
        environment = Environment(venv_folder(), project=PROJECT, log=data / "logs" / "install.log", progress=progress)
        environment.prepare(*requirements(plan))
    except SetupError as error:
        print(f"\n{error.text}" if not error.details else error.text, file=sys.stderr)
        for line in error.details:
            print(f"    {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next start goes on from here.", file=sys.stderr)
        return 130
    return hand_over(environment.python, plan, argv)


def venv_folder() -> Path:
    """The virtual environment: `ALISA_VENV`, else `.venv/` in the project's folder."""
    named = os.environ.get("ALISA_VENV", "").strip()
    return Path(named).expanduser().resolve() if named else PROJECT / ".venv"


def writable_data_folder() -> Path:
    """The data folder, created if need be and tried out. Raises SetupError when nothing can be written there."""
    folder = data_dir()
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / "run").mkdir(exist_ok=True)
        for place in (folder, folder / "logs", folder / "run"):
            with tempfile.TemporaryFile(dir=place):
                pass
    except OSError as error:
        raise SetupError(
            f"The data folder {folder} cannot be written ({error.strerror}): change its owner or permissions, "
            "or name another folder with ALISA_DATA_DIR."
        ) from error
    return folder


def requirements(plan: Plan) -> tuple[list[str], list[str]]:
    """The requirement files that the plan needs, and those that are only worth a try. Missing parts need none."""
    parts = [PARTS[name] for name in plan.parts]
    files = dict.fromkeys(file for part in parts if part.exists() for file in part.requirements)
    files.setdefault(LINK_REQUIREMENTS)  # the launcher's own
    optional = [LLM_REQUIREMENTS] if "hub" in plan.parts and wants_llm_server() else []
    return list(files), optional


def wants_llm_server() -> bool:
    """Whether there is a model on this machine and nothing yet to serve it with."""
    if os.environ.get("ALISA_LLM__URL") or os.environ.get("ALISA_LLM__PROVIDER") in ("openai", "starter"):
        return False
    return shutil.which("llama-server") is None and any(models_dir().glob("**/*.gguf"))


def hand_over(python: Path, plan: Plan, argv: Sequence[str]) -> int:
    """Go on as another program: the launcher, or the one part itself. Returns only on Windows.

    Packages are found in the project's folder and never in the current one (-P). The current folder stays, so that
    relative paths in arguments and variables mean what they did.
    """
    if plan.runs_once and plan.only is not None:
        part = PARTS[plan.only]
        command = [str(python), "-P", "-m", part.module, *part.arguments, *plan.arguments]
    else:
        command = [str(python), "-P", "-m", "scripts.launcher", *argv]
    env = {**os.environ, "PYTHONPATH": _prepend(str(PROJECT), os.environ.get("PYTHONPATH"))}
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(command[0], command, env)
    # exec on Windows starts a second process and lets the shell go on: wait for it instead. Ctrl-C reaches it
    # through the console; this process only has to survive until it has ended.
    with subprocess.Popen(command, env=env) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def _prepend(first: str, rest: str | None) -> str:
    return first + os.pathsep + rest if rest else first
