"""A small satellite in a process of its own, for the tests of the base class.

`--hang` stands for a driver whose thread never returns, `--deaf` for a machine without the device it needs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from link.client import Connected
from link.messages import ClientMessage, Confirm, HubMessage, Notice, Quiet, Say
from link.roles import Role
from link.satellite import Satellite, StartError
from link.settings.schema import Settings


class Echo(Satellite):
    name = "echo"
    role = Role.VOICE
    features = ("ears",)
    description = "Says what it was told."

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--hang", action="store_true")
        parser.add_argument("--deaf", action="store_true")
        parser.add_argument("--farewell", type=Path)

    def announce(self) -> Sequence[ClientMessage]:
        return [Quiet("voice")]

    async def on_start(self) -> None:
        if self.options.deaf:
            raise StartError("There is no microphone: plug one in.")
        if self.options.hang:
            self.tasks.start("driver", lambda: asyncio.to_thread(time.sleep, 60))

    async def on_connected(self, event: Connected) -> None:
        await self.send(Say("again" if event.again else "first"))

    async def on_message(self, message: HubMessage) -> None:
        match message:
            case Notice(category="fault"):
                raise ValueError(message.text)
            case Notice(category="quit"):
                self.stop()
            case Notice():
                await self.send(Say(message.text))

    def on_settings(self, settings: Settings, changed: frozenset[str]) -> None:
        self.tasks.start("tell", lambda: self.send(Confirm(",".join(sorted(changed)), True)))

    async def on_stop(self) -> None:
        if self.options.farewell:
            self.options.farewell.write_text("goodbye", "utf-8")


if __name__ == "__main__":
    sys.exit(Echo.main())
