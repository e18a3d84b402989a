"""One way to run a service on GPUs of one type."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.candidates.replica import ReplicaSpeed, StatedCapacity
from optimizer.candidates.routed import RoutedSpeed
from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand
from optimizer.schema.base import EVIDENCE_ORDER
from optimizer.schema.engine import SUPPORT_ORDER, Support

Trust = tuple[int, float, int]
"""How well a speed is known, the best first: rank of its evidence, half-width of its bar, rank of the engine's support.
"""

UNKNOWN_TRUST: Trust = (len(EVIDENCE_ORDER), math.inf, len(SUPPORT_ORDER))

BAR_DIGITS = 2
"""Bars that differ by less than a hundredth are equally wide."""


@dataclass(frozen=True)
class Option:
    """One way to run a service on GPUs of one type."""

    service: int
    gpu_id: str
    engine_id: str
    precision: str
    tp_size: int
    gpu_count: int
    """GPUs of one replica; 0 for a stated capacity, which is that of the whole node."""
    speed: ReplicaSpeed | RoutedSpeed | StatedCapacity
    layout: str | None = None
    """How a replica spreads over its GPUs, None: by tensor parallelism alone."""
    support: Support = "unlisted"
    """What the engine's own list says of the GPU."""

    def replicas_on(self, offer: PricedOffer) -> int:
        """Return how many replicas a node of an offer holds."""
        return 1 if self.gpu_count == 0 else offer.gpu_count // self.gpu_count

    def capped(self, demand: ServiceDemand) -> Option:
        """Return the option whose replicas never run more requests than a demand has."""
        return replace(self, speed=self.speed.capped(demand)) if isinstance(self.speed, ReplicaSpeed) else self

    @property
    def order(self) -> tuple[str, str, int, int, str]:
        """Engine, precision, tensor parallel, layout: the last tie-break."""
        return (self.engine_id, self.precision, self.tp_size, self.gpu_count, self.layout or "")

    def trust(self, target: float) -> Trust:
        """Return how well its speed is known with as many requests in flight as keep a speed."""
        if isinstance(self.speed, StatedCapacity):
            return 0, 0.0, 0
        found = []
        for one in self.replica_speeds():
            count = max(1, one.concurrency(target))
            found.append((EVIDENCE_ORDER.index(one.evidence(count)), round(one.error_fraction(count), BAR_DIGITS),
                          SUPPORT_ORDER.index(self.support)))
        return max(found, default=UNKNOWN_TRUST)

    def changed(self, change: Callable[[ReplicaSpeed], ReplicaSpeed]) -> Option:
        """Return the option with its replica changed, each class by itself where classes are routed apart.

        A stated capacity stays.
        """
        if isinstance(self.speed, StatedCapacity):
            return self
        speed = self.speed.each(change) if isinstance(self.speed, RoutedSpeed) else change(self.speed)
        return replace(self, speed=speed)

    @property
    def mixed(self) -> ReplicaSpeed | StatedCapacity:
        """The speed of a replica that serves all classes alike.

        Raises:
            TypeError: its classes are routed apart.
        """
        if isinstance(self.speed, RoutedSpeed):
            raise TypeError("classes that are routed apart are read class by class")
        return self.speed

    def replica_speeds(self) -> tuple[ReplicaSpeed, ...]:
        """List the speeds of its replica: one for the mix, or one for each class that is routed apart."""
        if isinstance(self.speed, RoutedSpeed):
            return tuple(one for one in self.speed.classes if one is not None)
        return () if isinstance(self.speed, StatedCapacity) else (self.speed,)
