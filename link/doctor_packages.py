"""Are the packages of a requirement file installed, in the versions it pins?"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from link.doctor import Check, Level
from link.requirement_files import expand


def check_packages(file: Path, remedy: str, missing: Level = "fail", name: str = "Packages") -> Check:
    """Compare the installed packages with the file's pins, as far as they apply to this system.

    missing: the level when a package is not there or does not satisfy its pin at all.
    """
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return Check(name, missing, "not installed", remedy)
    wanted = [Requirement(line) for line in expand(file) if not line.startswith("-")]
    wanted = [requirement for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]
    absent: list[str] = []
    other: list[str] = []
    for requirement in wanted:
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            absent.append(requirement.name)
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            other.append(f"{requirement.name} {installed} instead of {requirement.specifier}")
    if absent:
        return Check(name, missing, f"missing: {', '.join(absent)}", remedy)
    if other:
        # It may well work; the pinned versions are the ones that were tested together.
        return Check(name, "warn", f"not the tested version: {', '.join(other)}", remedy)
    return Check(name, "ok", f"{len(wanted)} as pinned")
