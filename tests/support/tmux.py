"""A program in a real terminal emulator: a tmux server of its own, which nothing else uses and which ends with it.

async with Tmux(tmp_path, "scripts/start.sh", env) as terminal:
    await terminal.shows("You:")
    terminal.type("hello", "Enter")
    terminal.type("C-c")
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from link.testing.waiting import eventually

# The window stays when the program has ended, so that its last words can be read.
CONFIGURATION = """\
set -g remain-on-exit on
set -g default-terminal screen-256color
set -g history-limit 5000
set -g status off
"""


class Tmux:
    """columns, rows: size of the terminal. The program is a shell's command."""

    def __init__(
        self, folder: Path, command: str, env: Mapping[str, str], *, columns: int = 100, rows: int = 40
    ) -> None:
        self._folder = folder
        self._command = command
        self._env = {key: value for key, value in env.items() if key not in ("TMUX", "TMUX_PANE", "NO_COLOR")}
        self._exit_code = folder / "exit-code"
        self._size = ("-x", str(columns), "-y", str(rows))

    async def __aenter__(self) -> Tmux:
        (self._folder / "tmux.conf").write_text(CONFIGURATION)
        # tmux itself does not always know how a program ended, so a shell around it notes that. It has to survive the
        # signals that the terminal sends to both; a trap that does nothing is, unlike an empty one, not inherited.
        command = f"trap : INT HUP; {self._command}; echo $? >{shlex.quote(str(self._exit_code))}"
        self._tmux("-f", str(self._folder / "tmux.conf"), "new-session", "-d", *self._size, command)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"----- the screen of {shlex.split(self._command)[0]}\n{self.screen}")
        self.close()

    def close(self) -> None:
        """End the server, as when somebody closes the window. A program that still runs gets SIGHUP."""
        self._tmux("kill-server", check=False)

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names for them: "Enter", "C-c"; what is no name is typed as it is."""
        self._tmux("send-keys", *keys)

    @property
    def screen(self) -> str:
        """What can be seen, and above it what has scrolled away."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", check=False).rstrip()

    async def shows(self, wanted: str, within: float = 20.0) -> str:
        """Wait until `wanted` stands on the screen; returns the whole. Raises AssertionError."""
        await eventually(lambda: wanted in self.screen, within, f"{wanted!r} on the screen")
        return self.screen

    async def ends(self, within: float = 20.0) -> int:
        """Wait for the program's end; returns its exit code. Raises AssertionError."""
        return int(await eventually(self._noted, within, "the program's end"))

    def _noted(self) -> str:
        return self._exit_code.read_text() if self._exit_code.exists() else ""

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-u", "-S", str(self._folder / "tmux.socket"), *arguments]
        ran = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        assert not check or ran.returncode == 0, f"{shlex.join(command)}: {ran.stderr}"
        return ran.stdout.strip("\n")
