"""Child processes that end as a whole: asked first, then killed with everything they started.

Each supervised child leads its own process group, so that ending it touches nothing else, and Ctrl-C in the
terminal reaches only the launcher (and the chat), which then ends the others in order.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_POLL = 0.02
_KEPT_OUTPUT = 1_000_000  # bytes of a part's output log kept before it is moved to .1


class Child:
    """A running process. `output` is where its standard output and error go; None: the launcher's own.

    foreground: it shares the terminal and its process group (the chat), so it can read the keyboard.
    Raises OSError when it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        output: Path | None = None,
        foreground: bool = False,
    ) -> None:
        self._foreground = foreground
        self._output = output
        self._output_start = 0
        with contextlib.ExitStack() as stack:
            target = None
            if output is not None:
                output.parent.mkdir(parents=True, exist_ok=True)
                _rotate(output)
                target = stack.enter_context(output.open("ab"))
                self._output_start = target.seek(0, os.SEEK_END)
            self._process = _spawn(command, env, target.fileno() if target is not None else None, foreground)

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that killed it), None while it runs."""
        return self._process.poll()

    def ask(self) -> None:
        """Ask it to end by itself (SIGTERM; Ctrl-Break on Windows)."""
        if self.poll() is not None:
            return
        # It may end between the question and the signal; send_signal itself never hits a reused pid.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32":
                self._process.send_signal(signal.SIGTERM)
            elif self._foreground:
                self._process.terminate()
            else:
                self._process.send_signal(signal.CTRL_BREAK_EVENT)

    def kill(self) -> None:
        """End it at once, and whatever is left of what it started. Also right after it ended by itself."""
        if sys.platform == "win32":
            if self.poll() is None:
                # /T: the whole tree, which Windows knows only as long as its root lives.
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(self.pid)], capture_output=True, check=False)
        elif self._foreground:
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_lines(self, count: int = 8) -> list[str]:
        """The last lines it wrote to `output` since it was started."""
        if self._output is None:
            return []
        with self._output.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._output_start, size - 16_384))
            text = file.read().decode("utf-8", "replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def end_all(children: Iterable[Child], grace: float = 3.0) -> None:
    """Ask all of them to end, wait up to `grace` seconds, kill what is left."""
    asked = list(children)
    for child in asked:
        child.ask()
    deadline = time.monotonic() + grace
    while any(child.poll() is None for child in asked) and time.monotonic() < deadline:
        time.sleep(_POLL)
    for child in asked:
        child.kill()


def _spawn(
    command: Sequence[str], env: Mapping[str, str] | None, output: int | None, foreground: bool
) -> subprocess.Popen[bytes]:
    if foreground:
        return subprocess.Popen(command, env=env)
    if sys.platform == "win32":
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
        )
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0)


def _rotate(output: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if output.stat().st_size > _KEPT_OUTPUT:
            os.replace(output, output.with_suffix(output.suffix + ".1"))
