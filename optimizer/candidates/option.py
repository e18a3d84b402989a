"""One way to run a service on GPUs of one type."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimizer.candidates.replica import ReplicaSpeed, StatedCapacity
from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand


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
    speed: ReplicaSpeed | StatedCapacity

    def replicas_on(self, offer: PricedOffer) -> int:
        """Return how many replicas a node of an offer holds."""
        return 1 if self.gpu_count == 0 else offer.gpu_count // self.gpu_count

    def capped(self, demand: ServiceDemand) -> Option:
        """Return the option whose replicas never run more requests than a demand has."""
        return replace(self, speed=self.speed.capped(demand)) if isinstance(self.speed, ReplicaSpeed) else self

    @property
    def order(self) -> tuple[str, str, int, int]:
        """Engine, precision, tensor parallel: the last tie-break."""
        return (self.engine_id, self.precision, self.tp_size, self.gpu_count)
