"""What the command line of the starters means."""

from __future__ import annotations

import pytest

from scripts.arguments import Plan, parse
from scripts.parts import PARTS, SATELLITES, Part


def test_nothing_asked_for_is_hub_and_chat() -> None:
    assert parse([]).parts == ("hub", "chat")


def test_satellites_start_in_the_order_of_the_table_and_once() -> None:
    assert parse(["--with", "bot, overlay,bot"]).parts == ("hub", "overlay", "bot", "chat")
    assert parse(["--with=vision_screen", "--no-chat"]).parts == ("hub", "vision-screen")


def test_all_is_every_satellite() -> None:
    assert parse(["--all", "--no-chat"]).parts == ("hub", *SATELLITES)


def test_everything_after_a_part_alone_is_for_the_part() -> None:
    plan = parse(["--only", "chat", "--say", "Hi", "--help"])
    assert plan == Plan(only="chat", arguments=("--say", "Hi", "--help"))
    assert plan.runs_once
    assert parse(["--only=hub", "--all"]).arguments == ("--all",)


@pytest.mark.parametrize(
    ("argv", "once"),
    [
        (["--only", "hub"], False),
        (["--only", "hub", "--some-option", "1"], False),
        (["--only", "hub", "doctor", "--json"], True),
        (["--only", "hub", "--help"], True),
        (["--only", "chat"], True),
        ([], False),
    ],
)
def test_commands_run_once_and_services_are_supervised(argv: list[str], once: bool) -> None:
    assert parse(argv).runs_once is once


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--with", "ovrelay"], "does not know ovrelay"),
        (["--with", "hub"], "does not know hub"),
        (["--all", "--only", "hub"], "leave --with, --all and --no-chat away"),
        (["--only"], "expected one argument"),
        (["--only", "nonsense"], "invalid choice"),
        (["now"], "unrecognized arguments: now"),
    ],
)
def test_nonsense_is_refused_with_a_reason(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(argv)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_a_part_exists_when_its_program_does() -> None:
    assert Part("x", "x", "link", "link.paths", ()).exists()
    assert not Part("x", "x", "link", "link.no_such_module", ()).exists()
    assert not Part("x", "x", "nowhere", "nowhere.main", ()).exists()


def test_requirement_files_of_all_parts_are_there() -> None:
    from link.paths import PROJECT

    for part in PARTS.values():
        for name in part.requirements:
            assert (PROJECT / name).is_file()
