"""The doctor of the live chat: is the library for each platform there?"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from link.doctor import Check, Report, examine
from link.doctor_packages import check_packages
from link.paths import PROJECT

_INSTALL = "scripts/start.sh --with bot installs them."


def report() -> Report:
    """Look at what live chats need. Nothing in it is required."""
    packages = PROJECT / "bot" / "requirements.txt"
    return examine(
        "bot",
        [
            ("Packages", lambda: check_packages(packages, _INSTALL, missing="warn")),
            ("TikTok", check_tiktok),
        ],
    )


def check_tiktok() -> Check:
    """TikTokLive, by its metadata: importing it takes a second and starts nothing we want to know."""
    try:
        return Check("TikTok", "ok", f"TikTokLive {version('TikTokLive')}")
    except PackageNotFoundError:
        return Check("TikTok", "warn", "TikTokLive is not installed", "Only needed for live chat on TikTok.")
