"""The starter: from a conversation to a reply, by rules. It does no I/O and never fails on anything a user types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backend.app.ports import ChatMessage

from . import facts, language
from .answers import answer
from .scene import Scene, known_before, newest, repeats
from .script import Group, Script, check_variety
from .types import COMMAND, NO_REPEAT, Answer, Chooser, Language, StarterContext, StarterReply
from .understanding import LONG, topic, understand
from .wording import Wording, tinted

_HINT_WITHIN = 8
"""With more replies than this in view and no hint among them, it was given before or is better left."""

_PASSIVE = ("unknown_statement", "unknown_question", "gibberish", "yes", "no", "choice", "told_like", "told_have")
"""What may be the answer to a question of hers."""
_SHORT = 3
"""Words up to which "what I always do" is rather an answer than a question."""


_NOTHING = ChatMessage("user", "")


class Starter:
    """Answers messages in English and German.

    scripts: one for each language, each checked for variety. Raises ScriptError if one has too few lines.
    """

    def __init__(self, scripts: Mapping[Language, Script], chooser: Chooser) -> None:
        for script in scripts.values():
            check_variety(script)
        self._scripts = scripts
        self._chooser = chooser
        self._marks = _marks(scripts)

    def respond(self, context: StarterContext) -> StarterReply:
        """The reply to the newest user message of the history (to nothing, if it holds none).

        The text is never empty and equals none of the latest 20 replies in `used`, `remembered` and `history`.
        """
        place = newest(context.history)
        if place < 0:
            context = replace(context, history=(*context.history, _NOTHING))
            place = len(context.history) - 1
        message = context.history[place].content
        earlier = [said.content for said in context.history[:place] if said.role == "user"]
        hers = [said.content for said in context.history[:place] if said.role == "assistant"]
        spoken: Language = language.of_conversation(earlier, self._marks)
        detected = language.detect(message[:LONG], self._marks, spoken)
        script = self._scripts["de" if detected == "de" or (detected == language.OTHER and spoken == "de") else "en"]
        understood = understand(message, script)
        if detected == language.OTHER and understood.intent not in ("sum", "crisis", "long_text"):
            understood = replace(understood, intent="other_language")
        scene = Scene(
            script=script,
            context=context,
            understood=understood,
            message=message,
            earlier=earlier,
            her_last=hers[-1] if hers else "",
            known=known_before(context, place, script),
            chooser=self._chooser,
        )
        said = [m.content for m in context.remembered if m.role == "assistant"]
        used = [*said[-NO_REPEAT:], *hers[-NO_REPEAT:], *context.used[-NO_REPEAT:]]
        return self._reply(scene, hers, used)

    def _reply(self, scene: Scene, hers: list[str], used: list[str]) -> StarterReply:
        context, script = scene.context, scene.script
        recent = Wording(script, _latest(used), context.mode, self._chooser)
        answers = self._answers(scene)
        slots = self._slots(scene)
        texts = []
        chosen = [(script.groups[a.group], recent.pick(script.groups[a.group], {**slots, **a.slots})) for a in answers]
        group, (_, emotion) = chosen[-1]
        gentle = any(g.gentle for g, _ in chosen)
        if not gentle and (prefix := self._prefix(scene, answers, recent, slots)):
            texts.append(prefix)
        texts += [text for _, (text, _) in chosen]
        if not gentle:
            texts += self._closing(scene, group, texts, hers, recent)
        return StarterReply(" ".join(texts), tinted(emotion, context.mode, gentle), answers[-1].group)

    def _answers(self, scene: Scene) -> list[Answer]:
        """One answer, or two: an introduction or a first question before what else the message holds."""
        understood = scene.understood
        name_asked = facts.asks_name(scene.her_last)
        name = facts.name_in(scene.message[:LONG], scene.script.ordinary, name_asked=name_asked)
        if name and understood.intent not in ("forget", "my_name", "insult", "nsfw", "crisis"):
            group = "introduce.again" if name == scene.known.name else "introduce"
            introduced = Answer(group, {"user": name})
            asks = understood.intent in ("your_name", "who_are_you", "mood", "can_do", "time", "date")
            return [introduced, answer(scene)] if asks else [introduced]
        if (reaction := self._reaction(scene)) is not None:
            return [reaction]
        answers = [answer(scene)]
        if understood.also is not None:
            answers.append(answer(replace(scene, understood=understood.also)))
        return answers

    def _reaction(self, scene: Scene) -> Answer | None:
        """The answer to his answer, if her last reply asked something and this message tells nothing of its own."""
        intent = scene.understood.intent
        if intent not in _PASSIVE and not scene.understood.social:
            return None
        asked = next(
            (name for name, texts in scene.script.questions.items() if any(t in scene.her_last for t in texts)), None
        )
        if asked is None or (scene.message.rstrip().endswith("?") and intent != "choice"):
            return None
        if intent == "unknown_question" and len(scene.message.split()) > _SHORT:
            return None  # a question of his own, though its mark is missing
        kind = intent if intent in ("yes", "no") else "other"
        if scene.understood.social and kind == "other":
            return None
        group = f"question.{asked}.{kind}"
        return Answer(group) if group in scene.script.groups else None

    def _slots(self, scene: Scene) -> dict[str, str]:
        slots = {"me": scene.context.name, "topic": topic(scene.understood, scene.script)}
        hour = scene.context.now.hour
        slots["daypart"] = scene.script.names["dayparts"][0 if 4 <= hour < 11 else 1 if 11 <= hour < 17 else 2]
        if scene.known.name:
            slots["user"] = scene.known.name
        count = repeats(scene.message, scene.earlier)
        if count > 2:
            slots["count"] = str(count)
        return slots

    def _prefix(self, scene: Scene, answers: list[Answer], recent: Wording, slots: Mapping[str, str]) -> str | None:
        """A word before the answer: to a greeting with a question in it, to shouting, to saying the same again."""
        letters = [c for c in scene.message if c.isalpha()]
        if "count" in slots and scene.understood.intent != "no_words":
            return recent.optional("repeated", slots)
        if len(letters) >= 8 and sum(c.isupper() for c in letters) > 0.8 * len(letters):
            return recent.optional("shouting", slots)
        first = scene.understood.sentence.text.split(" ", 1)[0]
        greets = first in scene.script.words["greetings"] and answers[0].group not in (
            "greeting",
            "introduce",
            "whats_up",
        )
        return recent.optional("hello", slots) if greets and not scene.earlier else None

    def _closing(self, scene: Scene, group: Group, texts: list[str], hers: list[str], recent: Wording) -> list[str]:
        """What follows the answer: once a conversation how to get a model, else perhaps a question."""
        hinted = scene.context.hinted or any(COMMAND in text for text in [*hers, *texts])
        due = len(hers) >= 1 or group.name.startswith("unknown")
        if not hinted and due and len(hers) <= _HINT_WITHIN and group.name != "bye":
            hint = recent.optional(f"hint.{scene.context.model}", {})
            return [hint] if hint else []
        if texts[-1].endswith("?"):
            return []
        # She does not ask for a name she knows.
        question = recent.question([name for name in group.asks if name != "name" or not scene.known.name])
        return [question] if question else []


def _latest(used: list[str]) -> list[str]:
    """`used` without doubles, the latest mention of each kept."""
    return list(dict.fromkeys(reversed(used)))[::-1]


def _marks(scripts: Mapping[Language, Script]) -> language.Marks:
    small = {
        name.removeprefix("marks_"): listed
        for script in scripts.values()
        for name, listed in script.words.items()
        if name.startswith("marks_")
    }
    ordinary = {name: script.words["common"] | script.words["stop"] for name, script in scripts.items()}
    shared = frozenset.intersection(*ordinary.values())
    return language.Marks(small, {name: listed - shared for name, listed in ordinary.items()})
