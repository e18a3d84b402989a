"""Workers on this machine: processes that each solve a few variants at a time, and may die without loss."""

from __future__ import annotations

import multiprocessing as mp
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from optimizer.batch.outcome import Outcome
from optimizer.batch.solver import Facts, VariantSolver
from optimizer.batch.variants import Variant

CHUNK = 8
"""Variants handed to a worker at a time: enough to hide the way there and back, few to lose."""

TRIES = 3
"""How often a variant may take its worker down with it before that is its outcome."""

Done = tuple[int, Outcome, float]
"""Number of the variant, its outcome, and the seconds it took."""


def _work(connection: Connection, facts: Facts) -> None:
    """Solve what comes over the connection, one answer a variant, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    solver = VariantSolver(facts)
    try:
        while (tasks := connection.recv()) is not None:
            for number, variant in tasks:
                start = time.perf_counter()
                outcome = solver.outcome(variant)
                connection.send((number, outcome, time.perf_counter() - start))
    except (EOFError, OSError):
        return  # the parent is gone


@dataclass
class _Worker:
    """One process, and what it was given and has not answered, in order."""

    process: Any
    connection: Connection
    given: deque[tuple[int, Variant]] = field(default_factory=deque)


class Processes:
    """A pool that hands out variants in chunks and starts a worker anew when one dies."""

    def __init__(self, facts: Facts, workers: int) -> None:
        self.facts, self.size = facts, workers
        self.context = mp.get_context("spawn")
        self.workers: list[_Worker] = []

    def _start(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(theirs, self.facts), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def outcomes(self, tasks: Sequence[tuple[int, Variant]]) -> Iterator[Done]:
        """Yield outcomes as they come; a variant whose worker died is tried again, first of all."""
        waiting = deque(tasks)
        deaths: Counter[int] = Counter()
        self.workers = [self._start() for _ in range(min(self.size, len(waiting)))]
        try:
            while waiting or any(worker.given for worker in self.workers):
                for worker in self.workers:
                    self._feed(worker, waiting)
                ready = wait([worker.connection for worker in self.workers if worker.given])
                for worker in [worker for worker in self.workers if worker.connection in ready]:
                    yield from self._received(worker, waiting, deaths)
        finally:
            self.stop()

    def _feed(self, worker: _Worker, waiting: deque[tuple[int, Variant]]) -> None:
        """Keep a worker supplied: hand out the next chunk when half of the last one is done."""
        if not waiting or len(worker.given) > CHUNK // 2:
            return
        chunk = [waiting.popleft() for _ in range(min(CHUNK, len(waiting)))]
        worker.given.extend(chunk)
        try:
            worker.connection.send(chunk)
        except OSError:
            return  # it died: receiving finds out

    def _received(
        self, worker: _Worker, waiting: deque[tuple[int, Variant]], deaths: Counter[int]
    ) -> Iterator[Done]:
        try:
            number, outcome, seconds = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._buried(worker, waiting, deaths)
            return
        worker.given.popleft()
        yield number, outcome, seconds

    def _buried(
        self, worker: _Worker, waiting: deque[tuple[int, Variant]], deaths: Counter[int]
    ) -> Iterator[Done]:
        """Put back what a dead worker had; the one it was at has died with it once more."""
        worker.process.join()
        number, variant = worker.given[0]
        deaths[number] += 1
        if deaths[number] >= TRIES:
            worker.given.popleft()
            message = f"its worker died {TRIES} times (exit code {worker.process.exitcode})"
            yield number, Outcome(variant.name, "error", message=message), 0.0
        waiting.extendleft(reversed(worker.given))
        worker.connection.close()
        self.workers[self.workers.index(worker)] = self._start()

    def stop(self) -> None:
        """End every worker."""
        for worker in self.workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()
        self.workers = []


class InThisProcess:
    """One worker without a process of its own, for small batches and for tests."""

    def __init__(self, facts: Facts) -> None:
        self.solver = VariantSolver(facts)

    def outcomes(self, tasks: Sequence[tuple[int, Variant]]) -> Iterator[Done]:
        """Yield outcomes in order."""
        for number, variant in tasks:
            start = time.perf_counter()
            outcome = self.solver.outcome(variant)
            yield number, outcome, time.perf_counter() - start
