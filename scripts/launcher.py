"""Starts hub, satellites and chat in the virtual environment and ends them again: `python -m scripts.launcher`.

The starters (start.sh, start.ps1) call it once everything is installed; the options are theirs.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from link.exit_codes import NOT_AVAILABLE, WRONG_SETTINGS
from link.hub_probe import Answer, busy_port_text, probe, reachable_host
from link.paths import data_dir
from link.roles import Role
from link.settings.load import load
from link.settings.problems import SettingsError
from link.tokens import token_path
from scripts.arguments import Plan, parse
from scripts.board import Board
from scripts.parts import CHAT, HUB, PARTS, Part
from scripts.supervisor import Program, Supervisor

_HUB_WAIT = 60.0  # seconds to wait for a hub that another start is bringing up


class LaunchError(Exception):
    """Nothing can be started. The text is one sentence for people; `code` is the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def main(argv: Sequence[str]) -> int:
    """Run the plan of the command line to its end. Returns the exit code."""
    plan = parse(argv)
    board: Board | None = None
    try:
        data = data_dir()
        board = Board(data / "run", now=lambda: datetime.now(UTC), echo=say)
        board.sweep()
        return _launch(plan, data, board)
    except LaunchError as error:
        say(str(error))
        return error.code
    except SettingsError as error:
        say(str(error))
        return WRONG_SETTINGS
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"Nothing was started, because {where}{error.strerror}: check the data folder (ALISA_DATA_DIR).")
        return 1
    except KeyboardInterrupt:  # before the supervisor listens for signals
        return 130
    finally:
        if board is not None:
            board.release_all()


def say(text: str) -> None:
    """A line for people, on standard error: standard output belongs to the chat."""
    with contextlib.suppress(OSError):  # the terminal may be gone, and ending cleanly matters more
        print(text, file=sys.stderr, flush=True)


def _launch(plan: Plan, data: Path, board: Board) -> int:
    programs: list[Program] = []
    if "hub" in plan.parts:
        hub = _hub(plan, data, board)
        if hub is not None:
            programs.append(hub)
    satellites = [PARTS[name] for name in plan.parts if PARTS[name].satellite]
    _skip_missing(satellites, board)
    for part in satellites:
        if not part.exists():
            continue
        if board.claim(part.name):
            programs.append(_program(part, plan, data))
        else:
            say(f"{part.name} is looked after by another start already and is left alone.")
    if not programs and not plan.chat:
        say("There is nothing to do.")
        return 0
    if not plan.chat:
        say("Ctrl-C ends everything that was started.")
    return Supervisor(
        programs,
        board=board,
        say=say,
        foreground=_command(CHAT) if plan.chat else None,
        quiet_foreground=sys.stdin.isatty(),
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ).run()


def _hub(plan: Plan, data: Path, board: Board) -> Program | None:
    """The hub to be started, None when one of this data folder runs already. Raises LaunchError."""
    if not HUB.exists():
        raise LaunchError("The hub is not part of this folder: fetch the whole project again.", NOT_AVAILABLE)
    settings = load(data).settings.hub
    ask = partial(probe, reachable_host(settings.host), settings.port, token_path(data, Role.USER))
    deadline = time.monotonic() + _HUB_WAIT
    told = False
    while True:
        answer = ask()
        if answer is Answer.OURS:
            say(f"A hub of this data folder runs already on port {settings.port}; it is used, and left running.")
            return None
        if answer is not Answer.NOBODY:
            raise LaunchError(busy_port_text(settings.port, answer))
        if board.claim(HUB.name):
            break
        if time.monotonic() > deadline:
            raise LaunchError(
                f"Another start is bringing up the hub, but it does not answer on port {settings.port}: "
                "end that start, or see logs/hub.out.log in the data folder."
            )
        if not told:
            told = True
            say("Another start is bringing up the hub; waiting for it.")
        time.sleep(0.2)
    return _program(HUB, plan, data, lambda: ask() is Answer.OURS)


def _program(part: Part, plan: Plan, data: Path, healthy: Callable[[], bool] | None = None) -> Program:
    # Alone, a part may write to the terminal; beside others (and the chat) it writes to its log.
    alone = plan.only == part.name
    return Program(
        part.name,
        part.title,
        _command(part, *(plan.arguments if alone else ())),
        required=part is HUB,
        healthy=healthy,
        output=None if alone else data / "logs" / f"{part.name}.out.log",
    )


def _command(part: Part, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", part.module, *part.arguments, *arguments)


def _skip_missing(parts: Sequence[Part], board: Board) -> None:
    """Say which parts this version does not have, in one sentence."""
    missing = [part.name for part in parts if not part.exists()]
    if not missing:
        return
    for name in missing:
        board.update(name, "missing", reason="not in this version yet")
    say(f"Not in this version yet, and left out: {', '.join(missing)}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
