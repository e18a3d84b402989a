"""How far a long run is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LINE_EVERY_S = 10.0
"""How often a line is written where no terminal shows a bar."""

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


def time_left(seconds: float) -> str:
    """Write a duration as a clock does.

    >>> time_left(65), time_left(3 * 3600 + 62.4)
    ('1:05', '3:01:02')
    """
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


@contextmanager
def shown_progress(stream: TextIO) -> Iterator[Progress]:
    """Show how far a run is, on a stream."""
    if not stream.isatty():
        yield Lines(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    rate = Rate()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with Bar(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("", total=None, speed="")

        def told(done: int, total: int) -> None:
            """Move the bar."""
            bar.update(task, completed=done, total=total, speed=rate.told(done, total))

        yield told


class Rate:
    """How many a second since the first count, and how long the rest takes at that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.known: int | None = None
        """What was done before this run."""
        self.first: tuple[int, float] | None = None
        """Count and time when the first ones of this run came, so that starting up is no part of the rate."""

    def told(self, done: int, total: int) -> str:
        """Say it in a few words; nothing as long as there is nothing to say."""
        now = self.clock()
        self.known = done if self.known is None else self.known
        if self.first is None:
            self.first = (done, now) if done > self.known else None
            return ""
        start, since = self.first
        if done <= start or now <= since:
            return ""
        rate = (done - start) / (now - since)
        return f"{rate:,.3g}/s, {time_left((total - done) / rate)} left"


class Lines:
    """Writes a line every ten seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock, self.rate = stream, clock, Rate(clock)
        self.last = clock()

    def __call__(self, done: int, total: int) -> None:
        """Write how far it is, unless that was written just now."""
        said = self.rate.told(done, total)
        if self.clock() - self.last >= LINE_EVERY_S:
            self.last = self.clock()
            self.stream.write(f"{done:,} of {total:,}{f', {said}' if said else ''}\n")
            self.stream.flush()
