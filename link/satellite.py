"""The base of every part that runs beside the hub: settings, logs, connection, messages, a clean end.

class Window(Satellite):
    name, role = "overlay", Role.OVERLAY
    description = "Alisa's window."

    async def on_message(self, message: HubMessage) -> None:
        match message:
            case Emotion(): self.show(message.name)

if __name__ == "__main__":
    sys.exit(Window.main())
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar

from link import logs
from link.client import Connected, Disconnected, GaveUp, HubAddress, HubClient, TurnLost
from link.messages import ClientMessage, Hello, HubMessage
from link.paths import data_dir
from link.roles import Role
from link.settings.problems import SettingsError
from link.settings.schema import Settings
from link.settings.store import SettingsStore
from link.signals import stop_signals
from link.tasks import Supervisor
from link.tokens import read_token

STOP_TIMEOUT = 0.7
"""Seconds that `on_stop` may take."""

logger = logging.getLogger(__name__)


class StartError(Exception):
    """Raised by `on_start`: the part cannot work here. The text is for people and says what to do."""


class Satellite:
    """A part in a process of its own. Subclasses name it and override what they need of the `on_` methods.

    name: what people call it and its log. role: whose token it uses. features: what it can do (`mouth`, `ears`, ...).
    description: for `--help`. console: whether log lines go to stderr as well.

    The `on_` methods are awaited one at a time, in the order in which things happen. What takes long belongs into
    a task: `self.tasks.start("camera", self.watch)`. An error in one of them is logged and costs only that
    message.
    """

    name: ClassVar[str]
    role: ClassVar[Role]
    features: ClassVar[tuple[str, ...]] = ()
    description: ClassVar[str] = ""
    version: ClassVar[str] = ""
    console: ClassVar[bool] = True

    def __init__(self, store: SettingsStore, data_folder: Path, options: argparse.Namespace) -> None:
        self.store = store
        self.options = options
        self.tasks = Supervisor()
        self.client = HubClient(
            HubAddress.of(store.current.hub),
            lambda: read_token(data_folder, self.role),
            Hello(self.name, self.version, self.features),
            announce=self.announce,
        )
        self._stopping = asyncio.Event()
        self._failure = ""

    # ------------------------------------------------------------------------------------ what a part overrides

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Declare command line options; they come back as `self.options`."""

    def announce(self) -> Sequence[ClientMessage]:
        """State the hub must know of, sent after each (re)connect."""
        return ()

    async def on_start(self) -> None:
        """Before the first connection. May raise StartError."""

    async def on_message(self, message: HubMessage) -> None:
        """A message of the hub."""

    async def on_connected(self, event: Connected) -> None:
        """The hub has greeted us."""

    async def on_disconnected(self, event: Disconnected) -> None:
        """There is no connection; a next try follows."""

    async def on_turn_lost(self, turn: str) -> None:
        """The reply in progress will never be completed."""

    def on_settings(self, settings: Settings, changed: frozenset[str]) -> None:
        """Settings were changed while running. changed: their dotted names. Not awaited: start a task for more."""

    async def on_stop(self) -> None:
        """The part ends: release devices. The connection is still there; there is about half a second."""

    # ----------------------------------------------------------------------------------------- what a part calls

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.store.current

    async def send(self, message: ClientMessage) -> bool:
        """Send to the hub. False, and the message is lost, when there is no connection."""
        return await self.client.send(message)

    def stop(self, failure: str = "") -> None:
        """End the part. failure: a sentence for stderr; the exit code is then 1."""
        self._failure = self._failure or failure
        self._stopping.set()

    # ------------------------------------------------------------------------------------------------ running it

    @classmethod
    def main(cls, argv: Sequence[str] | None = None) -> int:
        """Run the part as a program. Returns the exit code: 0, or 1 with the reason on stderr (2: wrong options)."""
        parser = argparse.ArgumentParser(
            prog=f"python -m {cls.__module__.partition('.')[0]}", description=cls.description
        )
        cls.add_arguments(parser)
        options = parser.parse_args(argv)
        folder = data_dir()
        try:
            store = SettingsStore(folder)
        except SettingsError as error:
            sys.stderr.write("\n".join(error.problems) + "\n")
            return 1
        log = logs.setup(cls.name, folder, store.current.logs.level, console=cls.console)
        store.subscribe(lambda _, new, __: log.set_level(new.logs.level))
        try:
            return asyncio.run(cls(store, folder, options).run())
        finally:
            log.close()

    async def run(self) -> int:
        """Be the part until it is stopped, asked to end, or gives up. Returns the exit code."""
        with stop_signals(self.stop):
            self.store.subscribe(lambda _, new, changed: self.on_settings(new, changed))
            self.tasks.start("settings", self.store.watch)
            living = asyncio.create_task(self._live(), name=self.name)
            stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            await self._shut_down(living)
        if self._failure:
            sys.stderr.write(f"{self._failure}\n")
        return 1 if self._failure else 0

    async def _live(self) -> None:
        try:
            await self.on_start()
        except StartError as error:
            self.stop(str(error))
            return
        async for event in self.client.events():
            match event:
                case Connected():
                    logger.info("connected", extra={"again": event.again, "boot": event.boot})
                    await self._guarded("on_connected", self.on_connected(event))
                case Disconnected():
                    logger.info("disconnected", extra={"reason": event.reason, "retry_in": round(event.retry_in, 2)})
                    await self._guarded("on_disconnected", self.on_disconnected(event))
                case TurnLost():
                    await self._guarded("on_turn_lost", self.on_turn_lost(event.turn))
                case GaveUp():
                    self.stop(f"{event.reason} {event.remedy}")
                case _:
                    await self._guarded("on_message", self.on_message(event))

    async def _shut_down(self, living: asyncio.Task[None]) -> None:
        # The times add up to less than signals.GRACE, so that no end by force is needed even when each is used up.
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._guarded("on_stop", self.on_stop())
        except TimeoutError:
            logger.warning("on_stop took too long")
        await asyncio.gather(self.tasks.close(timeout=0.3), self.client.close())
        living.cancel()
        ended, _ = await asyncio.wait({living}, timeout=0.2)
        if ended and not living.cancelled() and (error := living.exception()) is not None:
            logger.error("the part failed", exc_info=error)
            self._failure = self._failure or f"The part failed ({type(error).__name__}); its log tells more."

    async def _guarded(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # a boundary: what goes wrong with one message must not end the part
            logger.exception("a message could not be handled", extra={"handler": what})
