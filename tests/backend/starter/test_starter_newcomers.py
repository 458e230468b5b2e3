"""The newcomers' tables: every turn is answered on its subject, and nothing is said twice within 20 replies.

The figures of both halves are printed (pytest -s, or in the report of a failure).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.app.pure.starter import EMOTIONS, NO_REPEAT, Language, Script, Starter
from tests.support.talk import Talk

TABLES = {half: Path(__file__).parent / f"newcomer_{half}.yaml" for half in ("tuning", "held_out")}
SEEDS = range(5)
# What she must never say, whatever the subject.
NEVER = [r"\bI(?:'m| am) (?:a|an AI|the) (?:large )?language model", r"as an AI\b", r"[{}]", r"<emotion", r"\bNone\b"]


@dataclass
class Score:
    turns: int = 0
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.turns - len(self.misses)} of {self.turns} turns on the subject"


def conversations(half: str) -> list[dict[str, Any]]:
    loaded: dict[str, Any] = yaml.safe_load(TABLES[half].read_text(encoding="utf-8"))
    return list(loaded["conversations"])


def play(conversation: dict[str, Any], scripts: dict[Language, Script], seed: int, score: Score) -> None:
    talk = Talk(Starter(scripts, random.Random(seed)), now=datetime.fromisoformat(str(conversation["now"])))
    said: list[str] = []
    for turn in conversation["turns"]:
        reply = talk.say(turn["user"])
        talk.now += timedelta(minutes=1)
        score.turns += 1
        honest = reply.rule.startswith(("unknown_question", "unknown_request", "beyond"))
        faults = [
            "off the subject" * (not any(re.search(p, reply.text, re.IGNORECASE) for p in turn["about"])),
            "forbidden" * any(re.search(p, reply.text, re.IGNORECASE) for p in turn.get("never", [])),
            "forbidden anywhere" * any(re.search(p, reply.text) for p in NEVER),
            "gave up" * (honest and not turn.get("beyond", False)),
            "said before" * (reply.text in said[-NO_REPEAT:]),
            "no emotion" * (reply.emotion not in EMOTIONS),
        ]
        said.append(reply.text)
        if any(faults):
            why = ", ".join(filter(None, faults))
            score.misses.append(
                f"{conversation['id']} (seed {seed}): {turn['user']!r} -> [{reply.rule}] {reply.text} ({why})"
            )


@pytest.mark.parametrize("half", TABLES)
def test_every_newcomer_turn_is_answered_on_its_subject(half: str, scripts: dict[Language, Script]) -> None:
    score = Score()
    for conversation in conversations(half):
        for seed in SEEDS:
            play(conversation, scripts, seed, score)
    print(f"\n{half}: {score}")
    assert not score.misses, f"{half}: {score}\n" + "\n".join(score.misses)


def test_the_tables_are_large_enough_and_in_both_languages() -> None:
    for half in TABLES:
        names = [conversation["id"] for conversation in conversations(half)]
        assert sum(len(conversation["turns"]) for conversation in conversations(half)) >= 60
        assert {name.rsplit("-", 1)[-1] for name in names} >= {"en", "de"}
