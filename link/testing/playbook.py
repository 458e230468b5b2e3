"""Tests of pure state machines that read like a dialogue: this happens, then exactly that must follow.

    Playbook(TurnMachine().handle)
        .event(Arrived(hello)).expect(Begin(hello))
        .event(Arrived(again)).expect(Cancel("t1"), Begin)          # a class: any command of it
        .event(Generated("t2")).expect(where(Release, turn="t2"))   # only these fields matter
        .event(Generated("t2")).expect()                            # nothing happens

A machine is a callable that takes an event and returns (or yields) commands. Each event must be answered by the
commands expected after it, all of them and in that order; commands that nobody expected fail at the next
`event`, so close a playbook with `expect`. The idea is that of mitmproxy's test playbooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import ndiff
from typing import Any, Generic, TypeVar

E = TypeVar("E")
C = TypeVar("C")


@dataclass(frozen=True)
class where:  # noqa: N801 - reads as a word in a dialogue
    """Matches any object of `kind` whose named attributes are equal to these."""

    kind: type
    fields: dict[str, Any]

    def __init__(self, kind: type, **fields: Any) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "fields", fields)

    def matches(self, command: object) -> bool:
        return isinstance(command, self.kind) and all(
            getattr(command, name, _MISSING) == value for name, value in self.fields.items()
        )

    def __repr__(self) -> str:
        return (
            f"{self.kind.__name__}({', '.join([*(f'{name}={value!r}' for name, value in self.fields.items()), '...'])})"
        )


_MISSING = object()


class Playbook(Generic[E, C]):
    """Feeds events to a machine and compares what it commands. Each method returns the playbook itself."""

    def __init__(self, machine: Callable[[E], Iterable[C] | None]) -> None:
        self._machine = machine
        self._events: list[str] = []
        self._commands: list[C] = []

    def event(self, *events: E) -> Playbook[E, C]:
        """Feed one or more events. Raises AssertionError when commands of earlier events were not expected."""
        self._compare(())
        for event in events:
            self._events.append(repr(event))
            self._commands.extend(self._machine(event) or ())
        return self

    def expect(self, *commands: C | type[C] | where) -> Playbook[E, C]:
        """Exactly these commands, in this order, came since the last `expect`. Raises AssertionError."""
        self._compare(commands)
        return self

    def _compare(self, expected: tuple[object, ...]) -> None:
        came, self._commands = self._commands, []
        if len(came) == len(expected) and all(map(_matches, expected, came)):
            return
        # What matches is shown alike on both sides, so that the diff has only the differences.
        left = [_show(one) for one in expected]
        right = [
            _show(expected[place]) if place < len(expected) and _matches(expected[place], command) else repr(command)
            for place, command in enumerate(came)
        ]
        story = "\n".join(f"  event  {event}" for event in self._events[-6:])
        diff = "\n".join(f"  {line.rstrip()}" for line in ndiff(left, right))
        raise AssertionError(f"After\n{story}\nexpected (-) and commanded (+):\n{diff or '  nothing'}")


def _matches(expected: object, command: object) -> bool:
    if isinstance(expected, where):
        return expected.matches(command)
    if isinstance(expected, type):
        return isinstance(command, expected)
    return expected == command


def _show(expected: object) -> str:
    return f"{expected.__name__}(...)" if isinstance(expected, type) else repr(expected)
