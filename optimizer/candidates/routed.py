"""A replica of a service whose request classes are routed apart: what it carries of each class alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from optimizer.candidates.replica import ReplicaSpeed
from optimizer.schema.base import Evidence


@dataclass(frozen=True)
class RoutedSpeed:
    """One replica that may be sent any mix of a service's classes.

    It carries m_k requests in flight of class k as long as sum m_k / c_k <= 1, where c_k is what it carries of class k
    alone: every c <= c_k keeps speed, TTFT and memory. Then

    * the KV cache fits: c_k requests of class k fit it, so one takes at most 1 / c_k of it, and m_k of each class
      together take at most sum m_k / c_k <= 1 of it;
    * every class keeps its speed as far as the time of a step is convex in what is in flight, as it is where weights
      are read once and every request adds its own work: the mix is a weighted mean of replicas that run one class
      alone, c_k of it, and an idle one, so that its step is no longer than the longest of theirs, which all keep the
      promise.

    Rates add up the same way (Griggs et al., "Mélange", 2024: loads / throughputs <= 1): a replica that spends a part
    L_k of its work on class k serves L_k times what it serves of it alone. The Poisson percentile holds of the count in
    flight: with rho(c) = mean / limit, rising and concave in c, the mix runs at the mean of rho(c_k) weighted by load,
    which is no more than rho at the mix's own limit.
    """

    classes: tuple[ReplicaSpeed | None, ...]
    """By class: the replica serving it alone; None where it cannot."""

    @cached_property
    def _amounts(self) -> dict[float, tuple[int, ...]]:
        return {}

    def amounts(self, tokens_per_s: float) -> tuple[int, ...]:
        """Return, by class, the requests in flight or micro-requests/s carried alone at a speed; 0 where it cannot."""
        if tokens_per_s not in self._amounts:
            self._amounts[tokens_per_s] = tuple(0 if one is None else one.amount(tokens_per_s) for one in self.classes)
        return self._amounts[tokens_per_s]

    def amount(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        """Return the most that is carried of any class alone: 0 when the replica is of no use at a speed."""
        found = (one.amount(tokens_per_s, strictly_above) for one in self.classes if one is not None)
        return max(found, default=0)

    def under(self, least: Evidence) -> RoutedSpeed | None:
        """Return the same replica on evidence no worse than `least`, None when no class has any."""
        classes = tuple(None if one is None else one.under(least) for one in self.classes)
        return RoutedSpeed(classes) if any(classes) else None

    def each(self, change: Callable[[ReplicaSpeed], ReplicaSpeed]) -> RoutedSpeed:
        """Return the replica with a change made to each of its classes."""
        return RoutedSpeed(tuple(None if one is None else change(one) for one in self.classes))

    def next_speed(self, tokens_per_s: float) -> float | None:
        """Return the lowest speed above this one at which less is carried of some class."""
        found = (one.next_speed(tokens_per_s) for one in self.classes if one is not None)
        return min((level for level in found if level is not None), default=None)

    def levels(self, tokens_per_s: float) -> Iterator[float]:
        """Yield the speeds above this one at which less is carried of some class."""
        for one in self.classes:
            if one is not None:
                alone = one.classes[0]
                counts = range(1, alone.concurrency(tokens_per_s) + 1)
                yield from (level for count in counts if (level := alone.speed(count)) > tokens_per_s)
