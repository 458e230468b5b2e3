"""The live settings of a running part: current values, validated updates, hot reload."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from link.files import write_atomic
from link.locks import ProcessLock
from link.settings.document import edit_json, edit_yaml, parse
from link.settings.fields import MASK, settings_fields
from link.settings.load import Loaded, assemble, leaves, load, put, read_text, settings_file, validate, without_empty
from link.settings.problems import SettingsError, located
from link.settings.schema import Settings

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LOCK_SECONDS = 5.0

Subscriber = Callable[[Settings, Settings, frozenset[str]], None]
"""Called with the old settings, the new ones and the dotted names that changed."""


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """Dotted names of the settings whose values changed, and of those among them that ask for a restart."""

    changed: tuple[str, ...]
    restart_needed: tuple[str, ...]


class SettingsStore:
    """Settings of a data folder. The constructor reads them and raises SettingsError when they cannot be used.

    `current` may be read from any thread. Subscribers are called in the thread that notices the change.
    """

    def __init__(self, data_dir: Path, environ: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._environ = dict(os.environ if environ is None else environ)
        self._subscribers: list[Subscriber] = []
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._loaded = load(data_dir, self._environ)
        self._at_start = self._loaded.settings
        self._problems: tuple[str, ...] = ()

    @property
    def current(self) -> Settings:
        """The settings as they are now."""
        return self._loaded.settings

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with a file that was edited since: the settings before it are still in use. Empty: nothing."""
        return self._problems

    @property
    def pending_restart(self) -> tuple[str, ...]:
        """Dotted names of the settings that have changed since the start and take effect only after a restart."""
        fields = settings_fields()
        return tuple(name for name in changed_names(self._at_start, self.current) if fields[name].restart)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call `callback(old, new, changed)` after each change; returns a function that ends it."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    # ---------------------------------------------------------------------------------------------- updates

    def update(self, patch: Mapping[str, Any]) -> UpdateResult:
        """Validate a nested patch such as {"llm": {"temperature": 0.5}}, save it, and put it into effect.

        As in a JSON merge patch (RFC 7396) a null takes a value back to its default; but a mapping that is one
        setting, such as llm.extra_body, is replaced as a whole. A secret that equals its mask is left as it is.
        Comments and unrelated keys of the file stay. Raises SettingsError, and then nothing has changed.
        """
        return self._adopt(self._write(patch))

    async def update_async(self, patch: Mapping[str, Any]) -> UpdateResult:
        """`update` for event loops: the disk is written in a thread, subscribers are called in the loop."""
        return self._adopt(await asyncio.to_thread(self._write, patch))

    def _write(self, patch: Mapping[str, Any]) -> Loaded:
        others = ProcessLock(self._data_dir / ".settings.lock")
        with self._lock:
            try:
                self._data_dir.mkdir(parents=True, exist_ok=True)
                if not others.acquire(LOCK_SECONDS):
                    raise SettingsError(["Another program is saving the settings: try again in a moment."])
                return self._write_locked(patch)
            except OSError as error:
                raise SettingsError([f"The settings cannot be saved ({error.strerror})."]) from None
            finally:
                others.release()

    def _write_locked(self, patch: Mapping[str, Any]) -> Loaded:
        file = settings_file(self._data_dir)
        before = assemble(file, read_text(file), self._environ)
        changes = _changes(patch)
        _refuse_overridden(changes, before)
        merged = without_empty(before.document.data)
        for path, value in changes.items():
            put(merged, path, value)
        validate(without_empty(merged), lambda path: "")
        if file.suffix == ".json":
            text = edit_json(parse(before.text, file.name).data, changes)
        else:
            text = edit_yaml(before.text, changes)
        after = assemble(file, text, self._environ)
        write_atomic(file, text.encode())
        return after

    # ------------------------------------------------------------------------------------------- hot reload

    def poll(self) -> bool:
        """Look at the file once; True when it changed something. A file that is wrong keeps the settings in use."""
        signature = self._signature()
        if signature == self._seen:
            return False
        self._seen = signature
        try:
            loaded = load(self._data_dir, self._environ)
        except SettingsError as error:
            self._problems = error.problems
            logger.warning("settings not reloaded", extra={"problems": list(error.problems)})
            return False
        return bool(self._adopt(loaded).changed)

    async def watch(self, every: float = POLL_SECONDS) -> None:
        """Poll for ever, every so many seconds. Run it as a supervised task."""
        while True:
            await asyncio.sleep(every)
            self.poll()

    def _signature(self) -> tuple[tuple[str, int, int], ...]:
        """Changes whenever a settings file does: name, modification time and size of each one there is."""
        found = []
        for name in ("settings.yaml", "settings.json", "settings.yml"):
            try:
                stat = (self._data_dir / name).stat()
            except OSError:
                continue
            found.append((name, stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    def _adopt(self, loaded: Loaded) -> UpdateResult:
        old, self._loaded, self._problems = self._loaded.settings, loaded, ()
        changed = changed_names(old, loaded.settings)
        if changed:
            logger.info("settings changed", extra={"settings": list(changed)})
            for callback in tuple(self._subscribers):
                try:
                    callback(old, loaded.settings, frozenset(changed))
                except Exception:  # a boundary: one part's fault must not keep the others from the news
                    logger.exception("a subscriber of the settings failed")
        fields = settings_fields()
        return UpdateResult(changed, tuple(name for name in changed if fields[name].restart))

    # --------------------------------------------------------------------------------------------- for people

    def public(self) -> dict[str, Any]:
        """A view for clients, ready for JSON, with secrets masked.

        values: nested, fit to be sent back as a patch. sources: dotted name -> default, file or environment.
        variables: dotted name -> the environment variable that sets it. restart: names that need a restart;
        pending_restart: those of them that changed. problems: sentences about a file that could not be reloaded.
        """
        values: dict[str, Any] = {}
        fields = settings_fields()
        for setting in fields.values():
            value = _value(self.current, setting.path)
            if isinstance(value, SecretStr):
                value = MASK if value.get_secret_value() else ""
            put(values, setting.path, value)
        return {
            "values": values,
            "sources": {name: self._loaded.source(name) for name in fields},
            "variables": dict(self._loaded.variables),
            "restart": [name for name, setting in fields.items() if setting.restart],
            "pending_restart": list(self.pending_restart),
            "problems": list(self.problems),
        }

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The JSON Schema of all settings, for forms."""
        return Settings.model_json_schema()


def changed_names(old: Settings, new: Settings) -> tuple[str, ...]:
    """Dotted names of the settings that differ."""
    return tuple(
        name for name, setting in settings_fields().items() if _value(old, setting.path) != _value(new, setting.path)
    )


def _value(settings: Settings, path: tuple[str, ...]) -> Any:
    value: Any = settings
    for part in path:
        value = getattr(value, part)
    return value


def _changes(patch: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """The patch as path -> value. Unknown keys stay in for validation to report; masked secrets go."""
    fields = settings_fields()
    changes: dict[tuple[str, ...], Any] = {}
    for path in leaves(patch):
        value: Any = patch
        for part in path:
            value = value[part]
        setting = fields.get(".".join(path))
        if setting is not None and setting.secret and value == MASK:
            continue
        changes[path] = value
    return changes


def _refuse_overridden(changes: Mapping[tuple[str, ...], Any], before: Loaded) -> None:
    names = [".".join(path) for path in changes]
    refused = [
        located("", f"`{name}` is set by the environment variable {before.variables[name]}: change it there")
        for name in names
        if name in before.variables
    ]
    if refused:
        raise SettingsError(refused)
