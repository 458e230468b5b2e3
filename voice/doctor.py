"""The doctor of chat and voice: what the terminal can do, and whether there is sound."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from link.doctor import Check, Report, examine
from link.doctor_packages import check_packages
from link.paths import PROJECT

_INSTALL = "Run scripts/start.sh (Windows: scripts\\start.ps1), which installs what is missing."
_ASOUND = Path("/proc/asound/cards")
_NO_SOUND = "Nothing to do for the terminal chat; connect or enable a sound device if she is to be heard."


def report() -> Report:
    """Look at what the terminal chat (required) and the voice (optional) need."""
    return examine(
        "voice",
        [
            (
                "Chat packages",
                lambda: check_packages(
                    PROJECT / "voice" / "requirements-text-chat.txt", _INSTALL, name="Chat packages"
                ),
            ),
            ("Terminal", check_terminal),
            ("Sound", check_sound),
        ],
    )


def check_terminal() -> Check:
    """The controlling terminal: standard output may be a pipe here."""
    if sys.platform != "win32":
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return Check("Terminal", "ok", "none (a pipe or a service): the chat reads plain lines")
    kind = os.environ.get("TERM", "") or ("Windows console" if sys.platform == "win32" else "unknown")
    size = shutil.get_terminal_size()
    found = f"{kind}, {size.columns} x {size.lines}"
    if kind == "dumb":
        return Check("Terminal", "ok", f"{found}: plain lines without colours")
    encoding = sys.getfilesystemencoding() if sys.platform == "win32" else _locale_encoding()
    if encoding.lower().replace("-", "") != "utf8":
        remedy = "Set a UTF-8 locale (export LANG=C.UTF-8) so that all characters can be shown."
        return Check("Terminal", "warn", f"{found}, {encoding}", remedy)
    return Check("Terminal", "ok", f"{found}, {encoding}")


def check_sound() -> Iterator[Check]:
    """Sound devices: asked of PortAudio where it is installed, else what the system shows without it."""
    if importlib.util.find_spec("sounddevice") is not None:
        yield from _portaudio()
    elif sys.platform == "win32":
        yield _windows_sound()
    elif sys.platform == "darwin":
        yield Check("Sound", "ok", "macOS has sound; its devices are listed once the voice's packages are installed")
    else:
        yield _linux_sound()


def _portaudio() -> Iterator[Check]:
    try:
        import sounddevice
    except OSError:  # the package is there, the library it wraps is not
        yield Check("Sound", "warn", "PortAudio is missing", "Install it (Debian, Ubuntu: apt install libportaudio2).")
        return
    devices = sounddevice.query_devices()
    for name, direction in (("Speaker", "max_output_channels"), ("Microphone", "max_input_channels")):
        found = [str(device["name"]) for device in devices if device[direction] > 0]
        if found:
            yield Check(name, "ok", ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else ""))
        else:
            yield Check(name, "warn", "none", _NO_SOUND)


def _linux_sound() -> Check:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))
    if os.environ.get("PULSE_SERVER") or (runtime / "pulse" / "native").exists():
        return Check("Sound", "ok", "a PulseAudio or PipeWire server")
    try:
        cards = parse_cards(_ASOUND.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        cards = []
    if cards:
        return Check("Sound", "ok", ", ".join(cards))
    return Check("Sound", "warn", "no sound card and no sound server", _NO_SOUND)


def parse_cards(text: str) -> list[str]:
    """Names of the cards in /proc/asound/cards: the part behind ` - ` of the lines that begin with a number."""
    return [
        line.partition(" - ")[2].strip() for line in text.splitlines() if line.lstrip()[:1].isdigit() and " - " in line
    ]


def _windows_sound() -> Check:
    import ctypes

    # The multimedia API of every Windows counts devices without being asked to open one.
    winmm = ctypes.windll.winmm  # type: ignore[attr-defined,unused-ignore]
    speakers, microphones = int(winmm.waveOutGetNumDevs()), int(winmm.waveInGetNumDevs())
    level = "ok" if speakers else "warn"
    found = f"{speakers} devices to play, {microphones} to record"
    return Check("Sound", "ok", found) if level == "ok" else Check("Sound", "warn", found, _NO_SOUND)


def _locale_encoding() -> str:
    import locale

    return locale.getencoding()
