"""What a plan is held against: the problem and the catalog, read again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import isinf

from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand, demand_of, largest_poisson_mean
from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Deployment, Plan
from optimizer.schema.problem import Problem, RequestClass, Service
from optimizer.throughput import SpeedCurve
from optimizer.throughput.curve import bar_share
from optimizer.units import MICRO, exact
from optimizer.verify.known import Figures, KnownFigures, Promise

TOLERANCE = 1e-9
"""Relative slack for quantities that were divided and multiplied back."""

SHARES_TO = exact(1e-9)
"""What plans round shares of the load to."""


@dataclass(frozen=True)
class Replica:
    """One serving copy of a deployment, with its speed curve for each request class (None: no speed is known)."""

    deployment: Deployment
    service: Service
    model: LlmModel
    gpu_id: str
    catalog: Catalog
    confidence: float | None
    known: Figures

    @property
    def curves(self) -> tuple[SpeedCurve | None, ...]:
        """The speed curve of each request class."""
        return self.known.curves

    def planned_ms(self, curve: SpeedCurve, concurrency: int) -> tuple[float, float]:
        """Return (TTFT, TPOT) at the end of the error bar that is planned with; each is worked out once."""
        key, planned = (id(curve), concurrency), self.known.planned
        if key not in planned:
            planned[key] = self._worked_out(curve, concurrency)
        return planned[key]

    def _worked_out(self, curve: SpeedCurve, concurrency: int) -> tuple[float, float]:
        share = bar_share(self.confidence)
        return curve.slow_ttft_ms(concurrency, share), curve.slow_tpot_ms(concurrency, share)

    def keeps(self, request: RequestClass, curve: SpeedCurve, concurrency: int, tokens_per_s: float) -> bool:
        """Say whether one class alone, so many in flight, keeps a speed, the TTFT and the end-to-end time.

        A request of any other class of the replica, were it among them, keeps both times too: it takes its own first
        step, waits as they do, and shares their steps.
        """
        slo, (ttft, tpot) = self.service.slo, self.planned_ms(curve, concurrency)
        if 1000 / tpot < tokens_per_s:
            return False
        if slo.percentile is not None and not self._keeps_percentile(request, curve, concurrency):
            return False
        wait = ttft - self.planned_ms(curve, 1)[0]
        times = [(ttft, request.osl_tokens)] + [
            (self.planned_ms(other, 1)[0] + wait, beside.osl_tokens)
            for beside, other in zip(self.service.workload, self.curves, strict=True)
            if other is not None and other is not curve]
        return all(
            (slo.ttft_ms is None or slo.percentile is not None or first <= slo.ttft_ms)
            and (slo.e2e_ms is None or first + (output - 1) * tpot <= slo.e2e_ms * (1 + TOLERANCE))
            for first, output in times)

    def _keeps_percentile(self, request: RequestClass, curve: SpeedCurve, concurrency: int) -> bool:
        """Say whether so many in flight keep a percentile of the TTFT, where requests of any class come at random."""
        slo, share = self.service.slo, bar_share(self.confidence)
        if slo.ttft_ms is None or slo.percentile is None:
            return True
        asked = [(curve, request.osl_tokens)] + [
            (other, beside.osl_tokens) for beside, other in zip(self.service.workload, self.curves, strict=True)
            if other is not None and other is not curve]
        return all(one.slow_open_ttft_ms(concurrency, output, slo.percentile / 100, share) <= slo.ttft_ms
                   for one, output in asked)

    def fits(self, request: RequestClass, curve: SpeedCurve, concurrency: int) -> bool:
        """Say whether the KV cache holds so many requests of one class, or a measured row shows it."""
        if concurrency <= curve.proven_concurrency:
            return True
        return self.fitting(concurrency, request.isl_tokens + request.osl_tokens) >= concurrency

    def fitting(self, sequences: int, tokens: int) -> int:
        """Return how many requests of so many tokens fit an engine started with so many sequences at most."""
        key, fitting = (sequences, tokens), self.known.fitting
        if key not in fitting:
            fitting[key] = self.known.loaded.started(sequences).max_concurrency(tokens)
        return fitting[key]

    def held(self, request: RequestClass, curve: SpeedCurve, tokens_per_s: float, most: int) -> int:
        """Count up to how many in flight one class alone keeps its promise, one request after the other."""
        most = most if curve.least_evidence == "estimated" else min(most, curve.last_measured)
        lengths = (request.isl_tokens, request.osl_tokens)
        promise = self.known.promises.setdefault((*lengths, len(self.curves)), Promise())
        slowness = promise.slowness
        while len(slowness) < most and not promise.over and not (slowness and -slowness[-1] < tokens_per_s):
            self._follow(promise, request, curve)
        return bisect_right(slowness, -tokens_per_s, hi=min(most, len(slowness)))

    def _follow(self, promise: Promise, request: RequestClass, curve: SpeedCurve) -> None:
        """Look at one request more in flight than so far."""
        count = len(promise.slowness) + 1
        if not self.keeps(request, curve, count, 0.0) or not self.fits(request, curve, count):
            promise.over = True
            return
        slowness = -1000 / self.planned_ms(curve, count)[1]
        promise.slowness.append(max(promise.slowness[-1], slowness) if promise.slowness else slowness)

    def load_of_one(self, tokens_per_s: float, most: int) -> float:
        """Return the load of one request in flight: the sum of share / (what the class alone reaches)."""
        workload = self.service.workload
        weights = [request.share_fraction * request.osl_tokens for request in workload]
        load = 0.0
        for request, curve, weight in zip(workload, self.curves, weights, strict=True):
            held = self.held(request, curve, tokens_per_s, most) if curve is not None else 0
            load += weight / sum(weights) / held if held else float("inf")
        return load

    def alone(self, concurrency: int, tokens_per_s: float) -> list[tuple[SpeedCurve, int]]:
        """Return, by class, how many of it alone load the replica as much as so many of the mix."""
        pairs = [(request, curve) for request, curve in zip(self.service.workload, self.curves, strict=True) if curve]
        if len(pairs) == 1:
            return [(pairs[0][1], concurrency)]
        pace = self._pace(concurrency, tokens_per_s)
        return [(curve, max(1, self.held(request, curve, pace, MOST_FOLLOWED))) for request, curve in pairs]

    def _pace(self, concurrency: int, tokens_per_s: float) -> float:
        """Return the highest speed up to this one at which so many of a mix load the replica up to 1, else 0."""
        low, high = 0.0, tokens_per_s
        if self.load(concurrency, high) <= 1 + TOLERANCE:
            return high
        if self.load(concurrency, low) > 1 + TOLERANCE:
            return 0.0
        while high - low > TOLERANCE * high:
            middle = (low + high) / 2
            low, high = (low, middle) if self.load(concurrency, middle) > 1 + TOLERANCE else (middle, high)
        return low

    def ttft_ms(self, concurrency: int, tokens_per_s: float) -> float:
        """Return the longest TTFT of the classes, so many requests in flight at a speed.

        In a mix: the longest first step of a class by itself, and the wait, a mean over `alone` by load.
        """
        states = self.alone(concurrency, tokens_per_s)
        if len(self.curves) == 1:
            return self.planned_ms(*states[0])[0]
        weights = [request.share_fraction * request.osl_tokens for request in self.service.workload]
        first = [self.planned_ms(curve, 1)[0] for curve, _ in states]
        waits = [self.planned_ms(curve, count)[0] - step for (curve, count), step in zip(states, first, strict=True)]
        loads = [concurrency * weight / sum(weights) / count
                 for weight, (_, count) in zip(weights, states, strict=True)]
        return max(first) + sum(load * wait for load, wait in zip(loads, waits, strict=True))

    def load(self, concurrency: int, tokens_per_s: float) -> float:
        """Return the load of so many requests in flight; up to 1 a replica keeps its promise."""
        return concurrency * self.load_of_one(tokens_per_s, concurrency if len(self.curves) == 1 else MOST_FOLLOWED)

    def most_in_flight(self, tokens_per_s: float) -> int:
        """Return how many requests in flight keep a speed, never more than the deployment's limit."""
        limit = self.deployment.concurrency_per_replica
        load = self.load_of_one(tokens_per_s, limit if len(self.curves) == 1 else MOST_FOLLOWED)
        return 0 if isinf(load) else min(limit, int((1 + TOLERANCE) / load))

    def latency_s(self, concurrency: int) -> float:
        """Return the mean seconds a request is in flight, at the end of the error bar planned with."""
        total = 0.0
        for request, curve in zip(self.service.workload, self.curves, strict=True):
            if curve is not None:
                ttft, tpot = self.planned_ms(curve, concurrency)
                total += request.share_fraction * (ttft + (request.osl_tokens - 1) * tpot) / 1000
        return total


MOST_FOLLOWED = 1024
"""Requests in flight up to which a class of a mix is followed alone."""


@dataclass(frozen=True)
class Subject:
    """A plan with what it must be held against."""

    plan: Plan
    problem: Problem
    catalog: Catalog
    own_models: dict[str, LlmModel]
    known: KnownFigures = field(default_factory=KnownFigures, compare=False, repr=False)
    """What was worked out for this plan and those before it."""

    @cached_property
    def offers(self) -> dict[str, PricedOffer]:
        """The plan's offers that exist, priced again."""
        named = {node.offer_id for node in self.plan.nodes} | {one.offer_id for one in self.plan.deployments}
        priced = {name: self.known.price(name, self.catalog, self.problem) for name in named}
        return {name: offer for name, offer in priced.items() if offer is not None}

    @cached_property
    def services(self) -> dict[str, Service]:
        """The problem's services by id."""
        return {service.service_id: service for service in self.problem.services}

    @cached_property
    def demands(self) -> dict[str, ServiceDemand]:
        """Demand of each service, derived again."""
        most_used = self.problem.limits.max_utilisation_fraction
        return {service.service_id: demand_of(service, most_used) for service in self.problem.services}

    def mixed_ids(self) -> list[str]:
        """List the services whose classes share all their nodes."""
        return [service_id for service_id, service in self.services.items() if not service.routes_classes]

    def model(self, service: Service) -> LlmModel:
        """Find the model of a service."""
        if service.model in self.own_models:
            return self.own_models[service.model]
        found = self.catalog.model(service.model)
        if found is None:
            raise KeyError(service.model)
        return found

    def of_service(self, service_id: str) -> list[Deployment]:
        """List the deployments of a service."""
        return [d for d in self.plan.deployments if d.service_id == service_id]

    def stated_capacity(self, deployment: Deployment) -> int | None:
        """Return a capacity that `capacities.csv` states outright."""
        row = self.catalog.capacities.get((deployment.service_id, deployment.offer_id))
        return row.max_concurrency if row else None

    def node_capacity(self, deployment: Deployment) -> Fraction:
        """Return the demand that one node of a deployment carries, as the plan claims it."""
        return min(exact(deployment.capacity_per_node), self.amount(deployment.service_id))

    def amount(self, service_id: str) -> Fraction:
        """Return a service's demand in requests in flight or requests/s, headroom included."""
        demand = self.demands[service_id]
        return Fraction(demand.amount) if demand.unit == "concurrency" else Fraction(demand.amount, MICRO)

    @cached_property
    def _replicas(self) -> dict[Deployment, Replica]:
        return {}

    def replica(self, one: Deployment) -> Replica:
        """Ask for the speed curves of a deployment's replica, each class of requests its own."""
        if one not in self._replicas:
            service, catalog, limits = self.services[one.service_id], self.catalog, self.problem.limits
            model, gpu_id = self.model(service), self.offers[one.offer_id].gpu_id
            known = self.known.of(one, service, model, gpu_id, catalog, limits.speed_confidence, limits.evidence)
            self._replicas[one] = Replica(one, service, model, gpu_id, catalog, limits.speed_confidence, known)
        return self._replicas[one]

    def rate_within(self, replica: Replica, concurrency: int) -> float:
        """Return the requests/s that a replica serves within so many sequences, a hair above for rounding."""
        percentile = self.demands[replica.service.service_id].percentile
        mean = concurrency if percentile is None else largest_poisson_mean(concurrency, percentile)
        return mean / replica.latency_s(concurrency) * (1 + TOLERANCE)

    def gpus_of(self, one: Deployment) -> int:
        """Count the GPUs that a deployment has for itself: those of its nodes."""
        return one.nodes * self.offers[one.offer_id].gpu_count

    def derived(self) -> Iterator[Deployment]:
        """Yield the deployments whose capacity is not stated outright."""
        yield from (one for one in self.plan.deployments if self.stated_capacity(one) is None)


Check = Callable[[Subject], Iterator[str]]
