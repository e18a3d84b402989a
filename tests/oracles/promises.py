"""Tiny problems whose replicas slow down as they fill, solved by gpumix, and again as plain numbers at any promise."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from optimizer.candidates import CandidateSet, ClassSpeed, Option, ReplicaSpeed
from optimizer.costs import PricedOffer
from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.problem import Budget, Problem, RequestClass, Service, Slo
from optimizer.solve import Prepared
from optimizer.solve.variants import with_limits
from optimizer.throughput.curve import SpeedCurve, Track
from optimizer.units import MICRO
from tests.oracles.brute_force import MOST_PLANS, plan_count
from tests.oracles.instances import Instance, instance, random_instance, runs

REQUEST = RequestClass(isl_tokens=100, osl_tokens=100)
ERROR, TTFT_ERROR = 0.1, 0.2


@dataclass(frozen=True)
class Line:
    """A replica whose TPOT and TTFT grow by the request: `tpot_ms = first + each x (c - 1)`."""

    tpot_first_ms: float
    tpot_each_ms: float
    ttft_first_ms: float
    ttft_each_ms: float
    fits: int

    def tpot_ms(self, count: int) -> float:
        """Return the time per output token with so many requests in flight."""
        return self.tpot_first_ms + self.tpot_each_ms * (count - 1)

    def ttft_ms(self, count: int) -> float:
        """Return the time to first token with so many requests in flight."""
        return self.ttft_first_ms + self.ttft_each_ms * (count - 1)

    def carries(self, tokens_per_s: float, ttft_ms: float | None, demand: int) -> int:
        """Count up how many requests keep both promises."""
        count = 0
        while count < min(self.fits, demand):
            if 1000 / self.tpot_ms(count + 1) < tokens_per_s:
                break
            if ttft_ms is not None and self.ttft_ms(count + 1) > ttft_ms:
                break
            count += 1
        return count


@dataclass(frozen=True)
class Run:
    """One way to run a service on a GPU type."""

    service: int
    gpu: str
    engine: str
    footprint: int
    precision: str
    line: Line


@dataclass(frozen=True)
class Promise:
    """A problem of one or two services, with the promise of the first one."""

    offers: tuple[PricedOffer, ...]
    runs: tuple[Run, ...]
    demands: tuple[int, ...]
    tokens_per_s: float
    ttft_ms: float | None
    rules: Instance
    """Carries the limits and the budget."""

    def plain(self) -> Instance:
        """Write the problem as plain capacities at its promises: what gpumix is checked against."""
        options = []
        for one in self.runs:
            speed, ttft = (self.tokens_per_s, self.ttft_ms) if one.service == 0 else (10.0, None)
            count = one.line.carries(speed, ttft, self.demands[one.service])
            if count:
                options.append(runs(
                    one.gpu, [(speed, count)], engine=one.engine, service=one.service, footprint=one.footprint,
                    precision=one.precision))
        targets = [self.tokens_per_s] + [10.0] * (len(self.demands) - 1)
        made = instance(list(self.offers), options, self.demands, targets=targets)
        return replace(made, limits=self.rules.limits, budget=self.rules.budget)

    def _option(self, one: Run, candidates: CandidateSet) -> Option:
        demand, service = candidates.demands[one.service], candidates.services[one.service]
        counts = tuple(range(1, 10))
        tpot = Track(counts, tuple(one.line.tpot_ms(count) for count in counts))
        ttft = Track(counts, tuple(one.line.ttft_ms(count) for count in counts))
        curve = SpeedCurve((), tpot, ttft, "rough", {"rough": (ERROR, ERROR)}, {"rough": (TTFT_ERROR, TTFT_ERROR)}, 0)
        limit = min(one.line.fits, demand.amount)
        speed = ReplicaSpeed((ClassSpeed(REQUEST, curve, service.slo, None, limit, one.line.fits),), demand)
        return Option(one.service, one.gpu, one.engine, one.precision, one.footprint, one.footprint, speed)

    def prepared(self) -> Prepared:
        """Write the problem as gpumix prepares one, at its promises."""
        targets = [self.tokens_per_s] + [10.0] * (len(self.demands) - 1)
        bare = instance(list(self.offers), [], self.demands, targets=targets)
        first, *others = bare.candidates.services
        slo = Slo(tokens_per_s_per_user=self.tokens_per_s, ttft_ms=self.ttft_ms)
        services: tuple[Service, ...] = (first.model_copy(update={"slo": slo}), *others)
        candidates = replace(bare.candidates, services=services)
        options: dict[tuple[int, str], tuple[Option, ...]] = {}
        for one in self.runs:
            key = (one.service, one.gpu)
            options[key] = (*options.get(key, ()), self._option(one, candidates))
        return as_prepared(Instance(
            replace(candidates, options=options), self.rules.limits, self.rules.budget))


def as_prepared(problem: Instance) -> Prepared:
    """Present an instance as a prepared problem, without the files that it would come from."""
    stated = Problem(schema_version=1, name="drawn", services=problem.candidates.services)
    limits = dict(problem.limits)
    if problem.budget is not None:
        limits["budget"] = Budget(amount=problem.budget / MICRO, per="hour")
    return Prepared(
        cast(LoadedProblem, None), with_limits(stated, **limits), cast(Catalog, None), problem.candidates,
        problem.budget)


def random_promise(
    rng: random.Random, rules: Iterable[str] = (), services: int = 1, demand: int = 8, most: int = MOST_PLANS
) -> Promise:
    """Draw a problem that brute force goes through at its loosest promise."""
    while True:
        drawn = random_instance(rng, rules, services=services, offers=3, demand=demand, options=2)
        lines = [
            Run(option.service, option.gpu_id, option.engine_id, option.gpu_count, option.precision, Line(
                rng.choice([20.0, 25.0, 40.0, 50.0]), rng.choice([2.0, 5.0, 10.0]),
                rng.choice([100.0, 200.0, 250.0]), rng.choice([20.0, 50.0, 100.0]), rng.randint(1, 9)))
            for found in drawn.candidates.options.values() for option in found
        ]
        demands = tuple(one.amount for one in drawn.candidates.demands)
        made = Promise(drawn.candidates.offers, tuple(lines), demands, 10.0, rng.choice([None, 400.0, 800.0]), drawn)
        if plan_count(made.plain()) <= most:
            return made
