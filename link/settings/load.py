"""Reading the settings: the file in the data folder, overlaid by the environment, validated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from link.settings import environment
from link.settings.document import Document, parse
from link.settings.fields import as_section
from link.settings.problems import SettingsError, Where, explain
from link.settings.schema import Settings

YAML_NAME = "settings.yaml"
JSON_NAME = "settings.json"

Source = Literal["default", "file", "environment"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where they came from.

    file: the settings file, which need not exist yet. text: what it held. variables: dotted name -> the variable
    that sets it. given: dotted names that the file sets.
    """

    settings: Settings
    file: Path
    text: str
    document: Document
    variables: Mapping[str, str] = field(default_factory=dict)
    given: frozenset[str] = frozenset()

    def source(self, name: str) -> Source:
        """Where the value of the setting `name` (dotted) comes from."""
        if name in self.variables:
            return "environment"
        return "file" if name in self.given else "default"


def settings_file(data_dir: Path) -> Path:
    """The settings file of a data folder: settings.yaml, or settings.json if that is there instead.

    Raises SettingsError when both are there, or one whose name would be overlooked.
    """
    yaml_file, json_file = data_dir / YAML_NAME, data_dir / JSON_NAME
    if (data_dir / "settings.yml").exists():
        raise SettingsError([f"settings.yml is not read: rename it to {YAML_NAME}."])
    if yaml_file.exists() and json_file.exists():
        raise SettingsError([f"{YAML_NAME} and {JSON_NAME} are both in the data folder: keep one of the two."])
    return json_file if json_file.exists() else yaml_file


def load(data_dir: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read and validate all settings. `environ` defaults to the process's environment.

    A key without a value counts as not given, in the file as in the environment.
    Raises SettingsError with one sentence for each problem.
    """
    file = settings_file(data_dir)
    return assemble(file, read_text(file), os.environ if environ is None else environ)


def read_text(file: Path) -> str:
    """What the file holds, empty when there is none. Raises SettingsError when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")  # Windows editors like to put a byte order mark in front
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise SettingsError([f"{file.name} is not UTF-8 text: save it in that encoding."]) from None
    except OSError as error:
        raise SettingsError([f"{file.name} cannot be read ({error.strerror})."]) from None


def assemble(file: Path, text: str, environ: Mapping[str, str]) -> Loaded:
    """Validate the text of a settings file together with the environment. Raises SettingsError."""
    document = parse(text, file.name)
    overlay = environment.read(environ)
    merged = without_empty(document.data)
    for path, value in overlay.values.items():
        put(merged, path, value)

    def where(path: tuple[str, ...]) -> str:
        if path in overlay.variables:
            return overlay.variables[path]
        line = document.line(path)
        return f"{file.name}, line {line}" if line else file.name

    try:
        settings = validate(merged, where)
    except SettingsError as error:
        raise SettingsError(overlay.problems + error.problems) from None
    if overlay.problems:
        raise SettingsError(overlay.problems)
    return Loaded(
        settings=settings,
        file=file,
        text=text,
        document=document,
        variables={".".join(path): variable for path, variable in overlay.variables.items()},
        given=frozenset(".".join(path) for path in leaves(without_empty(document.data))),
    )


def validate(data: Mapping[str, Any], where: Where) -> Settings:
    """Build the settings from plain data; `where` tells where a value stands. Raises SettingsError."""
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(explain(error, where)) from None


def put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set the value at `path`; a section that is no mapping is left for validation to report."""
    *parents, last = path
    for part in parents:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data[last] = value


def without_empty(data: Mapping[str, Any], model: Any = Settings) -> dict[str, Any]:
    """A copy without the sections and settings that have no value, as when all lines below a key are comments."""
    kept: dict[str, Any] = {}
    for key, value in data.items():
        name = str(key)
        declared = model.model_fields.get(name)
        section = as_section(declared.annotation) if declared else None
        if value is None and declared is not None:
            continue
        kept[name] = without_empty(value, section) if section and isinstance(value, dict) else value
    return kept


def leaves(data: Mapping[str, Any], model: Any = Settings, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of the settings that `data` gives values to."""
    found: list[tuple[str, ...]] = []
    for key, value in data.items():
        declared = model.model_fields.get(str(key))
        section = as_section(declared.annotation) if declared else None
        here = (*path, str(key))
        if section and isinstance(value, Mapping):
            found += leaves(value, section, here)
        else:
            found.append(here)
    return found
