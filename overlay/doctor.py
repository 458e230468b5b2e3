"""The overlay's doctor: is there a screen, and can windows be put on it?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from link.doctor import Check, Report, examine
from link.doctor_packages import check_packages
from link.paths import PROJECT

_INSTALL = "scripts/start.sh --with overlay installs them."


def report() -> Report:
    """Look at everything her window needs. Nothing in it is required: the rest runs without a window."""
    packages = PROJECT / "overlay" / "requirements.txt"
    return examine(
        "overlay",
        [
            ("Packages", lambda: check_packages(packages, _INSTALL, missing="warn")),
            ("Display", check_display),
            ("Tk", check_tk),
        ],
    )


def check_display() -> Check:
    """The kind of screen, by what the system says of it."""
    if sys.platform == "win32":
        return Check("Display", "ok", "Windows desktop")
    if sys.platform == "darwin":
        return Check("Display", "ok", "macOS desktop")
    x11, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if x11 and wayland:
        return Check("Display", "ok", f"X11 {x11}, through Wayland {wayland}")
    if x11:
        return Check("Display", "ok", f"X11 {x11}")
    if wayland:
        return Check("Display", "warn", f"Wayland {wayland} without X11", "Install Xwayland, which her window needs.")
    return Check(
        "Display", "warn", "none (DISPLAY is not set)", "Start on a desktop; without one there is chat but no window."
    )


def check_tk() -> Iterator[Check]:
    """Whether Tk is there and really opens a window (which is never shown)."""
    try:
        import tkinter
    except ImportError:
        remedy = "Install it (Debian, Ubuntu: sudo apt install python3-tk; macOS: brew install python-tk)."
        yield Check("Tk", "warn", "this Python has no tkinter", remedy)
        return
    version = tkinter.Tcl().eval("info patchlevel")
    yield Check("Tk", "ok", version)
    try:
        window = tkinter.Tk()
    except tkinter.TclError as error:
        yield Check("Window", "warn", f"cannot be opened ({error})", "Start on a desktop, or correct DISPLAY.")
        return
    window.withdraw()
    found = f"can be opened on a screen of {window.winfo_screenwidth()} x {window.winfo_screenheight()}"
    window.destroy()
    yield Check("Window", "ok", found)
