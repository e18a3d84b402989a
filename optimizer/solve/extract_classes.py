"""Read a solution of a service whose classes are routed apart: what each deployment gets of each class, and how fast.

Requests in flight of a class are means over the peak, as they are in a mix; whole requests swing by one around them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.candidates import ClassSpeed, ReplicaSpeed, RoutedSpeed
from optimizer.demand import ServiceDemand
from optimizer.messages import Message
from optimizer.schema.base import EVIDENCE_ORDER
from optimizer.schema.plan import ClassShare, Deployment
from optimizer.schema.problem import Service
from optimizer.solve.prepare import Prepared
from optimizer.solve.search import Chosen, Solution, classes_at, split_at
from optimizer.units import MICRO, largest_holding

SHARE_DIGITS = 12
"""Decimals of a printed share."""


@dataclass(frozen=True)
class Part:
    """One class on the nodes of one row."""

    index: int
    alone: ReplicaSpeed
    share: Fraction
    """Of the class."""
    demand: Fraction
    """That comes here, in the demand's unit."""
    in_flight: float
    """Mean, on each replica."""
    limit: int
    """Most in flight of the class alone."""
    per_node: int
    """What a node carries of the class alone, in the demand's unit."""

    @property
    def one(self) -> ClassSpeed:
        """The class on a replica."""
        return self.alone.classes[0]


@dataclass(frozen=True)
class Placed:
    """The classes on the nodes of one row."""

    service: Service
    demand: ServiceDemand
    chosen: Chosen
    replicas: int
    parts: tuple[Part, ...]
    target: float
    reached: float

    @property
    def fullness(self) -> float:
        """Load of a replica in requests in flight: the sum of mean / most."""
        return sum(part.in_flight / part.limit for part in self.parts)

    @property
    def in_flight(self) -> float:
        """Mean requests in flight on a replica."""
        return sum(part.in_flight for part in self.parts)

    def as_many_alone(self, part: Part) -> int:
        """Return how many requests of one class alone would load a replica as much."""
        return min(part.limit, max(1, math.ceil(self.fullness * part.limit - 1e-9)))

    def speed(self) -> float:
        """Return the highest speed at which the replicas carry what comes here: sum of mean / most at it up to 1."""
        speeds = {level for part in self.parts
                  for level in map(part.one.speed, range(1, part.one.concurrency(self.reached) + 1))}
        levels = sorted(level for level in speeds if level > self.reached)
        count = largest_holding(len(levels), lambda c: self._fits_at(levels[c - 1]))
        return levels[count - 1] if count else self.reached or self._slowest()

    def _fits_at(self, tokens_per_s: float) -> bool:
        limits = [min(part.limit, part.one.concurrency(tokens_per_s)) for part in self.parts]
        return 0 not in limits and sum(
            part.in_flight / limit for part, limit in zip(self.parts, limits, strict=True)) <= 1

    def _slowest(self) -> float:
        return min(part.one.speed(part.limit) for part in self.parts)

    def output_tokens_per_s(self) -> float:
        """Return output tokens/s of all replicas at the peak."""
        return self.replicas * sum(
            part.in_flight * part.one.request.osl_tokens / part.one.latency_s(self.as_many_alone(part))
            for part in self.parts)


def placed_of(prepared: Prepared, solution: Solution, service: int, reached: float) -> list[Placed]:
    """Split a service's classes over its nodes at the plan's speed; in the order of the solution."""
    shares = split_at(solution, service, reached).shares
    asked, demand = prepared.problem.services[service], prepared.candidates.demands[service]
    target, parts_of = asked.slo.target_tokens_per_s, solution.class_demands[service]
    found = []
    for column, chosen in enumerate(solution.of(service)):
        option, speed = chosen.row.candidate.option, chosen.row.candidate.option.speed
        replicas = option.replicas_on(chosen.row.candidate.offer) * chosen.nodes
        carried = classes_at(chosen, target)
        parts = []
        for k, alone in enumerate(speed.classes if isinstance(speed, RoutedSpeed) else ()):
            if isinstance(alone, ReplicaSpeed) and shares[k][column]:
                comes = shares[k][column] * parts_of[k]
                mean = float(comes / replicas)
                if demand.unit == "rate":
                    mean *= alone.classes[0].latency_s(alone.sequences(reached)) / MICRO
                parts.append(Part(k, alone, shares[k][column], comes, mean, alone.sequences(target), carried[k]))
        found.append(Placed(asked, demand, chosen, replicas, tuple(parts), target, reached))
    return found


def routed_deployment(placed: Placed, most_used: float) -> Deployment:
    """Describe the classes on the nodes of one row."""
    option, offer = placed.chosen.row.candidate.option, placed.chosen.row.candidate.offer
    idle = placed if placed.parts else _standing_by(placed)
    speed, per_node = idle.speed(), _capacity_per_node(idle)
    classes = tuple(_class_share(idle, part, speed) for part in idle.parts)
    ceiling = max(1, math.ceil(placed.in_flight - 1e-9))
    return Deployment(
        service_id=placed.service.service_id,
        offer_id=offer.offer_id,
        engine_id=option.engine_id,
        precision=option.precision,
        tp_size=option.tp_size,
        gpu_count=option.gpu_count,
        layout=option.layout,
        replicas=placed.replicas,
        nodes=placed.chosen.nodes,
        concurrency_per_replica=max(ceiling, math.floor(_mixed_limit(idle) + 1e-9)),
        concurrency_at_peak=ceiling,
        tokens_per_s_per_user=speed,
        ttft_ms=max(one.ttft_ms or 0.0 for one in classes),
        evidence=max((one.evidence for one in classes), key=EVIDENCE_ORDER.index),
        error_fraction=max(one.error_fraction or 0.0 for one in classes),
        source_url=" ; ".join(dict.fromkeys(one.source_url for one in classes if one.source_url)) or None,
        capacity_per_node=per_node,
        load_fraction=round(_request_share(placed), 9),
        classes=classes if placed.parts else (),
        utilisation_fraction=float(_load(placed)) * most_used,
    )


def _standing_by(placed: Placed) -> Placed:
    """Return the nodes with a bare trace of the class that they carry most of: they stand in after a loss."""
    speed = placed.chosen.row.candidate.option.speed
    carried = classes_at(placed.chosen, placed.target)
    k = max(range(len(carried)), key=lambda i: carried[i])
    alone = speed.classes[k] if isinstance(speed, RoutedSpeed) else None
    if not isinstance(alone, ReplicaSpeed):
        raise TypeError("a node of a plan carries some class")
    trace = Part(k, alone, Fraction(0), Fraction(1, MICRO), 1 / MICRO, alone.sequences(placed.target), carried[k])
    return Placed(placed.service, placed.demand, placed.chosen, placed.replicas, (trace,), placed.target,
                  placed.reached)


def _load(placed: Placed) -> Fraction:
    """Return the part of the nodes that the classes fill at the target."""
    return sum((part.demand / part.per_node for part in placed.parts), Fraction(0)) / placed.chosen.nodes


def _capacity_per_node(placed: Placed) -> float:
    """Return what a node carries of the mix that comes here, in the user's unit."""
    total = sum((part.demand for part in placed.parts), Fraction(0))
    carried = float(total / sum(part.demand / part.per_node for part in placed.parts))
    return carried if placed.demand.unit == "concurrency" else carried / MICRO


def _mixed_limit(placed: Placed) -> float:
    """Return how many requests in flight of the mix that comes here a replica carries."""
    return placed.in_flight / placed.fullness


def _request_share(placed: Placed) -> float:
    """Return the share of all the service's requests that comes here."""
    workload = placed.service.workload
    return float(sum(float(part.share) * workload[part.index].share_fraction for part in placed.parts))


def _class_share(placed: Placed, part: Part, speed: float) -> ClassShare:
    one, rate = part.one, placed.demand.unit == "rate"
    count = placed.as_many_alone(part)
    return ClassShare(
        isl_tokens=one.request.isl_tokens,
        osl_tokens=one.request.osl_tokens,
        share_of_class_fraction=round(float(part.share), SHARE_DIGITS),
        concurrency=part.in_flight * placed.replicas,
        rps=float(part.demand) / MICRO if rate else None,
        concurrency_alone=part.limit,
        capacity_per_node=part.per_node / MICRO if rate else float(part.per_node),
        tokens_per_s_per_user=speed,
        ttft_ms=one.ttft_ms(count),
        evidence=one.evidence(count),
        error_fraction=one.curve.error_fraction(count),
        source_url=one.curve.source_url(count),
    )


def class_arithmetic(placed: Sequence[Placed], most_used: float) -> Message:
    """Spell out why the nodes are enough: each kind filled to no more than allowed."""
    terms = tuple(
        Message("capacity.class-term", share=float(_load(one)) * most_used, nodes=one.chosen.nodes,
                offer=one.chosen.row.offer_id) for one in placed)
    return Message("capacity.classes", terms=terms, most=most_used)


def gpu_hours(placed: Sequence[Placed], requests_per_day: float) -> float:
    """Return GPU-hours a day: requests a day of each class x latency / requests in flight per GPU."""
    return sum(
        requests_per_day * one.service.workload[part.index].share_fraction * float(part.share)
        * part.one.latency_s(part.limit) / part.limit * one.chosen.row.candidate.option.gpu_count / 3600
        for one in placed for part in one.parts)
