"""Settings from `ALISA_SECTION__FIELD` environment variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from link.settings.fields import PREFIX, Setting, settings_fields
from link.settings.problems import located


@dataclass(frozen=True, slots=True)
class Environment:
    """values: path of a setting -> its value. variables: path -> the variable it came from."""

    values: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    variables: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read(environ: Mapping[str, str]) -> Environment:
    """Pick the settings out of an environment. An empty variable counts as not set.

    Names without a double underscore (`ALISA_DATA_DIR`, `ALISA_MODELS_DIR`, ...) are not settings, unless one
    was clearly meant, as in `ALISA_HUB_PORT`.
    """
    by_variable = {setting.variable: setting for setting in settings_fields().values()}
    values: dict[tuple[str, ...], Any] = {}
    variables: dict[tuple[str, ...], str] = {}
    problems: list[str] = []
    for variable, text in environ.items():
        if not variable.upper().startswith(PREFIX) or not text.strip():
            continue
        setting = by_variable.get(variable.upper())
        if setting is None:
            if complaint := _unknown(variable.upper(), by_variable):
                problems.append(located(variable, complaint))
            continue
        try:
            values[setting.path] = _value(setting, text)
        except (ValueError, RecursionError):
            problems.append(located(variable, f"`{setting.name}` must be {setting.expected}, written as JSON"))
            continue
        variables[setting.path] = variable
    return Environment(values, variables, tuple(problems))


def _value(setting: Setting, text: str) -> Any:
    return json.loads(text) if setting.structured else text


def _unknown(variable: str, by_variable: Mapping[str, Setting]) -> str | None:
    for known, setting in by_variable.items():
        if setting.structured and variable.startswith(known + "__"):
            return f"`{setting.name}` is one value; set {known} as JSON"
        if "__" not in variable[len(PREFIX) :] and known.replace("__", "_") == variable:
            return f"this is not a setting; did you mean {known} (two underscores)?"
    if "__" not in variable:
        return None
    if close := get_close_matches(variable, by_variable, n=1):
        return f"this is not a setting; did you mean {close[0]}?"
    return "there is no such setting; docs/SETTINGS.md lists them all"
