"""The answers that need more than a line: clock, calendar, sums, dice, follow-ups and questions about herself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from .folding import fold, quotable
from .recall import RECALL
from .scene import Scene
from .sums import SumError, work_out, written
from .types import COMMAND, Answer
from .understanding import understand

Handler = Callable[[Scene], Answer]

_DAYS = {"tomorrow": 1, "yesterday": -1, "morgen": 1, "gestern": -1, "übermorgen": 2}
_FEASTS = {  # month and day
    "christmas": (12, 25),
    "xmas": (12, 25),
    "halloween": (10, 31),
    "new": (1, 1),
    "valentine": (2, 14),
    "weihnachten": (12, 25),
    "heiligabend": (12, 24),
    "nikolaus": (12, 6),
    "silvester": (12, 31),
    "neujahr": (1, 1),
}


def answer(scene: Scene) -> Answer:
    """What answers `scene.understood`: its handler's choice, or the group of the same name."""
    handler = _HANDLERS.get(scene.understood.intent)
    return handler(scene) if handler else Answer(scene.understood.intent, dict(scene.understood.captured))


def _time(scene: Scene) -> Answer:
    return Answer("time", {"time": f"{scene.context.now:%H:%M}"})


def _date(scene: Scene) -> Answer:
    asked = scene.understood.captured.get("day", "").casefold()
    name = next((name for name in _DAYS if asked.startswith(name)), "")
    day = scene.context.now + timedelta(days=_DAYS.get(name, 0))
    names = scene.script.names
    month = names["months"][day.month - 1]
    date = f"{day.day} {month} {day.year}" if scene.script.language == "en" else f"{day.day}. {month} {day.year}"
    slots = {"weekday": names["weekdays"][day.weekday()], "date": date}
    return Answer("date.other", {**slots, "day": name}) if name else Answer("date", slots)


def _countdown(scene: Scene) -> Answer:
    asked = fold(scene.understood.captured["feast"])
    month, day = next(when for name, when in _FEASTS.items() if asked.startswith(name))
    today = scene.context.now.date()
    feast = date(today.year, month, day)
    if feast < today:
        feast = date(today.year + 1, month, day)
    days = (feast - today).days
    slots = {"feast": quotable(scene.understood.captured["feast"], 30), "days": str(days)}
    return Answer("countdown" if days > 1 else f"countdown.{days}", slots)


def _sum(scene: Scene) -> Answer:
    wanted = scene.understood.captured["sum"]
    try:
        value = work_out(wanted)
        wanted = wanted.replace(" / 100 * ", "% × ") if "/" not in scene.message else wanted
    except SumError as error:
        return Answer(f"sum.{error.why}", {"sum": wanted})
    except ValueError:
        return Answer("sum.odd", {"sum": wanted})
    return Answer("sum", {"sum": wanted, "result": written(value, scene.script.language == "de")})


def _coin(scene: Scene) -> Answer:
    return Answer("coin", {"side": scene.chooser.choice(scene.script.names["coin"])})


def _dice(scene: Scene) -> Answer:
    return Answer("dice", {"number": str(scene.chooser.choice(range(1, 7)))})


def _choice(scene: Scene) -> Answer:
    options = [scene.swapped(scene.understood.captured[name], 40) for name in ("one", "other")]
    pick = scene.chooser.choice(options)
    return Answer("choice", {"pick": pick, "rest": options[pick == options[0]]})


def _more(scene: Scene) -> Answer:
    """ "Another one": the latest thing he asked for that can be had again."""
    for said in reversed(scene.earlier[-6:]):
        before = understand(said, scene.script)
        if before.intent == "more" or before.social:
            continue
        if before.intent in ("joke", "fun_fact", "story", "riddle", "coin", "dice", "compliment_me"):
            return answer(replace(scene, understood=before))
        break
    return Answer("more")


def _why(scene: Scene) -> Answer:
    if scene.earlier:
        before = understand(scene.earlier[-1], scene.script).intent
        if before in ("unknown_question", "unknown_request", "beyond_news", "beyond_actions", "weather"):
            return Answer("why.beyond")
    last = quotable(scene.her_last.split(COMMAND)[0], 60)
    return Answer("why.said", {"last": last}) if last else Answer("why")


def _model(scene: Scene) -> Answer:
    return Answer(f"model_how.{scene.context.model}")


def _long_text(scene: Scene) -> Answer:
    return Answer("long_text", {"count": str(len(scene.message.split()))})


def _thing(group: str) -> Handler:
    def handler(scene: Scene) -> Answer:
        return Answer(group, {name: scene.swapped(text) for name, text in scene.understood.captured.items()})

    return handler


_QUOTING = (
    "told_like",
    "told_hate",
    "told_have",
    "told_favourite",
    "told_job",
    "told_home",
    "opinion",
    "favourite",
    "her_his_name",
)

_HANDLERS: dict[str, Handler] = {
    "time": _time,
    "date": _date,
    "countdown": _countdown,
    "sum": _sum,
    "coin": _coin,
    "dice": _dice,
    "choice": _choice,
    "more": _more,
    "why": _why,
    "model_how": _model,
    "long_text": _long_text,
    **{name: _thing(name) for name in _QUOTING},
    **RECALL,
}
