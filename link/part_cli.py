"""The command line that the satellites share: `python -m <part> [doctor [--json]] [--help]`."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from link.doctor import Report, render, to_json
from link.exit_codes import NOT_AVAILABLE


@dataclass(frozen=True, slots=True)
class PartProgram:
    """A part as a program. Its work is `main(argv) -> exit code` in `<name>.main`, once there is one.

    summary: what the part is, one sentence. more: further lines for --help.
    """

    name: str
    summary: str
    doctor: Callable[[], Report]
    more: str = ""

    def run(self, argv: Sequence[str]) -> int:
        """Do what the command line asks for; returns the exit code."""
        if argv and argv[0] == "doctor":
            return self._doctor(argv[1:])
        if not self._exists():
            return self._not_yet(argv)
        program = importlib.import_module(f"{self.name}.main")
        return int(program.main(argv))

    def _exists(self) -> bool:
        return importlib.util.find_spec(f"{self.name}.main") is not None

    def _not_yet(self, argv: Sequence[str]) -> int:
        parser = argparse.ArgumentParser(
            prog=f"python -m {self.name}",
            description=self.summary,
            epilog=self.more or None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        commands = parser.add_subparsers(metavar="COMMAND")
        commands.add_parser("doctor", help="check what this machine has for this part (--json: for programs)")
        parser.parse_known_args([word for word in argv if word in ("-h", "--help")])
        text = f"{self.name} comes with a later version of Alisa; what works already: python -m {self.name} doctor."
        print(f"{text} {self.more}".strip(), file=sys.stderr)
        return NOT_AVAILABLE

    def _doctor(self, argv: Sequence[str]) -> int:
        json = doctor_options(f"python -m {self.name} doctor", argv)
        report = self.doctor()
        show([report], json=json)
        return int(report.failed)


def doctor_options(prog: str, argv: Sequence[str]) -> bool:
    """Parse a doctor's options; returns whether JSON is wanted. Ends the program on --help and on mistakes."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Check this machine: what works, what does not, and how to mend it. "
        "Exit code 1 if something is missing that is required.",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return bool(parser.parse_args(argv).json)


def show(reports: Sequence[Report], *, json: bool) -> None:
    """Print reports in a way that the terminal can show."""
    print(to_json(reports) if json else render(reports, encoding=sys.stdout.encoding), end="\n" if json else "")
