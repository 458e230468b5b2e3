"""Makes a picture of a terminal: `tmux capture-pane -e -p | python scripts/terminal_picture.py out.svg`.

Used for docs/images/terminal.svg. The picture names no font that would have to be fetched.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

_FETCHED_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def picture(captured: str, title: str) -> str:
    """The SVG of a captured screen with its escape codes for colours."""
    lines = Text.from_ansi(captured.rstrip()).split("\n")  # as a whole: colours go on over line ends
    columns = max((line.cell_len for line in lines), default=1)
    console = Console(record=True, width=columns + 1, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(line, overflow="ignore", no_wrap=True)
    return _FETCHED_FONTS.sub("", console.export_svg(title=title, unique_id="terminal"))


def main() -> None:
    """Read the captured screen from standard input and write the picture."""
    parser = argparse.ArgumentParser(prog="python scripts/terminal_picture.py", description=__doc__)
    parser.add_argument("file", type=Path, help="the SVG to write")
    parser.add_argument("--title", default="python -m voice.text_chat", help="title of the window")
    asked = parser.parse_args()
    asked.file.write_text(picture(sys.stdin.read(), asked.title), encoding="utf-8")


if __name__ == "__main__":
    main()
