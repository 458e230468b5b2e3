"""The virtual environment: made when it is missing or broken, filled with what the chosen parts need.

Runs on a bare Python (standard library only), because it is what installs everything else.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from link.locks import ProcessLock
from link.requirement_files import fingerprint
from scripts.pip_output import failure, step
from scripts.progress import Progress

STAMP = "alisa-installed.json"
_QUOTED_LINES = 12
# What `python -m venv` creates first; a folder with only these in it is one of ours that was interrupted.
_VENV_FOLDERS = {"bin", "include", "lib", "lib64", "Include", "Lib", "Scripts", "share", "pyvenv.cfg", STAMP}


class SetupError(Exception):
    """Set-up cannot go on. `text` says why and what to do; `details` are lines worth showing below it."""

    def __init__(self, text: str, details: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.details = tuple(details)


class Environment:
    """A virtual environment in `folder`, for the requirement files of `project`. pip's output goes to `log`."""

    def __init__(self, folder: Path, *, project: Path, log: Path, progress: Progress) -> None:
        self.folder = folder
        self.project = project
        self.log = log
        self.progress = progress

    @property
    def python(self) -> Path:
        """Its Python, whether or not it exists yet."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def prepare(self, files: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Have everything in `files` installed, and `optional` where that is possible.

        Takes a few hundredths of a second when nothing has changed. Two starts at once wait for each other.
        Raises SetupError.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = ProcessLock(self.folder.with_name(self.folder.name + ".lock"))
            if not lock.acquire(timeout=0):
                self.progress.say("Another start is installing packages; waiting for it.")
                lock.acquire()
        except OSError as error:
            raise SetupError(
                f"The virtual environment cannot be made in {self.folder.parent} ({error.strerror}): make that "
                "folder writable, or name another with ALISA_VENV."
            ) from error
        try:
            self._prepare(files, optional)
        finally:
            lock.release()

    def _prepare(self, files: Sequence[str], optional: Sequence[str]) -> None:
        why = self.defect()
        if why is not None:
            self._make(why)
        stamp = self._read_stamp()
        wanted = {name: fingerprint(self.project / name) for name in (*files, *optional)}
        if not self._same_packages(stamp):
            stamp = {}
        known = stamp.get("files", {})
        changed = [name for name, mark in wanted.items() if known.get(name) != mark]
        if not changed:
            return
        self._check_pip()
        needed = [name for name in changed if name not in optional]
        if needed:
            self._install(needed)
        for name in (name for name in changed if name in optional):
            try:
                # Wheels only: nobody wants to wait for a compiler for something optional.
                self._install([name], "--only-binary=:all:")
            except SetupError as error:
                # The program runs without it, and says so itself where it matters.
                self.progress.say(f"Going on without {name}: {error.text} (Details: {self.log})")
                del wanted[name]
        self._write_stamp({**known, **wanted})

    # ------------------------------------------------------------------------------------------ making it

    def defect(self) -> str | None:
        """Why the folder has to be made anew, as the end of a sentence; None when it is good."""
        if not (self.folder / "pyvenv.cfg").is_file() or not self.python.exists():
            return "it is not complete" if self.folder.exists() else "it is not there yet"
        probe = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix)"
        try:
            ran = subprocess.run(
                [self.python, "-I", "-c", probe], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            return "its Python does not run any more"
        if ran.returncode != 0:
            return "its Python does not run any more"
        version = ran.stdout.split()[0]
        if self._site_packages(version) is None:
            return f"its Python is {version} now, and its packages are for another one"
        if tuple(map(int, version.split("."))) < (3, 11):
            return f"its Python is {version}, which is too old"
        chosen = _running_version()
        if os.environ.get("PYTHON") and version != chosen:
            return f"its Python is {version}, and PYTHON asks for {chosen}"
        return None

    def _site_packages(self, version: str) -> Path | None:
        folder = self.folder / ("Lib/site-packages" if os.name == "nt" else f"lib/python{version}/site-packages")
        return folder if folder.is_dir() else None

    def _make(self, why: str) -> None:
        missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
        if missing:
            raise SetupError(missing_venv_text(missing))
        if self.folder.exists():
            self._remove_old(why)
        self.progress.begin(f"Making a virtual environment with Python {sys.version.split()[0]}")
        # From inside a virtual environment (perhaps this very one), use the Python it was made from.
        base = getattr(sys, "_base_executable", None) or sys.executable
        self._run([base, "-m", "venv", str(self.folder)], self._venv_failure)
        self.progress.end("done")

    def _remove_old(self, why: str) -> None:
        entries = {entry.name for entry in self.folder.iterdir()}
        if "pyvenv.cfg" not in entries and entries - _VENV_FOLDERS:
            raise SetupError(
                f"{self.folder} holds other things and is no virtual environment: "
                "name an empty or new folder with ALISA_VENV."
            )
        if entries:
            self.progress.say(f"The virtual environment is made anew: {why}.")
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise SetupError(
                f"The old virtual environment {self.folder} cannot be removed ({error.strerror}): "
                "end the programs that use it, or delete the folder yourself, then start again."
            ) from error

    @staticmethod
    def _venv_failure(lines: Sequence[str]) -> str:
        if "ensurepip" in "\n".join(lines):
            return missing_venv_text(["ensurepip"])
        return "The virtual environment could not be made: the lines below say why."

    def _check_pip(self) -> None:
        """A half-made environment may lack pip: then it is put back from the Python itself."""
        ran = subprocess.run(
            [self.python, "-m", "pip", "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )
        if ran.returncode != 0:
            self.progress.begin("Repairing pip")
            self._run([str(self.python), "-m", "ensurepip", "--upgrade"], self._venv_failure)
            self.progress.end("done")

    # -------------------------------------------------------------------------------------------- filling it

    def _install(self, names: Sequence[str], *options: str) -> None:
        folders = dict.fromkeys(name.partition("/")[0] for name in names)
        self.progress.begin(f"Installing packages for {', '.join(folders)}")
        command = [str(self.python), "-m", "pip", "install", "--no-input", "--retries", "2", *options]
        for name in names:
            command += ["-r", str(self.project / name)]
        self._run(command, failure)
        self.progress.end("done")

    def _run(self, command: Sequence[str], explain: Callable[[Sequence[str]], str]) -> None:
        """Run a program with its output in the log and its steps on the screen. Raises SetupError if it fails."""
        # PIP_USER would be refused in a virtual environment, PYTHONHOME and PYTHONPATH would mix in another Python's.
        env = {k: v for k, v in os.environ.items() if k not in ("PIP_USER", "PYTHONHOME", "PYTHONPATH")}
        env |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        lines: list[str] = []
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with (
            self.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=env,
            ) as process,
        ):
            log.write(f"$ {' '.join(map(str, command))}\n")
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                lines.append(line.rstrip())
                if (doing := step(line)) is not None:
                    self.progress.step(doing)
            code = process.wait()
        if code != 0:
            self.progress.end("failed")
            shown = [line for line in lines if line.strip()][-_QUOTED_LINES:]
            raise SetupError(explain(lines), [*shown, f"(all of it: {self.log})"])

    # --------------------------------------------------------------------------------------- remembering it

    def _distributions(self) -> list[str]:
        """The installed distributions, as the names of their metadata folders (name-version.dist-info)."""
        folder = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
        return sorted(path.name for path in self.folder.glob(f"{folder}/*.dist-info"))

    def _same_packages(self, stamp: dict[str, Any]) -> bool:
        """Whether all that was installed last time is still there (someone may have used pip by hand)."""
        return set(stamp.get("distributions", ["?"])) <= set(self._distributions())

    def _read_stamp(self) -> dict[str, Any]:
        try:
            stamp = json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def _write_stamp(self, files: dict[str, str]) -> None:
        text = json.dumps({"files": files, "distributions": self._distributions()}, indent=1)
        new = self.folder / (STAMP + ".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, self.folder / STAMP)


def _running_version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def missing_venv_text(missing: Sequence[str]) -> str:
    """One sentence on how to get the modules that Debian and its relatives split off from Python."""
    version = _running_version()
    what = " and ".join(missing)
    if shutil.which("apt-get"):
        return f"This Python lacks {what}: run `sudo apt install python{version}-venv`, then start again."
    return f"This Python lacks {what}: install it whole (from python.org or your system's packages), then start again."
