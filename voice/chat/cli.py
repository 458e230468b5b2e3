"""The terminal chat's command line: reads the arguments and chooses one of the ways to chat."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from link import logs
from link.client import HubAddress, HubClient
from link.messages import Hello
from link.paths import data_dir
from link.roles import Role
from link.settings.load import load
from link.settings.problems import SettingsError
from link.signals import stop_signals
from link.tokens import read_token
from link.version import VERSION

if TYPE_CHECKING:
    from prompt_toolkit.history import History

PATIENCE = 120.0
"""Seconds without any sign of the hub after which an answer is given up. A slow machine may read a long prompt."""
STOPPED = 130
"""Exit code after a signal, as shells have it."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(
        prog="python -m voice.text_chat",
        description="Chat with Alisa in the terminal. In a pipe, each line is a message and its reply is printed.",
        epilog="Exit code: 0, or 1 when something failed (130: stopped), with the reason on standard error.",
    )
    arguments.add_argument("--say", metavar="TEXT", help="send one message, print the reply alone and end; -: read it")
    arguments.add_argument("--json", action="store_true", help="with --say: print one JSON object")
    arguments.add_argument("--host", help="address of the hub (else from the settings)")
    arguments.add_argument("--port", type=int, help="port of the hub (else from the settings)")
    arguments.add_argument("--data-dir", type=Path, help="data folder (else ALISA_DATA_DIR, else data/)")
    arguments.add_argument(
        "--timeout",
        type=_seconds,
        default=PATIENCE,
        metavar="SECONDS",
        help=f"with --say or in a pipe: give up when the hub is silent for this long (default {PATIENCE:g})",
    )
    arguments.add_argument("--plain", action="store_true", help="no colours, no drawing (for screen readers)")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chat; returns the exit code."""
    arguments = parser().parse_args(argv)
    if arguments.json and arguments.say is None:
        parser().error("--json goes with --say")
    if arguments.data_dir is not None:
        os.environ["ALISA_DATA_DIR"] = str(arguments.data_dir)
    folder = data_dir()
    try:
        settings = load(folder).settings
    except SettingsError as error:
        return _fail("\n".join(error.problems))
    text = _message(arguments.say)
    if text == "":
        return _fail("There is nothing to say: the message is empty.")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without these letters shows a sign instead
    address = HubAddress.of(settings.hub)
    address = HubAddress(arguments.host or address.host, arguments.port or address.port)
    logging.getLogger().addHandler(logging.NullHandler())  # never onto the screen, even where there can be no file
    log = logs.setup("text_chat", folder, settings.logs.level) if folder.is_dir() else None
    try:
        return asyncio.run(_run(arguments, text, folder, address))
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not try to flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        if log:
            log.close()


async def _run(arguments: argparse.Namespace, text: str | None, folder: Path, address: HubAddress) -> int:
    client = HubClient(address, lambda: read_token(folder, Role.USER), Hello("terminal", VERSION))
    patience = arguments.timeout
    if text is not None:
        from voice.chat.oneshot import say

        return await _until_signal(
            say(client, text, patience=patience, as_json=arguments.json, out=sys.stdout, err=sys.stderr)
        )
    from voice.chat.stdin import stdin_lines

    if not sys.stdin.isatty():
        from voice.chat.pipe import talk

        return await _until_signal(talk(client, stdin_lines(), patience=patience, out=sys.stdout, err=sys.stderr))
    if arguments.plain or not sys.stdout.isatty() or _dumb():
        from voice.chat.plain import PlainChat

        plain = PlainChat(client, sys.stdout)
        return await _until_signal(plain.run(stdin_lines()), plain.leave)
    return await _interactive(client, folder)


async def _interactive(client: HubClient, folder: Path) -> int:
    from prompt_toolkit.output import create_output

    from voice.chat.app import ChatApp
    from voice.chat.launcher_log import events_file, follow

    app = ChatApp(client, _history(folder), follow(events_file(folder)), output=create_output())
    return await _until_signal(app.run(), app.leave)


async def _until_signal(work: Coroutine[Any, Any, int], leave: Callable[[], None] | None = None) -> int:
    """The exit code of `work`. When the process is asked to end: `leave` if there is one, else the work is cancelled,
    which is no success."""
    task = asyncio.ensure_future(work)

    def cancel() -> None:
        task.cancel()

    with stop_signals(leave or cancel):
        try:
            return await task
        except asyncio.CancelledError:
            sys.stderr.write("Stopped before the answer was complete.\n")
            return STOPPED


def _history(folder: Path) -> History:
    """What the user typed before, in a file that only they may read; in memory where there can be no file."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = folder / "chat_history"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _message(say: str | None) -> str | None:
    """What to say, or None to chat."""
    if say is None:
        return None
    return (sys.stdin.buffer.read().decode("utf-8-sig", "replace") if say == "-" else say).strip()


def _dumb() -> bool:
    """Whether the terminal understands no escape codes. Windows consoles do, and set no TERM."""
    return sys.platform != "win32" and os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError(text)
    return value


def _fail(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


def run() -> NoReturn:
    """The program."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before or after the event loop, which has its own way to end
        sys.exit(STOPPED)
