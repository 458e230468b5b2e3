"""Logs: one JSON object a line in the data folder, and short lines for people on stderr.

Standard `logging` carries them: `logger.info("turn finished", extra={"tokens": 12})`. The message is a constant
(the event); everything that varies is a field. What people said is never logged: see link/masking.py.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import logging.handlers
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from link.masking import error_in_words, masked_field, masked_text, traceback_lines

MAX_BYTES = 5 * 1024 * 1024
BACKUPS = 3
OURS = ("link", "backend", "overlay", "voice", "vision", "bot", "scripts")
# Libraries that log every request with its address, and at level debug the very frames with what people said.
NOISY = ("alembic", "httpx", "httpcore", "websockets", "urllib3", "PIL", "uvicorn.access")

turn_id: ContextVar[str] = ContextVar("turn_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


@contextmanager
def bound(*, turn: str | None = None, request: str | None = None) -> Iterator[None]:
    """Give every record logged inside, in this task and those it starts, these ids."""
    tokens = [(var, var.set(value)) for var, value in ((turn_id, turn), (request_id, request)) if value is not None]
    try:
        yield
    finally:
        for var, token in reversed(tokens):
            var.reset(token)


def setup(part: str, data_dir: Path, level: str = "info", console: bool = False) -> LogHandle:
    """Send the root logger's records to `<data_dir>/logs/<part>.log`, and to stderr if `console`.

    level: debug, info, warning or error, for our own packages; libraries never log below info.
    A folder that cannot be written costs only the file, and is said once on stderr.
    uvicorn takes part when it is started with `log_config=None, log_level=None`.
    """
    return LogHandle(part, data_dir, level, sys.stderr if console else None)


class LogHandle:
    """The handlers that `setup` installed; `close` takes them away again and restores the levels."""

    def __init__(self, part: str, data_dir: Path, level: str, console: TextIO | None) -> None:
        self.file = data_dir / "logs" / f"{part}.log"
        self._handlers: list[logging.Handler] = []
        self._levels: dict[str, int] = {}
        self.set_level(level)
        if console is not None:
            self._add(logging.StreamHandler(console), _ConsoleFormatter(part))
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._add(_LogFile(self.file), _JsonFormatter(part))
        except OSError as error:
            _say_unwritable(error)

    def set_level(self, level: str) -> None:
        """Change the least serious level that is written (`logs.level` may change while running)."""
        number = getattr(logging, level.upper())
        for name in OURS:
            self._set(name, number)
        for name in NOISY:
            self._set(name, max(number, logging.WARNING))
        self._set("", max(number, logging.INFO))

    def close(self) -> None:
        """Flush and remove the handlers. May be called twice."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()
        self._handlers.clear()
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        self._levels.clear()

    def _set(self, name: str, level: int) -> None:
        logger = logging.getLogger(name)
        self._levels.setdefault(name, logger.level)
        logger.setLevel(level)

    def _add(self, handler: logging.Handler, formatter: logging.Formatter) -> None:
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)
        self._handlers.append(handler)


class _LogFile(logging.handlers.RotatingFileHandler):
    """A rotating file that, once it cannot be written, says so one time and falls silent."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", errors="backslashreplace")
        self._complained = False

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Rotate; where another process holds the file open, which Windows does not forgive, go on in the old one."""
        with suppress(OSError):
            super().doRollover()
        if self.stream is None:
            self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        if not self._complained and error is not None:
            self._complained = True
            _say_unwritable(error)


def _say_unwritable(error: BaseException) -> None:
    reason = getattr(error, "strerror", None) or type(error).__name__
    sys.stderr.write(f"The log file cannot be written ({reason}); everything else goes on.\n")


class _JsonFormatter(logging.Formatter):
    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": self._part,
            "logger": record.name,
            "event": _event(record),
            "turn": turn_id.get(),
            "request": request_id.get(),
            "fields": _fields(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = error_in_words(record.exc_info[1])
            line["traceback"] = traceback_lines(record.exc_info[1])
        return json.dumps({key: value for key, value in line.items() if value not in ("", {})})


class _ConsoleFormatter(logging.Formatter):
    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
        error = f" [{error_in_words(record.exc_info[1])}]" if record.exc_info and record.exc_info[1] else ""
        line = f"{clock} {record.levelname.lower():7} {self._part}: {_event(record)}{fields}{error}"
        return " ".join(line.splitlines())


def _event(record: logging.LogRecord) -> str:
    return masked_text(record.getMessage())


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    return {key: masked_field(key, value) for key, value in extra.items()}


# --------------------------------------------------------------------------------------------------- user ids


def hashed(user_id: str, salt: bytes) -> str:
    """A user's id as it may stand in a log: 12 hex digits, the same for the same person in one data folder."""
    return hmac.new(salt, user_id.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:12]


def log_salt(data_dir: Path) -> bytes:
    """The data folder's salt for `hashed`, made at first use; one for this process alone if it cannot be kept."""
    path = data_dir / "log.salt"
    fresh = secrets.token_bytes(16)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError:
        return fresh
    else:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(fresh.hex())
        return fresh
    try:
        return bytes.fromhex(path.read_text(encoding="ascii")) or fresh
    except (OSError, ValueError):
        return fresh
