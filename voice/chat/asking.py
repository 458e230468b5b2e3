"""Asks the hub one thing after the other and passes the answers on as they come: for pipes and `--say`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from link.client import Connected, Disconnected, GaveUp, HubClient
from link.messages import Interrupt, Say
from voice.chat.exchange import Exchange
from voice.chat.session import new_request

REACH = 10.0
"""Seconds in which the hub must be reached, unless less patience is asked for."""
START_IT = "Start it with scripts/start.sh (Windows: scripts\\start.ps1) or python -m backend."


class Asking:
    """A connection for questions; use it as a context, which connects and in the end closes.

    write: gets each piece of an answer; what it raises is raised by `ask`. patience: seconds without any sign of the
    hub after which an answer is given up.
    """

    def __init__(self, client: HubClient, write: Callable[[str], None], patience: float) -> None:
        self._client = client
        self._write = write
        self._patience = patience
        self._exchange: Exchange | None = None
        self._connected = False
        self._hopeless = ""
        self._last_fault = "The hub does not answer."
        self._news = asyncio.Event()

    async def __aenter__(self) -> Asking:
        self._following = asyncio.create_task(self._follow(), name="hub")
        self._following.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def reach(self) -> str:
        """Wait for the hub; returns an empty string, or why it cannot be reached."""
        try:
            async with asyncio.timeout(min(REACH, self._patience)):
                while not self._connected and not self._hopeless:
                    await self._next_news()
        except TimeoutError:
            return f"{self._last_fault} {START_IT}"
        return self._hopeless

    async def ask(self, text: str) -> Exchange:
        """Ask, and wait until the answer is complete or has failed. When cancelled, the reply is stopped."""
        exchange = self._exchange = Exchange(text, new_request())
        try:
            await self._answered(exchange, text)
        finally:
            self._exchange = None
            await self._stop(exchange)
        return exchange

    async def _answered(self, exchange: Exchange, text: str) -> None:
        if not await self._client.send(Say(text, exchange.request)):
            exchange.fail(self._last_fault)
        while not exchange.over:
            try:
                async with asyncio.timeout(self._patience):
                    await self._next_news()
            except TimeoutError:
                await self._stop(exchange)
                exchange.fail(f"The hub said nothing for {self._patience:g} seconds.")

    async def _stop(self, exchange: Exchange) -> None:
        """Nobody waits for this answer any longer: spare the model the rest."""
        if exchange.state == "replying":
            await self._client.send(Interrupt(exchange.turn))

    async def _follow(self) -> None:
        async for event in self._client.events():
            if isinstance(event, Connected):
                self._connected = True
            elif isinstance(event, Disconnected):
                self._connected, self._last_fault = False, event.reason
            elif isinstance(event, GaveUp):
                self._connected, self._hopeless = False, f"{event.reason} {event.remedy}"
            if self._exchange is not None and (piece := self._exchange.on(event)):
                self._write(piece)
            self._news.set()

    async def _next_news(self) -> None:
        """Wait until something has happened; raises what ended `_follow`."""
        if self._following.done():
            self._following.result()
        self._news.clear()
        await self._news.wait()
        if self._following.done():
            self._following.result()
