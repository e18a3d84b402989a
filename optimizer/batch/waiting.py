"""The variants that wait for a worker: handed out in bundles, taken back when a worker dies."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice

from optimizer.batch.ledger import Task
from optimizer.batch.outcome import Outcome
from optimizer.errors import ExitCode, GpumixError

TRIES = 3
"""How often a variant may take its worker down with it before that is its outcome."""

STARTS = 20
"""How many workers in a row may be killed before they are ready."""

Done = tuple[int, Outcome, float]
"""Number of the variant, its outcome, and the seconds it took."""


class WorkersError(GpumixError):
    """Workers do not start, so that no variant can be tried."""

    exit_code = ExitCode.BAD_INPUT


class Waiting:
    """Tasks in order; those whose worker died come first, each in a bundle of its own."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self.tasks = tasks
        self.again: deque[Task] = deque()
        self.deaths: Counter[int] = Counter()

    def take(self, count: int) -> list[Task]:
        """Return the next tasks; one that a worker died with comes alone."""
        return [self.again.popleft()] if self.again else list(islice(self.tasks, count))

    def back(self, given: list[Task], at: Task | None, why: str) -> Iterator[Done]:
        """Take back what a dead worker had; the task it was at has died with it once more.

        Yields:
            the outcome of that one, when it has died too often.
        """
        rest = list(given)
        if at is not None:
            number, variant = at
            self.deaths[number] += 1
            if self.deaths[number] >= TRIES:
                rest.remove(at)
                del self.deaths[number]
                yield number, Outcome(variant.name, "error", message=f"its worker died {TRIES} times ({why})"), 0.0
        self.again.extendleft(reversed(rest))
