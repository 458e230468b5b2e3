"""The persona file: written at the first start, read again when it changes."""

from __future__ import annotations

import logging
import os
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from backend.app.pure.persona import Persona

log = logging.getLogger(__name__)


class PersonaError(Exception):
    """The persona file cannot be used. `text` is one sentence that names the place at fault."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def read_persona(text: str, name: str = "persona.yaml") -> Persona:
    """Parse and check a persona file. Raises PersonaError naming line or field."""
    try:
        return Persona.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PersonaError(f"{name}, line {line}: {error.problem or 'this is not valid YAML'}.") from error
    except yaml.YAMLError as error:
        raise PersonaError(f"{name} is not valid YAML.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PersonaError(f"{name}: {where}: {first['msg']}.") from error


class PersonaFile:
    """The persona in use. `current()` looks whether the file has changed; a broken one leaves the last good one.

    `fault` is the sentence about what is wrong with the file now, or empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._default = files("backend.app").joinpath("persona.yaml").read_text(encoding="utf-8")
        self._persona = read_persona(self._default)
        self._seen: tuple[int, int] | None = None
        self.fault = ""

    def write_default(self) -> None:
        """Give the user a file to edit, if there is none yet."""
        if self._path.exists():
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(self._default, encoding="utf-8")
        except OSError as error:
            log.warning("The persona file could not be written.", extra={"error": error.strerror})

    def current(self) -> Persona:
        """The persona, read again if the file was changed since."""
        try:
            stat = os.stat(self._path)
        except OSError:
            return self._persona
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen == self._seen:
            return self._persona
        self._seen = seen
        try:
            self._persona = read_persona(self._path.read_text(encoding="utf-8"), self._path.name)
            self.fault = ""
        except PersonaError as error:
            self.fault = error.text
        except (OSError, UnicodeDecodeError):
            self.fault = f"{self._path.name} cannot be read as UTF-8 text."
        if self.fault:
            log.warning("The persona file is not used.", extra={"fault": self.fault})
        return self._persona
