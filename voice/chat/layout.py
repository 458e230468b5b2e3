"""Where things stand on the terminal: the live row, the prompt, completions, the status line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.layout import (
    CompletionsMenu,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.widgets import SearchToolbar, TextArea

from voice.chat import theme
from voice.chat.commands import completions

PROMPT = "You: "
MENU_ROWS = 11


@dataclass(frozen=True, slots=True)
class Look:
    """What the changing parts show now. modes: the conversation modes there are, for completion."""

    live: Callable[[], StyleAndTextTuples]
    status: Callable[[], StyleAndTextTuples]
    modes: Callable[[], Sequence[str]]


class CommandCompleter(Completer):
    """Offers slash commands and their arguments."""

    def __init__(self, modes: Callable[[], Sequence[str]]) -> None:
        self._modes = modes

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for text, meaning, replaced in completions(document.text_before_cursor, self._modes()):
            yield Completion(text, start_position=-replaced, display_meta=meaning)


def build_layout(look: Look, history: History, accept: Callable[[Buffer], bool]) -> Layout:
    """The layout, with the focus on the prompt. accept: called on Enter; returns whether to keep the text."""
    search = SearchToolbar(ignore_case=True)
    field = TextArea(
        prompt=[(theme.YOU, PROMPT)],
        completer=CommandCompleter(look.modes),
        history=history,
        accept_handler=accept,
        search_field=search,
        dont_extend_height=True,
        get_line_prefix=lambda line, wraps: "" if line == wraps == 0 else " " * len(PROMPT),
    )
    live = Window(FormattedTextControl(look.live), wrap_lines=True, dont_extend_height=True)
    root = HSplit(
        [
            ConditionalContainer(live, Condition(lambda: bool(look.live()))),
            field,
            CompletionsMenu(max_height=MENU_ROWS),
            search,
            Window(FormattedTextControl(look.status), height=1),
        ],
        align=VerticalAlign.TOP,
    )
    return Layout(root, focused_element=field)
