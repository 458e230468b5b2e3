"""Keys of the terminal chat beyond those of every line editor."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent


def bindings(*, on_ctrl_c: Callable[[], None], on_leave: Callable[[], None]) -> KeyBindings:
    """Enter sends, Alt-Enter begins a new line, Ctrl-C and Ctrl-D do as told, Ctrl-Z puts the chat aside."""
    keys = KeyBindings()
    typing = ~is_searching
    empty = Condition(lambda: not get_app().current_buffer.text)

    @keys.add("enter", filter=typing)
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c", filter=typing)
    def _ctrl_c(event: KeyPressEvent) -> None:
        on_ctrl_c()

    @keys.add("c-d", filter=typing & empty)
    def _ctrl_d(event: KeyPressEvent) -> None:
        on_leave()

    @keys.add("c-z")
    def _ctrl_z(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys
