"""The doctor of chat and voice."""

from __future__ import annotations

import pytest

from voice.doctor import check_terminal, parse_cards

CARDS = """\
 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7e10000 irq 33
 1 [Headset        ]: USB-Audio - USB Headset
                      Maker USB Headset at usb-0000:00:14.0-1, full speed
"""


def test_sound_cards_are_named() -> None:
    assert parse_cards(CARDS) == ["HDA Intel PCH", "USB Headset"]
    assert parse_cards("--- no soundcards ---\n") == []


def test_a_terminal_or_none_is_always_good_enough_for_the_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert check_terminal().level == "ok"
