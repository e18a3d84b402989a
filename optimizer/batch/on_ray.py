"""Workers on a Ray cluster: one actor for each core, each with the catalog loaded once."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from optimizer import __version__
from optimizer.batch.ledger import Task
from optimizer.batch.processes import READY
from optimizer.batch.solver import Facts, VariantSolver
from optimizer.batch.waiting import STARTS, Done, Waiting, WorkersError
from optimizer.errors import Fault, GpumixError, InputError

CHUNK = 16
"""Variants of one call: a call over the network costs about a millisecond."""


KNOCK_S = 5.0
"""How long a cluster may take to answer at all."""


def _ray() -> Any:
    """Return the library.

    Raises:
        InputError: it is not installed.
    """
    try:
        import ray
    except ImportError:
        allowed = "--backend processes, or pip install 'gpumix[ray]'"
        raise InputError([Fault("options", "--backend", "ray, which is not installed", allowed)]) from None
    return ray


def _knock(address: str | None) -> None:
    """Check that somebody answers at `host:port`; Ray itself would wait for minutes.

    Raises:
        OSError: nobody does.
    """
    host, sign, port = (address or "").removeprefix("ray://").rpartition(":")
    if sign and port.isdigit():
        socket.create_connection((host, int(port)), KNOCK_S).close()


class _Solver:
    """What runs on the cluster."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def start(self, version: str) -> str:
        """Load the catalog; return why that cannot be, or that this worker is ready."""
        if version != __version__:
            return f"a node of the cluster has gpumix {__version__}, this machine {version}: install the same"
        try:
            self.solver = VariantSolver(self.facts)
        except GpumixError as error:
            return f"on a node of the cluster: {error}"
        return READY

    def outcomes(self, tasks: list[Task]) -> list[Done]:
        """Solve a few variants."""
        return [(number, *self.solver.timed(variant)) for number, variant in tasks]


@dataclass
class _Call:
    """A call that runs: on which actor, with what; without tasks it is the one that loads the catalog."""

    actor: Any
    given: list[Task] = field(default_factory=list)


class RayCluster:
    """A pool of actors; what a lost node had is tried elsewhere."""

    def __init__(self, facts: Facts, address: str | None, workers: int | None) -> None:
        self.ray = _ray()
        self.ours = not self.ray.is_initialized()
        if self.ours:
            self._join(address, workers)
        self.size = workers or max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        self.actor = self.ray.remote(num_cpus=1, max_restarts=0)(_Solver)
        self.facts = self.ray.put(facts)
        self.calls: dict[Any, _Call] = {}
        self.lost_at_start = 0

    def _join(self, address: str | None, workers: int | None) -> None:
        """Join a cluster, or start one on this machine.

        Raises:
            InputError: there is none at the address.
        """
        local = {} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            _knock(address)
            self.ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (OSError, ValueError, RuntimeError) as error:
            found = f"{address or 'none'} ({str(error).splitlines()[0]})"
            raise InputError([Fault("options", "--address", found, "the address of a running Ray cluster")]) from None

    def _hire(self) -> None:
        actor = self.actor.remote(self.facts)
        self.calls[actor.start.remote(__version__)] = _Call(actor)

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        """Yield outcomes as they come.

        Args:
            tasks: what to solve.
            count: how many those are.

        Raises:
            WorkersError: workers cannot load the catalog, or are lost before they have.
        """
        waiting, open_tasks = Waiting(tasks), count
        idle: list[Any] = []
        try:
            while open_tasks:
                while len(self.calls) + len(idle) < min(self.size, open_tasks):
                    self._hire()
                while idle and (chunk := waiting.take(CHUNK)):
                    actor = idle.pop()
                    self.calls[actor.outcomes.remote(chunk)] = _Call(actor, chunk)
                (ready, *_), _rest = self.ray.wait(list(self.calls), num_returns=1)
                call = self.calls.pop(ready)
                for done in self._heard(ready, call, waiting, idle):
                    open_tasks -= 1
                    yield done
        finally:
            self._stop(idle)

    def _heard(self, ready: Any, call: _Call, waiting: Waiting, idle: list[Any]) -> Iterator[Done]:
        """Take the answer of a call; what a lost actor had goes back, alone when that may have been the cause."""
        try:
            answer = self.ray.get(ready)
        except self.ray.exceptions.RayError as error:
            if not call.given:
                self.lost_at_start += 1
                if self.lost_at_start >= STARTS:
                    raise WorkersError(f"{STARTS} workers in a row were lost before they were ready: {error}") from None
            guilty = call.given[0] if len(call.given) == 1 else None
            yield from waiting.back(call.given, guilty, type(error).__name__)
            return
        if call.given:
            yield from answer
        elif answer != READY:
            raise WorkersError(answer)
        else:
            self.lost_at_start = 0
        idle.append(call.actor)

    def _stop(self, idle: list[Any]) -> None:
        """End every actor, and the cluster where it was started here."""
        for actor in [*idle, *(call.actor for call in self.calls.values())]:
            self.ray.kill(actor)
        self.calls = {}
        if self.ours:
            self.ray.shutdown()
