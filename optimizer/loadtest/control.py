"""When a level warms up, is measured, drains and ends: plain counting, the same for one process and many workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from optimizer.loadtest.statistics import half_width

Phase = Literal["warm-up", "measured", "drain", "over"]

MOST_FAILURES_FRACTION = 0.05
"""A level ends early when more of its requests than this fail ..."""

FEW_FAILURES = 3
"""... but a few never end one."""


LOOKS = 64
"""An interval is looked at so often while the fewest requests of a level come again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests a level takes."""

    warm_up: int
    least: int
    most: int
    until: float
    """The half-width of the TPOT's 95% interval, relative, at which a level has been measured enough."""


def limits_of(users: int, until: float) -> Limits:
    """Return the limits of a level: warm-up max(2c, 10), measured max(10c, 64) up to max(20c, 128) requests.

    >>> limits_of(8, 0.05)
    Limits(warm_up=16, least=80, most=160, until=0.05)
    """
    return Limits(max(2 * users, 10), max(10 * users, 64), max(20 * users, 128), until)


@dataclass
class Control:
    """Counts the requests of one level and says which phase it is in.

    A request belongs to the phase in which it starts. Users go on sending while the last measured requests are
    answered, so that these see the full load; what they send then is the drain.
    """

    limits: Limits
    phase: Phase = "warm-up"
    stopped_by: str = ""
    """`interval`, `requests`, `time` or `failures`, once the phase is past `measured`."""
    finished: int = 0
    failed: int = 0
    measured: int = 0
    """Measured requests that have started."""
    open: int = 0
    """Measured requests that have started and not ended."""
    tpots_ms: list[float] = field(default_factory=list)

    def start(self, part: str) -> None:
        """Note that a request has started."""
        if part == "measured":
            self.measured += 1
            self.open += 1
            if self.phase == "measured" and self.measured >= self.limits.most:
                self._close("requests")

    def finish(self, part: str, tpot_ms: float | None) -> None:
        """Note that a request has ended, with its TPOT (where all tokens come at once, its whole time), or failed."""
        self.finished += 1
        self.failed += tpot_ms is None
        if part == "measured":
            self.open -= 1
            if tpot_ms is not None:
                self.tpots_ms.append(tpot_ms)
        if self.failed > max(FEW_FAILURES, MOST_FAILURES_FRACTION * self.finished):
            self.phase, self.stopped_by = "over", "failures"
        elif self.phase == "warm-up" and self.finished >= self.limits.warm_up:
            self.phase = "measured"
        elif self.phase == "measured" and self._is_enough():
            self._close("interval")
        if self.phase == "drain" and self.open <= 0:
            self.phase = "over"

    def time_is_up(self) -> None:
        """End a level at its time limit, with what was measured."""
        if self.phase != "over":
            self.phase, self.stopped_by = "over", "time"

    def error_fraction(self) -> float | None:
        """Return the half-width of the TPOT's interval so far, relative."""
        width = half_width(self.tpots_ms)
        mean = sum(self.tpots_ms) / len(self.tpots_ms) if self.tpots_ms else 0.0
        return width / mean if width is not None and mean else None

    def _is_enough(self) -> bool:
        """Say whether the TPOT is known well enough; looked at now and then, for each look goes over all requests."""
        count = len(self.tpots_ms)
        looks = count >= self.limits.least and count % max(1, self.limits.least // LOOKS) == 0
        found = self.error_fraction() if looks else None
        return found is not None and found <= self.limits.until

    def _close(self, why: str) -> None:
        self.phase, self.stopped_by = "drain", why
        if self.open <= 0:
            self.phase = "over"
