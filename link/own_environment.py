"""Lets `python -m backend ...` work with any Python: where packages are missing, the project's own environment takes
over. Standard library only, and so plain that a Python which is too old can still run it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

from link.paths import PROJECT

_NEEDED = ("pydantic", "websockets", "yaml")


def enter(module: str) -> None:
    """Go on if this Python has what every part needs. Else run `module` with the same arguments in the virtual
    environment that the starter made (`.venv`, or `ALISA_VENV`); if there is none, say how to get it and end."""
    if sys.version_info >= (3, 11) and all(importlib.util.find_spec(name) for name in _NEEDED):
        return
    folder = os.environ.get("ALISA_VENV", "").strip() or str(PROJECT / ".venv")
    python = os.path.join(folder, "Scripts", "python.exe") if os.name == "nt" else os.path.join(folder, "bin", "python")
    if os.path.exists(python) and os.path.realpath(sys.prefix) != os.path.realpath(folder):
        command = [python, "-m", module, *sys.argv[1:]]
        if os.name == "nt":  # there exec would give the terminal back before the program has ended
            sys.exit(subprocess.call(command))
        os.execv(python, command)
    sys.exit("Alisa's packages are not installed: run scripts/start.sh (Windows: scripts\\start.ps1), which does that.")
