"""The parts that the starters know: their modules, requirements and what they are for. Standard library only."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One program of Alisa, started as `python -m <module> <arguments>`.

    needs: the module that must exist for the part to be there (a folder may come before its program does).
    requirements: pip requirement files, relative to the project's folder.
    satellite: whether `--with` and `--all` may name it.
    """

    name: str
    title: str
    module: str
    needs: str
    requirements: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    satellite: bool = True

    def exists(self) -> bool:
        """Whether this version has the part. Imports nothing but the (empty) package of the part."""
        try:
            return importlib.util.find_spec(self.needs) is not None
        except ModuleNotFoundError:
            return False


HUB = Part("hub", "the hub", "backend", "backend.__main__", ("backend/requirements.txt",), satellite=False)
CHAT = Part(
    "chat",
    "the terminal chat",
    "voice.text_chat",
    "voice.text_chat",
    ("voice/requirements-text-chat.txt",),
    satellite=False,
)
_SATELLITES = (
    Part("overlay", "her window", "overlay", "overlay.main", ("overlay/requirements.txt",)),
    Part("voice", "ears and voice", "voice", "voice.main", ("voice/requirements.txt",)),
    Part("vision", "the camera", "vision", "vision.main", ("vision/requirements.txt",)),
    Part("vision-screen", "the screen reader", "vision", "vision.main", ("vision/requirements.txt",), ("screen",)),
    Part("bot", "the live chat", "bot", "bot.main", ("bot/requirements.txt",)),
)

PARTS = {part.name: part for part in (HUB, CHAT, *_SATELLITES)}
SATELLITES = tuple(part.name for part in _SATELLITES)

# What every part needs, and the launcher.
LINK_REQUIREMENTS = "link/requirements.txt"
# What a person with a model but without a llama.cpp server needs besides.
LLM_REQUIREMENTS = "backend/requirements-llm.txt"
