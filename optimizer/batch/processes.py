"""Workers on this machine: processes that each solve a few variants at a time, and may die without loss."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from optimizer.batch.ledger import Task
from optimizer.batch.solver import Facts, VariantSolver
from optimizer.batch.waiting import STARTS, TRIES, Done, Waiting, WorkersError
from optimizer.errors import GpumixError

CHUNK = 8
"""Variants handed to a worker at a time: enough to hide the way there and back, few to lose."""

READY = "ready"
"""What a worker says once its catalog is loaded; any other text is why it is not."""


def _work(connection: Connection, facts: Facts) -> None:
    """Solve what comes over the connection, one answer a variant, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        try:
            solver = VariantSolver(facts)
        except GpumixError as error:
            connection.send(str(error))
            return
        connection.send(READY)
        while True:
            for number, variant in connection.recv():
                connection.send((number, *solver.timed(variant)))
    except (EOFError, OSError):
        return  # the parent is gone


def _die_with_parent() -> None:
    """End this process at once when the one that started it ends, killed or not."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold back Ctrl-C, also in processes started meanwhile, which inherit that; here it comes through at the end."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it later would let interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass
class _Worker:
    """One process, and what it was given and has not answered, in order."""

    process: Any
    connection: Connection
    given: deque[Task] = field(default_factory=deque)
    ready: bool = False


class Processes:
    """A pool that hands out variants in chunks and starts a worker anew when one dies."""

    def __init__(self, facts: Facts, workers: int) -> None:
        self.facts, self.size = facts, workers
        self.context = mp.get_context("spawn")
        self.workers: list[_Worker] = []
        self.stillborn = 0
        """Workers in a row that ended before they were ready."""

    def _start(self) -> None:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(theirs, self.facts), daemon=True)
        with _interrupts_held():
            process.start()
            self.workers.append(_Worker(process, ours))
        theirs.close()

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        """Yield outcomes as they come; a variant whose worker died is tried again, first of all.

        Args:
            tasks: what to solve.
            count: how many those are.

        Raises:
            WorkersError: workers end before they are ready.
        """
        waiting, open_tasks = Waiting(tasks), count
        try:
            while open_tasks:
                while len(self.workers) < min(self.size, open_tasks):
                    self._start()
                for worker in self.workers:
                    self._feed(worker, waiting)
                ready = wait([worker.connection for worker in self.workers])
                for worker in [worker for worker in self.workers if worker.connection in ready]:
                    for done in self._heard(worker, waiting):
                        open_tasks -= 1
                        yield done
        finally:
            self.stop()

    def _feed(self, worker: _Worker, waiting: Waiting) -> None:
        """Keep a worker supplied: hand out the next chunk when half of the last one is done."""
        if not worker.ready or len(worker.given) > CHUNK // 2:
            return
        chunk = waiting.take(CHUNK)
        if not chunk:
            return
        worker.given.extend(chunk)
        try:
            worker.connection.send(chunk)
        except OSError:
            return  # it died: hearing of it finds out

    def _heard(self, worker: _Worker, waiting: Waiting) -> Iterator[Done]:
        """Take one message of a worker, or bury it."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._buried(worker, waiting)
            return
        if isinstance(message, tuple):
            worker.given.popleft()
            yield message
        elif message == READY:
            worker.ready, self.stillborn = True, 0
        else:
            raise WorkersError(message)

    def _buried(self, worker: _Worker, waiting: Waiting) -> Iterator[Done]:
        """Give back what a dead worker had."""
        worker.process.join()
        worker.connection.close()
        self.workers.remove(worker)
        code = worker.process.exitcode
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= (STARTS if code < 0 else TRIES):
                why = f"{self.stillborn} workers in a row ended before they were ready (exit code {code})"
                raise WorkersError(f"{why}: fewer --workers need less memory; the same command goes on")
        given = list(worker.given)
        yield from waiting.back(given, given[0] if given else None, f"exit code {code}")

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

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        """Yield outcomes in order."""
        for number, variant in tasks:
            yield number, *self.solver.timed(variant)
