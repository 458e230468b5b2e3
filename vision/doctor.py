"""The doctor of vision: cameras, the screen, and text recognition."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from link.doctor import Check, Report, examine
from link.doctor_packages import check_packages
from link.paths import PROJECT

_INSTALL = "scripts/start.sh --with vision installs them."
_DEVICES = Path("/dev")
_NAMES = Path("/sys/class/video4linux")
_TIME_LIMIT = 10  # seconds for a program that is only asked for its version


def report() -> Report:
    """Look at what she needs to see. Nothing in it is required: the rest runs without eyes."""
    packages = PROJECT / "vision" / "requirements.txt"
    return examine(
        "vision",
        [
            ("Packages", lambda: check_packages(packages, _INSTALL, missing="warn")),
            ("Camera", check_camera),
            ("Screen", check_screen),
            ("OCR", check_ocr),
        ],
    )


def check_camera(devices: Path = _DEVICES, names: Path = _NAMES) -> Check:
    """Cameras as Linux lists them; other systems only tell programs that open one."""
    if not sys.platform.startswith("linux"):
        return Check("Camera", "ok", "not looked at: this system asks for permission when the camera is first used")
    found = sorted(path.name for path in devices.glob("video*") if path.name[5:].isdigit())
    if not found:
        return Check("Camera", "warn", "none", "Connect a camera if she is to notice when you are there.")
    labels = ", ".join(f"/dev/{name} ({_camera_name(names / name / 'name')})" for name in found)
    if not any(os.access(devices / name, os.R_OK | os.W_OK) for name in found):
        remedy = "Add yourself to the group `video` (sudo usermod -aG video $USER) and log in again."
        return Check("Camera", "warn", f"{labels}: no permission", remedy)
    return Check("Camera", "ok", labels)


def _camera_name(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "unnamed"


def check_screen() -> Check:
    """Whether pictures of the screen can be taken."""
    if sys.platform == "win32":
        return Check("Screen", "ok", "Windows lets programs take pictures of it")
    if sys.platform == "darwin":
        remedy = "Allow it once in System Settings > Privacy & Security > Screen Recording."
        return Check("Screen", "warn", "macOS asks for permission", remedy)
    if os.environ.get("WAYLAND_DISPLAY"):
        remedy = "Log in to an X11 session if she is to read the screen."
        return Check("Screen", "warn", "Wayland shows programs no other windows", remedy)
    if os.environ.get("DISPLAY"):
        return Check("Screen", "ok", f"X11 {os.environ['DISPLAY']}")
    return Check("Screen", "warn", "none (DISPLAY is not set)", "Start on a desktop if she is to read the screen.")


def check_ocr() -> Check:
    """Tesseract, which reads text in pictures: its version and its languages."""
    program = shutil.which("tesseract")
    if program is None:
        return Check("OCR", "warn", "Tesseract is not on the PATH", _ocr_remedy())
    version = _output([program, "--version"]).partition("\n")[0].strip()
    # The first line is a heading; what follows is one language a line.
    languages = [line.strip() for line in _output([program, "--list-langs"]).splitlines()[1:] if line.strip()]
    spoken = [language for language in languages if language != "osd"]  # osd only tells which way up a page is
    if not spoken:
        return Check("OCR", "warn", f"{version} without a language", _ocr_remedy())
    return Check("OCR", "ok", f"{version}, languages: {', '.join(spoken)}")


def _ocr_remedy() -> str:
    if sys.platform == "win32":
        return "Install Tesseract (winget install UB-Mannheim.TesseractOCR) and put its folder on the PATH."
    if sys.platform == "darwin":
        return "Install it: brew install tesseract."
    return "Install it: sudo apt install tesseract-ocr tesseract-ocr-eng (or your system's packages)."


def _output(command: list[str]) -> str:
    """What a program prints on either stream: older versions of Tesseract use standard error for all of this."""
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_TIME_LIMIT,
        check=False,
    )
    return ran.stdout
