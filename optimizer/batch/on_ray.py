"""Workers on a Ray cluster: one actor for each core, each with the catalog loaded once."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from optimizer.batch.outcome import Outcome
from optimizer.batch.processes import TRIES, Done
from optimizer.batch.solver import Facts, VariantSolver
from optimizer.batch.variants import Variant
from optimizer.errors import Fault, InputError

CHUNK = 16
"""Variants of one call: a call over the network costs about a millisecond."""


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        allowed = "--backend processes, or pip install 'gpumix[ray]'"
        raise InputError([Fault("options", "--backend", "ray, which is not installed", allowed)]) from None
    return ray


class _Solver:
    """What runs on the cluster."""

    def __init__(self, facts: Facts) -> None:
        self.solver = VariantSolver(facts)

    def outcomes(self, tasks: Sequence[tuple[int, Variant]]) -> list[Done]:
        """Solve a few variants."""
        found = []
        for number, variant in tasks:
            start = time.perf_counter()
            outcome = self.solver.outcome(variant)
            found.append((number, outcome, time.perf_counter() - start))
        return found


class RayCluster:
    """A pool of actors; what a lost node had is tried elsewhere."""

    def __init__(self, facts: Facts, address: str | None, workers: int | None) -> None:
        self.ray, self.facts = _ray(), facts
        if not self.ray.is_initialized():
            self.ray.init(address=address, log_to_driver=False, include_dashboard=False)
        self.size = workers or max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        self.actor = self.ray.remote(num_cpus=1)(_Solver)

    def outcomes(self, tasks: Sequence[tuple[int, Variant]]) -> Iterator[Done]:
        """Yield outcomes as they come."""
        waiting, deaths = deque(tasks), Counter[int]()
        actors = [self.actor.remote(self.facts) for _ in range(min(self.size, len(waiting)))]
        running: dict[Any, tuple[Any, list[tuple[int, Variant]]]] = {}
        for actor in actors:
            self._feed(actor, waiting, running)
        while running:
            (ready, *_), _rest = self.ray.wait(list(running), num_returns=1)
            actor, given = running.pop(ready)
            try:
                yield from self.ray.get(ready)
            except self.ray.exceptions.RayError:
                yield from self._lost(given, waiting, deaths)
                actor = self.actor.remote(self.facts)
            self._feed(actor, waiting, running)

    def _feed(
        self, actor: Any, waiting: deque[tuple[int, Variant]], running: dict[Any, tuple[Any, list[tuple[int, Variant]]]]
    ) -> None:
        if waiting:
            chunk = [waiting.popleft() for _ in range(min(CHUNK, len(waiting)))]
            running[actor.outcomes.remote(chunk)] = (actor, chunk)

    def _lost(
        self, given: list[tuple[int, Variant]], waiting: deque[tuple[int, Variant]], deaths: Counter[int]
    ) -> Iterator[Done]:
        """Put back what a lost actor had, one by one, so that a variant that kills its actor is found."""
        for number, variant in given:
            deaths[number] += 1
            if deaths[number] >= TRIES and len(given) == 1:
                message = f"its worker died {TRIES} times"
                yield number, Outcome(variant.name, "error", message=message), 0.0
            else:
                waiting.append((number, variant))
