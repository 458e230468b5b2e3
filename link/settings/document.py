"""A settings file as text: parsed with the line of each key, and edited without losing its comments."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from link.settings.problems import SettingsError

DEEPEST = 32
HEADER = "# Settings of Alisa. What is not given here has its default; docs/SETTINGS.md lists them all.\n"


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. lines: path of a key -> its line, counted from 1."""

    data: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, path: tuple[str, ...]) -> int | None:
        """Line of the key at `path`, or of the nearest one above it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def parse(text: str, name: str) -> Document:
    """Read YAML, or JSON if `name` ends in .json.

    Raises SettingsError when the text is neither, holds no mapping, or gives a key twice.
    """
    is_json = name.endswith(".json")
    if is_json:
        _check_json(text, name)
    try:
        # JSON is YAML but for tabs between its tokens; inside of its strings no bare tab can be.
        root = yaml.compose(text.replace("\t", " ") if is_json else text, Loader=yaml.SafeLoader)
        data = json.loads(text) if is_json else yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError([f"{name}{line}: this is not valid YAML ({error.problem})."]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SettingsError([f"{name}: this is not valid YAML; look for odd characters."]) from None
    if root is None or data is None:
        return Document()
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise SettingsError([f"{name}: sections were expected, such as `hub:` with `port: 8000` below it."])
    lines: dict[tuple[str, ...], int] = {}
    for path, number in _keys(root, ()):
        if path in lines:
            again = f"`{'.'.join(path)}` was already given in line {lines[path]}; keep one of the two"
            raise SettingsError([f"{name}, line {number}: {again}."])
        lines[path] = number
    return Document(data, lines)


def _check_json(text: str, name: str) -> None:
    if not text.strip():
        return
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError([f"{name}, line {error.lineno}: this is not valid JSON ({error.msg})."]) from None


def _keys(node: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every key with its line. An alias that leads back into its own mapping is not followed."""
    for key, value in node.value:
        here = (*path, str(key.value))
        yield here, key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode) and len(here) < DEEPEST:
            yield from _keys(value, here)


def edit_json(data: dict[str, Any], changes: Mapping[tuple[str, ...], Any | None]) -> str:
    """The JSON file with the values at those paths set, or removed where None."""
    for path, value in changes.items():
        _set(data, path, value)
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def edit_yaml(text: str, changes: Mapping[tuple[str, ...], Any | None]) -> str:
    """The YAML text with the values at those paths set, or removed where None; comments and order stay."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096
    root = editor.load(text) if text.strip() else None
    if root is None:  # empty, or nothing but comments, which ruamel would drop
        head = text if text.strip() else HEADER
        root = editor.map()
    else:
        head = ""
    for path, value in changes.items():
        _set(root, path, _quoted(value))
    out = io.StringIO()
    if root:
        editor.dump(root, out)
    if head and not head.endswith("\n"):
        head += "\n"
    return head + out.getvalue()


def _set(root: dict[str, Any], path: tuple[str, ...], value: Any | None) -> None:
    *parents, last = path
    for part in parents:
        if root.get(part) is None:  # missing, or a section with all its keys commented out
            if value is None:
                return
            root[part] = {}
        root = root[part]
    if value is None:
        root.pop(last, None)
    else:
        root[last] = value


def _quoted(value: Any) -> Any:
    """Texts in double quotes, so that YAML 1.1 and 1.2 read `yes`, `1e3` and the like alike."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, dict):
        return {_quoted(key): _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return value
