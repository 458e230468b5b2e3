"""What is wrong with the settings, as sentences for people: where it stands, what was expected, what was meant.

No sentence ever repeats a secret, nor any value of an unknown key, which may be a secret misspelt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from link.settings.fields import Setting, as_section, settings_fields
from link.settings.schema import Settings

LONGEST_VALUE = 60

Where = Callable[[tuple[str, ...]], str]
"""Path of a setting -> where its value stands, such as `settings.yaml, line 4`; empty: nowhere in particular."""


class SettingsError(Exception):
    """The settings cannot be used. `problems` holds one sentence for each thing to mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def explain(error: ValidationError, where: Where) -> tuple[str, ...]:
    """One sentence for each setting that is wrong, in the order in which pydantic found them."""
    sentences: dict[tuple[str, ...], str] = {}
    known = settings_fields()
    for detail in error.errors(include_url=False, include_context=True):
        place = tuple(str(part) for part in detail["loc"])
        setting = next((known[name] for name in _prefixes(place) if name in known), None)
        if setting is not None:
            path, text = setting.path, _wrong_value(setting, detail)
        elif detail["type"] == "extra_forbidden":
            path, text = place, unknown_key(place)
        else:
            path, text = place, f"`{'.'.join(place)}` must be a section with settings in it"
        # A union reports one error for each of its members; one sentence says it all.
        sentences.setdefault(path, located(where(path), text))
    return tuple(sentences.values())


def located(where: str, text: str) -> str:
    """`text` with the place in front of it, ended by a full stop."""
    sentence = f"{where}: {text}" if where else text
    return sentence if sentence.endswith((".", "?")) else sentence + "."


def unknown_key(path: tuple[str, ...]) -> str:
    """Says that there is no such setting, and which one may have been meant."""
    name = ".".join(path)
    siblings = _siblings(path[:-1])
    if close := get_close_matches(path[-1].lower(), siblings, n=1):
        return f"`{name}` is not a setting; did you mean `{'.'.join((*path[:-1], close[0]))}`?"
    # Right name in the wrong section, or with no section at all.
    elsewhere = [known for known in settings_fields() if known.rsplit(".", 1)[-1] == path[-1].lower()]
    if elsewhere:
        return f"`{name}` is not a setting; did you mean `{elsewhere[0]}`?"
    if close := get_close_matches(name.lower(), settings_fields(), n=1, cutoff=0.8):
        return f"`{name}` is not a setting; did you mean `{close[0]}`?"
    inside = f"`{'.'.join(path[:-1])}` has" if len(path) > 1 else "The sections are"
    return f"`{name}` is not a setting. {inside} {', '.join(siblings)}"


def _prefixes(place: tuple[str, ...]) -> Iterable[str]:
    return (".".join(place[:length]) for length in range(len(place), 0, -1))


def _siblings(path: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in path:
        field = model.model_fields.get(part)
        section = as_section(field.annotation) if field else None
        if section is None:
            return []
        model = section
    return list(model.model_fields)


def _wrong_value(setting: Setting, detail: Any) -> str:
    if detail["type"] == "value_error":  # a validator of ours, whose message is a clause for people
        return f"`{setting.name}` {detail['ctx']['error']}"
    text = f"`{setting.name}` must be {setting.expected}"
    given = detail["input"]
    if setting.secret or isinstance(given, (dict, list)):
        return text
    if isinstance(given, str):
        if len(given) > LONGEST_VALUE:
            return text
        text += f", not `{given}`"
        if close := get_close_matches(given.lower(), setting.choices, n=1):
            return f"{text}; did you mean `{close[0]}`?"
        return text
    shown = str(given).lower() if isinstance(given, bool) else str(given)
    if setting.expected == "text":
        return f"{text}: put {shown} in quotes"
    return f"{text}, not {shown}"
