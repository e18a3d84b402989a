"""What a search ends with."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.question.program import Program

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class Counts:
    """The outcome of one program."""

    status: Status
    values: tuple[int, ...] = ()
    """By column; empty without a plan."""
    bound: int = 0
    """No plan costs less, in the program's own whole units."""
    method: str = ""
    """Which engine found it, or proved it."""
    hard: bool = False
    """Whether it was not settled at the first attempt, within some tens of milliseconds."""

    def better(self, other: Counts, program: Program) -> Counts:
        """Keep the cheaper plan and the higher bound of two outcomes of one program."""
        if "infeasible" in (self.status, other.status):
            return self if self.status == "infeasible" else other
        bound = max(self.bound, other.bound)
        best = min((one for one in (other, self) if one.values), key=lambda one: program.cost_of(one.values),
                   default=None)
        if best is None:
            return replace(self, bound=bound)
        cost = program.cost_of(best.values)
        return replace(best, status="optimal" if bound >= cost else "feasible", bound=min(bound, cost))


WHOLE = 12.0
"""CP-SAT's deterministic time that counts as much as a whole search tree: some half a minute on one core."""


@dataclass(frozen=True)
class Effort:
    """How long to search: wall-clock seconds for everything, or CP-SAT's deterministic time of each solve."""

    end: float | None = None
    """Point of the monotonic clock."""
    deterministic: float | None = None
    seed: int = 0

    def left(self) -> float | None:
        """Return seconds left, never less than a hair; None without an end."""
        return None if self.end is None else max(0.001, self.end - time.monotonic())

    def expired(self) -> bool:
        """Say whether the time is over."""
        return self.end is not None and time.monotonic() >= self.end

    def part(self, divisor: float) -> Effort:
        """Return an effort that ends after a part of the time that is left."""
        left = self.left()
        return self if left is None else replace(self, end=time.monotonic() + left / divisor)

    def nodes(self, most: int) -> int | None:
        """Return how many nodes a search tree may have, as a part of so many under a deterministic limit.

        None where seconds limit the search.
        """
        if self.end is not None:
            return None
        return most if self.deterministic is None else max(1, min(most, round(most * self.deterministic / WHOLE)))

    def within(self, seconds: float, deterministic: float) -> Effort:
        """Return an effort of at most so much."""
        now = time.monotonic() + seconds
        end = self.end if self.end is None else min(self.end, now)
        least = deterministic if self.deterministic is None else min(self.deterministic, deterministic)
        return Effort(end, least, self.seed)


