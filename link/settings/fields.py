"""The settings as a flat list of fields: names, types in words, defaults and marks, taken from the schema."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from link.settings.schema import Settings

PREFIX = "ALISA_"
MASK = "********"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    path: section and field, such as ("hub", "port"). expected: what a value must be, in words.
    choices: the words it accepts, if it is (partly) an enumeration. structured: written as JSON in a variable.
    """

    path: tuple[str, ...]
    description: str
    expected: str
    choices: tuple[str, ...]
    default: Any
    restart: bool
    secret: bool
    structured: bool

    @property
    def name(self) -> str:
        """Dotted, as people and programs name it: `hub.port`."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """Environment variable that overrides it: `ALISA_HUB__PORT`."""
        return PREFIX + "__".join(self.path).upper()


@cache
def settings_fields(model: type[BaseModel] = Settings) -> dict[str, Setting]:
    """All settings of `model` by dotted name, in the order of the schema."""
    return {setting.name: setting for setting in _walk(model, ())}


def sections(model: type[BaseModel] = Settings) -> dict[str, str]:
    """Dotted names of all sections, the nested ones too, with their descriptions."""
    return dict(_sections(model, ()))


def _sections(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if section := as_section(field.annotation):
            yield ".".join((*path, name)), (section.__doc__ or "").strip()
            yield from _sections(section, (*path, name))


def _walk(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        if section := as_section(field.annotation):
            yield from _walk(section, (*path, name))
        else:
            yield _setting((*path, name), field)


def as_section(annotation: Any) -> type[BaseModel] | None:
    """The section that a field of this type holds, None if it holds a value."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _setting(path: tuple[str, ...], field: FieldInfo) -> Setting:
    extra = field.json_schema_extra
    return Setting(
        path=path,
        description=field.description or "",
        expected=_expected(field.annotation, field.metadata),
        choices=tuple(_choices(field.annotation)),
        default=field.get_default(call_default_factory=True),
        restart=isinstance(extra, dict) and bool(extra.get("restart")),
        secret=field.annotation is SecretStr,
        structured=typing.get_origin(field.annotation) in (list, dict, tuple, set, frozenset),
    )


def _members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the type itself."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _choices(annotation: Any) -> Iterator[str]:
    for member in _members(annotation):
        if typing.get_origin(member) is Literal:
            yield from (str(value) for value in typing.get_args(member))
        elif typing.get_origin(member) is list:
            yield from _choices(typing.get_args(member)[0])


def _expected(annotation: Any, constraints: list[Any]) -> str:
    words = [_in_words(member) for member in _members(annotation)]
    return " or ".join(words) + _bounds(constraints)


def _in_words(member: Any) -> str:
    origin = typing.get_origin(member)
    if origin is Literal:
        values = [f"`{value}`" for value in typing.get_args(member)]
        return values[0] if len(values) == 1 else "one of " + ", ".join(values)
    if origin is list:
        return "a list, each " + _expected(typing.get_args(member)[0], [])
    if origin is dict:
        return "a mapping"
    named = {bool: "`true` or `false`", int: "a whole number", float: "a number", str: "text", SecretStr: "text"}
    return named.get(member, "a value")


def _bounds(constraints: list[Any]) -> str:
    low = next((c.ge for c in constraints if isinstance(c, annotated_types.Ge)), None)
    high = next((c.le for c in constraints if isinstance(c, annotated_types.Le)), None)
    above = next((c.gt for c in constraints if isinstance(c, annotated_types.Gt)), None)
    below = next((c.lt for c in constraints if isinstance(c, annotated_types.Lt)), None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    words = (("at least", low), ("above", above), ("at most", high), ("below", below))
    parts = [f"{word} {bound}" for word, bound in words if bound is not None]
    return " " + " and ".join(parts) if parts else ""
