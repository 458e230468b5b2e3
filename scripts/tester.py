"""Set-up for the tests, and all of them: packages of the system, the virtual environment, then `dev.py check`.

Runs on a bare Python (standard library only).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from link.paths import PROJECT
from scripts.environment import Environment, SetupError
from scripts.progress import Progress
from scripts.starter import venv_folder

USAGE = """\
usage: test.sh [--slow] [pytest's arguments]

Sets up what the tests need, then runs every check and the fast tests; with --slow the slow ones as well.
"""
REQUIREMENTS = "tests/requirements.txt"
DEBIAN_PACKAGES = PROJECT / "tests" / "debian-packages.txt"


def run(argv: Sequence[str]) -> int:
    """Set up and run the tests. Returns 0 only if everything passed."""
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    slow = "--slow" in argv
    rest = [word for word in argv if word != "--slow"]
    progress = Progress(sys.stderr)
    try:
        install_debian_packages(progress)
        log = Path(tempfile.gettempdir()) / f"alisa-install-{os.getpid()}.log"
        environment = Environment(venv_folder(), project=PROJECT, log=log, progress=progress)
        environment.prepare([REQUIREMENTS])
        python = str(environment.python)
        codes = [_dev(python, "check", *rest)]
        if slow:
            codes.append(_dev(python, "test", "--slow", *rest))
    except SetupError as error:
        print(error.text, *(f"    {line}" for line in error.details), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return int(any(codes))


def _dev(python: str, *arguments: str) -> int:
    return subprocess.run(
        [python, str(PROJECT / "scripts" / "dev.py"), *arguments], cwd=PROJECT, check=False
    ).returncode


# ------------------------------------------------------------------------------------------ packages of the system


def listed_packages(text: str) -> list[str]:
    """The names in a package list: one a line, `#` begins a comment."""
    return [name for line in text.splitlines() if (name := line.partition("#")[0].strip())]


def install_debian_packages(progress: Progress) -> None:
    """On Debian and its relatives, install what is missing, if that is possible without asking for a password.

    Where it is not, say what is missing and go on: the tests that need it say so themselves. Raises SetupError when
    the installation was possible and failed.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-query") is None:
        return
    wanted = listed_packages(DEBIAN_PACKAGES.read_text(encoding="utf-8"))
    if importlib.util.find_spec("ensurepip") is None:
        wanted.append(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
    missing = [name for name in wanted if not _is_installed(name)]
    if not missing:
        return
    prefix = _rights()
    if prefix is None:
        progress.say(f"Missing for some tests: run `sudo apt-get install {' '.join(missing)}` to have them.")
        return
    progress.begin(f"Installing {', '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    lines: list[str] = []
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *missing]):
        ran = subprocess.run(
            [*prefix, "apt-get", *command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        lines += ran.stdout.splitlines()
    # An update that failed does not matter if the packages came all the same.
    if ran.returncode != 0:
        progress.end("failed")
        raise SetupError(
            f"The system's packages for the tests could not be installed: install {', '.join(missing)} yourself, "
            "then start again.",
            lines[-12:],
        )
    progress.end("done")


def _is_installed(package: str) -> bool:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f=${Status}", package], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return asked.returncode == 0 and asked.stdout.endswith(" installed")


def _rights() -> list[str] | None:
    """What to put before apt-get to be allowed to use it; None when that would ask for a password."""
    if os.name == "nt":
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None
