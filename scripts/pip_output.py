"""What pip prints, put into words for people: pure text functions. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLLECTING = re.compile(r"^\s*Collecting ([A-Za-z0-9._-]+)")
_DOWNLOADING = re.compile(r"^\s*Downloading (\S+?)-\d\S* \(([^)]+)\)")
_INSTALLING = re.compile(r"^Installing collected packages: (.+)$")
_BUILDING = re.compile(r"^\s*Building wheel for ([A-Za-z0-9._-]+)")
_UNMATCHED = re.compile(r"No matching distribution found for (\S+)")

_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Read timed out",
    "Connection refused",
    "Connection reset",
    "ProxyError",
    "Max retries exceeded",
    "Network is unreachable",
)
_CERTIFICATE = ("CERTIFICATE_VERIFY_FAILED", "SSLCertVerificationError")


def step(line: str) -> str | None:
    """What pip is doing, by a line of its output, in a few words; None for lines that say nothing new."""
    if match := _DOWNLOADING.match(line):
        return f"downloading {match[1].replace('_', '-')} ({match[2]})"
    if match := _COLLECTING.match(line):
        return f"looking up {match[1]}"
    if match := _BUILDING.match(line):
        return f"building {match[1]}"
    if match := _INSTALLING.match(line):
        return f"unpacking {len(match[1].split(','))} packages"
    return None


def failure(lines: Sequence[str]) -> str:
    """One sentence that says why pip failed and what to do, from all that it printed.

    The network comes first: without one pip ends with "no matching distribution", which would mislead.
    """
    text = "\n".join(lines)
    if any(mark in text for mark in _CERTIFICATE):
        return (
            "The package index was reached, but its certificate is not trusted: "
            "set the PIP_CERT variable to your network's certificate file, then start again."
        )
    if any(mark in text for mark in _NETWORK):
        return "The package index could not be reached: check the network (or the proxy settings), then start again."
    if "No space left on device" in text:
        return "The disk is full: free some space, then start again."
    if match := _UNMATCHED.search(text):
        return (
            f"There is no package {match[1]} for this Python and system: "
            "try Python 3.11, 3.12 or 3.13 (PYTHON=python3.12), then start again."
        )
    if "Permission denied" in text or "Access is denied" in text:
        return "The virtual environment cannot be written: check who owns its folder, then start again."
    return "Installing the packages failed: the lines below say why."
