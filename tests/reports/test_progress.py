"""Progress: the rate is that of this run, once the first outcomes are there."""

from __future__ import annotations

import io

import pytest

from optimizer.reports.progress import Lines, Rate, shown_progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left() -> None:
    clock = Clock()
    rate = Rate(clock)
    assert rate.told(500, 1000) == ""  # known from an earlier run
    clock.now = 7.0
    assert rate.told(510, 1000) == ""  # loading took 7 s: no part of the rate
    clock.now = 9.0
    assert rate.told(550, 1000) == "20/s, 0:22 left"  # 40 in 2 s; 450 / 20 = 22.5 s


def test_a_line_every_ten_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, clock)
    for second in range(31):
        clock.now = float(second)
        lines(100 * second, 12_000)
    assert stream.getvalue().splitlines() == [
        "1,000 of 12,000, 100/s, 1:50 left", "2,000 of 12,000, 100/s, 1:40 left", "3,000 of 12,000, 100/s, 1:30 left",
    ]


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    with shown_progress(stream) as told:
        for done in (0, 1, 40):
            told(done, 40)
    assert "40/40" in stream.getvalue()
