"""One entry point for developers: `scripts/dev.py check|test|fix|run|bench|docs`, in the project's environment.

Runs on any Python from 3.11 on; the tools come from the virtual environment that scripts/test.sh has filled.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Step:
    """One tool to run: Python's arguments, beginning with `-m module`."""

    name: str
    arguments: tuple[str, ...]


def pytest_step(*arguments: str, slow: bool = False) -> Step:
    """The tests: those without the mark `slow`, or only those with it."""
    marks = ("-m", "slow") if slow else ()
    return Step("slow tests" if slow else "tests", ("-m", "pytest", *marks, *arguments))


# import-linter cannot be run with -m; this is what its console script does.
_LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())"
CHECKS = (
    Step("formatting", ("-m", "ruff", "format", "--check")),
    Step("lint", ("-m", "ruff", "check")),
    Step("types", ("-m", "mypy")),
    Step("import rules", ("-c", _LINT_IMPORTS)),
    Step("generated documents", ("-m", "link.docs_cli", "--check")),
)
FIXES = (Step("formatting", ("-m", "ruff", "format")), Step("lint", ("-m", "ruff", "check", "--fix")))
DOCS = (Step("generated documents", ("-m", "link.docs_cli")),)


def environment_python() -> str:
    """The Python of the virtual environment (`ALISA_VENV`, else .venv), or the running one if there is none."""
    folder = Path(os.environ.get("ALISA_VENV") or PROJECT / ".venv")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return str(python) if python.exists() else sys.executable


def run_steps(steps: Sequence[Step], python: str) -> int:
    """Run all steps, print each one's name and time, list the failed ones at the end. Returns 0 or 1."""
    results: list[tuple[Step, float, int]] = []
    for step in steps:
        print(f"== {step.name}", flush=True)
        started = time.monotonic()
        code = subprocess.run([python, *step.arguments], cwd=PROJECT, check=False).returncode
        results.append((step, time.monotonic() - started, code))
    print("\n== summary")
    for step, seconds, code in results:
        print(f"   {'ok    ' if code == 0 else 'FAILED'} {seconds:6.1f} s  {step.name}")
    failed = [step for step, _, code in results if code != 0]
    for step in failed:
        print(f"   again: {shlex.join(['python', *step.arguments])}")
    sys.stdout.flush()
    return int(bool(failed))


def bench(python: str, names: Sequence[str]) -> int:
    """Run a benchmark by name (with its arguments), or list those there are."""
    known = sorted(path.stem for path in (PROJECT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    if names and names[0] in known:
        command = [python, "-m", f"benchmarks.{names[0]}", *names[1:]]
        return subprocess.run(command, cwd=PROJECT, check=False).returncode
    if names:
        print(f"There is no benchmark {names[0]}.", file=sys.stderr)
    print("benchmarks:", ", ".join(known) or "none yet")
    return 2 if names else 0


def main(argv: Sequence[str]) -> int:
    """Do one developer's task; returns the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py", description="Tasks of development.")
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    tasks.add_parser("check", help="everything that must be green, then the fast tests; further arguments: pytest's")
    test = tasks.add_parser("test", help="the fast tests, or the slow ones; further arguments: pytest's")
    test.add_argument("--slow", action="store_true", help="the tests marked slow instead")
    tasks.add_parser("fix", help="format, and mend what the linter can mend")
    tasks.add_parser("run", help="start Alisa; further arguments: start's")
    tasks.add_parser("bench", help="run a benchmark: bench NAME [ARGUMENTS]")
    tasks.add_parser("docs", help="write the generated documents")
    options, rest = parser.parse_known_args(argv)
    python = environment_python()
    match options.task:
        case "check":
            return run_steps((*CHECKS, pytest_step(*rest)), python)
        case "test":
            return run_steps((pytest_step(*rest, slow=options.slow),), python)
        case "run":
            return subprocess.run(
                [sys.executable, str(PROJECT / "scripts" / "start.py"), *rest], check=False
            ).returncode
        case "bench":
            return bench(python, rest)
    if rest:
        parser.error(f"{options.task} takes no arguments: {' '.join(rest)}")
    return run_steps(FIXES if options.task == "fix" else DOCS, python)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
