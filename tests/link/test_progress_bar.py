"""Progress for people: figures, a moving bar, and quiet lines where there is no terminal."""

import io

import pytest

from link.download import Progress
from link.progress_bar import Meter, ProgressBar, duration_text, progress_text, size_text

MB = 1_000_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_the_last_seconds():
    meter = Meter()
    assert meter.rate(0, 0) is None
    assert meter.rate(1, 5 * MB) == 5 * MB
    for second in range(2, 30):
        rate = meter.rate(second, 5 * MB + (second - 1) * MB)
    assert rate == pytest.approx(MB)
    assert meter.rate(31, 0) is None  # started over


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (807_694_464, "807.7 MB"), (4.92e9, "4.92 GB")]
)
def test_sizes(number, text):
    assert size_text(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (185, "3:05 min"), (3720, "1:02 h")]
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


def test_a_line_has_all_that_is_known():
    line = progress_text(Progress("downloading", 50 * MB, 200 * MB), rate=10 * MB, cells=8)
    assert line == "[##......]   25 %  50.0 MB of 200.0 MB  10.0 MB/s  15 s left"
    assert progress_text(Progress("downloading", 50 * MB, None), rate=None) == "50.0 MB"
    assert progress_text(Progress("waiting", 0, None, 0, "The connection broke off"), None) == (
        "The connection broke off; trying again ..."
    )


def test_a_terminal_gets_one_line_that_moves():
    stream, clock = Terminal(), Clock()
    bar = ProgressBar(stream, clock)
    for step in range(11):
        clock.now = step * 0.05  # half of them come too soon to be worth drawing
        bar(Progress("downloading", step * MB, 10 * MB))
    bar(Progress("checking", 10 * MB, 10 * MB))
    bar.close()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert 6 <= text.count("\r") <= 9
    assert "100 %" in text
    assert text.rstrip().endswith("Checking the file ...")


def test_a_pipe_gets_a_line_now_and_then():
    stream, clock = io.StringIO(), Clock()
    bar = ProgressBar(stream, clock)
    for second in range(31):
        clock.now = second
        bar(Progress("downloading", second * MB, 30 * MB))
    bar(Progress("checking", 30 * MB, 30 * MB))
    bar.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert "\r" not in stream.getvalue()
    assert lines[1] == " 33 %  10.0 MB of 30.0 MB  1.0 MB/s  20 s left"
