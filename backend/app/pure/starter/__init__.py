"""What answers when there is no language model: rules in the persona's voice, in English and German."""

from link.messages import EMOTIONS

from .script import Script, ScriptError, parse_script
from .starter import Starter
from .types import NO_REPEAT, Chooser, Emotion, Language, Model, StarterContext, StarterReply

__all__ = [
    "EMOTIONS",
    "NO_REPEAT",
    "Chooser",
    "Emotion",
    "Language",
    "Model",
    "Script",
    "ScriptError",
    "Starter",
    "StarterContext",
    "StarterReply",
    "parse_script",
]
