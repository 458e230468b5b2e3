"""The line below the prompt: connection, mode, who answers, quiet. Pure."""

from __future__ import annotations

import time
from dataclasses import replace

from link.messages import ModeChanged, Quiet, Status
from voice.chat import theme
from voice.chat.clean import clean_line
from voice.chat.fragments import Fragment


class StatusLine:
    """Follows the hub's messages and says in one line how things are."""

    def __init__(self) -> None:
        self.connected = False
        self._status: Status | None = None

    @property
    def modes(self) -> tuple[str, ...]:
        """The conversation modes there are, as far as the hub has told."""
        return self._status.modes if self._status else ()

    def on(self, message: object) -> None:
        """Take in a message of the hub; those that change nothing here are ignored."""
        if isinstance(message, Status):
            self._status = message
        elif self._status and isinstance(message, ModeChanged):
            self._status = replace(self._status, mode=message.mode)
        elif self._status and isinstance(message, Quiet):
            self._status = replace(self._status, quiet={"scope": message.scope, "until": message.until})

    def fragments(self, width: int, hint: str = "") -> list[Fragment]:
        """The line, cut to `width` columns. `hint`: what else to say at its front."""
        state = (theme.STATUS, "connected") if self.connected else (theme.AWAY, "the hub is away")
        parts: list[Fragment] = [state]
        if self._status:
            parts.append((theme.STATUS, f"mode {clean_line(self._status.mode)}"))
            parts.append((theme.STATUS, answers(self._status)))
            quiet = quiet_words(self._status.quiet)
            if quiet:
                parts.append((theme.STATUS, quiet))
        if hint:
            parts.insert(0, (theme.AWAY, hint))
        return _cut(_joined(parts), width)


def answers(status: Status) -> str:
    """Who answers: the model's name (with its state unless it is ready), or that there is none."""
    if status.llm.get("starter"):
        return "starter (no language model)"
    name = clean_line(str(status.llm.get("model") or status.llm.get("provider") or "unknown model"))
    return name if ready(status) else f"{name} ({clean_line(str(status.llm['status']))})"


def ready(status: Status) -> bool:
    """Whether the model can answer, as far as the hub says."""
    return status.llm.get("status", "ready") in ("ready", "", None)


def quiet_words(quiet: dict[str, object]) -> str:
    """The quiet state in words, with the local time at which it ends; empty when she is not quiet."""
    what = {"initiative": "speaks only when asked", "voice": "voice off", "all": "quiet"}.get(str(quiet.get("scope")))
    if what is None:
        return ""
    until = quiet.get("until")
    if isinstance(until, int | float) and 0 < until < 1e11:
        return f"{what} until {time.strftime('%H:%M', time.localtime(until))}"
    return what


def _joined(parts: list[Fragment]) -> list[Fragment]:
    line: list[Fragment] = []
    for part in parts:
        if line:
            line.append((theme.STATUS, " · "))
        line.append(part)
    return line


def _cut(line: list[Fragment], width: int) -> list[Fragment]:
    cut: list[Fragment] = []
    for style, text in line:
        room = width - sum(len(shown) for _, shown in cut)
        if len(text) > room:
            return [*cut, (style, text[: max(0, room - 1)] + "…" if room > 0 else "")]
        cut.append((style, text))
    return cut
