"""Colours that read on dark and on light terminals."""

from __future__ import annotations

import pytest

from link.messages import EMOTIONS
from voice.chat.theme import EMOTION_COLOURS, STYLES

CUBE = (0x00, 0x5F, 0x87, 0xAF, 0xD7, 0xFF)
COLOURS = sorted({word for rule in STYLES.values() for word in rule.split() if word.startswith("#")})


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", COLOURS)
def test_contrast_on_black_and_on_white(colour: str) -> None:
    assert (luminance(colour) + 0.05) / 0.05 >= 3
    assert 1.05 / (luminance(colour) + 0.05) >= 3


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_are_of_the_palette_all_terminals_share(colour: str) -> None:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    grey = len(set(parts)) == 1 and (parts[0] - 8) % 10 == 0
    assert grey or all(part in CUBE for part in parts)


def test_each_emotion_has_a_colour_of_its_own() -> None:
    assert set(EMOTION_COLOURS) == set(EMOTIONS)
    assert len(set(EMOTION_COLOURS.values())) == len(EMOTIONS)
