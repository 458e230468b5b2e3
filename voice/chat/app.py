"""The chat on a real terminal: prompt_toolkit draws the row of the reply that is still growing, the prompt and the
status line, and prints everything that is final above them, into the terminal's own scrollback.

Nothing but rows that can no longer change is printed for good, so the part drawn live is a few rows high whatever is
said, half-typed text stays where it is, and tokens appear as they arrive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.output import Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from link.client import GaveUp, HubClient
from voice.chat import theme
from voice.chat.clean import clean, clean_line
from voice.chat.commands import help_text, local
from voice.chat.ctrl_c import AGAIN, CtrlC
from voice.chat.fragments import Close, Fragment, Ink, Line, Piece
from voice.chat.keys import bindings
from voice.chat.layout import Look, build_layout
from voice.chat.session import Session
from voice.chat.wrap import Wrapper, wrapped

if TYPE_CHECKING:
    from prompt_toolkit.input import Input

BYE = "Bye."
KEPT_SHOWN = 3
"""Messages waiting for the hub that are shown above the prompt; of more, their number."""


class ChatApp:
    """The interactive chat.

    client: not yet asked for its events. history: what the user typed before. news: sentences of the launcher.
    """

    def __init__(
        self,
        client: HubClient,
        history: History,
        news: AsyncIterator[str],
        *,
        input: Input | None = None,
        output: Output,
    ) -> None:
        if isinstance(output, Vt100_Output):
            # Asking the terminal where the cursor is buys nothing here, and the answer may be printed as text
            # where it comes late.
            output.enable_cpr = False
        self._client = client
        self._news = news
        self._output = output
        self._session = Session(client)
        self._reply = Wrapper(self._width())
        self._ctrl_c = CtrlC()
        self._hint = ""
        self._entered: asyncio.Queue[str] = asyncio.Queue()
        layout = build_layout(
            Look(self._live, self._status_line, lambda: self._session.status.modes), history, self._accept
        )
        self._app: Application[int] = Application(
            layout=layout,
            key_bindings=bindings(on_ctrl_c=self.press_ctrl_c, on_leave=self.leave),
            style=Style.from_dict(theme.STYLES),
            input=input,
            output=output,
            erase_when_done=True,
            enable_page_navigation_bindings=False,
        )

    async def run(self) -> int:
        """Chat until the user leaves; returns the exit code: 0, or 1 if there was no use in going on."""
        tasks = [asyncio.create_task(work) for work in (self._follow(), self._send_entered(), self._tell_news())]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            code = await self._app.run_async(handle_sigint=False)
        finally:
            await self._client.close()
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        self._print(self._reply.close())
        unsent = [f"· Not sent: {clean(text)}" for text in self._session.kept]
        self._print([[(theme.NOTICE, line)] for line in (*unsent, BYE)])
        for result in results:
            if isinstance(result, Exception):
                raise result
        return code

    def leave(self, code: int = 0) -> None:
        """End the chat."""
        if self._app.is_running and not self._app.is_done:
            self._app.exit(result=code)

    def press_ctrl_c(self) -> None:
        """Ctrl-C was pressed: stop the reply, clear the line, or leave."""
        buffer = self._app.current_buffer
        transcript = self._session.transcript
        action = self._ctrl_c.press(time.monotonic(), replying=transcript.reply is not None, empty=not buffer.text)
        if action == "leave":
            self.leave()
        elif action == "stop":
            self._app.create_background_task(self._session.stop())
        elif action == "clear":
            buffer.reset()
        self._say_hint("Ctrl-C again ends the chat")

    # ------------------------------------------------------------------------------------------------- tasks

    async def _follow(self) -> None:
        async for event in self._client.events():
            self._show(await self._session.on(event))
            if isinstance(event, GaveUp):
                self.leave(1)
                return

    async def _send_entered(self) -> None:
        while True:
            self._show(await self._session.enter(await self._entered.get()))

    async def _tell_news(self) -> None:
        async for sentence in self._news:
            self._show(self._session.transcript.tell(sentence))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that fails ends the chat: its error is raised by `run` once the terminal is itself again."""
        if not task.cancelled() and task.exception():
            self.leave(1)

    # ------------------------------------------------------------------------------------------------- drawing

    def _accept(self, buffer: Buffer) -> bool:
        text = buffer.text.strip()
        if not text:
            return False
        if (command := local(text)) == "quit":
            self.leave()
        elif command == "help":
            self._show(self._session.transcript.tell(help_text()))
        else:
            self._entered.put_nowait(text)
        return False

    def _show(self, ink: Iterable[Ink]) -> None:
        """Print what is final, above the prompt; keep the row that is not."""
        rows: list[list[Fragment]] = []
        self._reply.width = self._width()
        for thing in ink:
            match thing:
                case Line(fragments):
                    rows += wrapped(fragments, self._width())
                case Piece(fragments):
                    rows += self._reply.add(fragments)
                case Close():
                    rows += self._reply.close()
                    self._ctrl_c.reply_ended(time.monotonic())
        if rows:
            self._print(rows)
        self._app.invalidate()

    def _print(self, rows: list[list[Fragment]]) -> None:
        """Rows for good. Unlike `run_in_terminal` this leaves the terminal's mode alone, so no key typed meanwhile is
        echoed or lost, and it never waits, so what is printed and what is drawn cannot get out of step."""
        text = FormattedText([part for row in rows for part in (*row, ("", "\n"))])
        app = self._app
        if not app.is_running or app.context is None:
            app.print_text(text)
            return
        with _one_frame(self._output):
            app.renderer.erase()
            app.print_text(text)
            # Not `invalidate`: that may draw some milliseconds later, and the prompt would blink.
            app.context.copy().run(app.renderer.render, app, app.layout)

    def _live(self) -> StyleAndTextTuples:
        """What stands above the prompt and may still change."""
        transcript = self._session.transcript
        live: StyleAndTextTuples = [*self._reply.live()]
        if not live and transcript.waiting:
            live = [(theme.NOTICE, f"{transcript.name} …")]
        below: list[StyleAndTextTuples] = [[*line.fragments] for line in transcript.held]
        below += [[(theme.NOTICE, f"You: {clean_line(text)} (waits)")] for text in self._session.kept[:KEPT_SHOWN]]
        if more := len(self._session.kept[KEPT_SHOWN:]):
            below.append([(theme.NOTICE, f"and {more} more")])
        for line in below:
            live += [*([("", "\n")] if live else []), *line]
        return live

    def _status_line(self) -> StyleAndTextTuples:
        return [*self._session.status.fragments(self._width(), self._hint)]

    def _say_hint(self, hint: str) -> None:
        self._hint = hint
        self._app.invalidate()

        def over() -> None:
            self._hint = ""
            self._app.invalidate()

        asyncio.get_running_loop().call_later(AGAIN, over)

    def _width(self) -> int:
        """Columns to write on. The last one stays free, because terminals differ in what they do after it."""
        return max(10, self._output.get_size().columns - 1)


@contextmanager
def _one_frame(output: Output) -> Iterator[None]:
    """What is written inside appears at once on terminals that know synchronized output (DEC private mode 2026);
    others ignore it."""
    knows = isinstance(output, Vt100_Output)
    if knows:
        output.write_raw("\x1b[?2026h")
    try:
        yield
    finally:
        if knows:
            output.write_raw("\x1b[?2026l")
            output.flush()
