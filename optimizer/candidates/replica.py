"""How much one replica carries at a speed target: the link from speed curves to integers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property

from optimizer.demand import ServiceDemand, largest_poisson_mean
from optimizer.schema.base import Evidence
from optimizer.schema.problem import RequestClass, Slo
from optimizer.throughput.curve import SpeedCurve, bar_share, worse_evidence
from optimizer.units import largest_holding, micro_rate_down

SEQUENCE_STEPS: tuple[int, ...] = (*range(1, 65), *range(72, 257, 8), *range(288, 1025, 32))
"""Maximum sequences that a rate-driven replica may be set to: every number to 64, then round ones."""


@dataclass(frozen=True)
class ClassSpeed:
    """One request class on one replica, at the end of the error bar that is planned with."""

    request: RequestClass
    curve: SpeedCurve
    slo: Slo
    confidence: float | None
    limit: int
    """Most requests of this class in flight: what fits, what the evidence allows, never more than the demand."""
    fits: int
    """Requests whose KV cache fits, followed a little beyond the demand."""
    slow_tpot: bool = False
    """What-if: every TPOT at the slow end of its error bar."""
    slow_ttft: bool = False
    """What-if: every TTFT at the slow end of its error bar."""
    company: tuple[ClassSpeed, ...] = ()
    """The other classes that the same replica serves; none where this class has it for itself."""

    def under(self, least: Evidence) -> ClassSpeed | None:
        """Return the same class on evidence no worse than `least`, None when it has none."""
        if least == "estimated":
            return self
        usable = 0 if self.needs_ttft and not self.curve.ttft_measured else self.curve.last_measured
        limit = min(self.limit, usable)
        company = tuple(replace(one, curve=replace(one.curve, least_evidence=least)) for one in self.company)
        curve = replace(self.curve, least_evidence=least)
        return replace(self, curve=curve, limit=limit, company=company) if limit else None

    @property
    def needs_ttft(self) -> bool:
        """Whether a limit looks at the TTFT."""
        return self.slo.ttft_ms is not None or self.slo.e2e_ms is not None

    def ttft_error_fraction(self, concurrency: int) -> float:
        """Return the half-width of the TTFT's error bar."""
        return self.curve.ttft_error_fraction(concurrency)

    def tpot_ms(self, concurrency: int) -> float:
        """Return the planned TPOT."""
        return self.curve.slow_tpot_ms(concurrency, bar_share(self.confidence) + self.slow_tpot)

    def ttft_ms(self, concurrency: int) -> float:
        """Return the planned TTFT."""
        return self.curve.slow_ttft_ms(concurrency, bar_share(self.confidence) + self.slow_ttft)

    def first_ms(self, other: ClassSpeed) -> float:
        """Return the planned TTFT of one request of a class that has the replica for itself."""
        return other.curve.slow_ttft_ms(1, bar_share(self.confidence) + self.slow_ttft)

    def wait_ms(self, concurrency: int) -> float:
        """Return what other requests of this class add to the TTFT of one: TTFT(c) - TTFT(1)."""
        return self.ttft_ms(concurrency) - self.ttft_ms(1)

    def longest_ttft_ms(self, concurrency: int) -> float:
        """Return the longest TTFT of any class's request among so many of this class.

        A request of another class takes its own first step and waits as long as one of this class does.
        """
        beside = (self.first_ms(other) + self.wait_ms(concurrency) for other in self.company)
        return max(self.ttft_ms(concurrency), *beside) if self.company else self.ttft_ms(concurrency)

    @cached_property
    def _speeds(self) -> dict[int, float]:
        """What `speed` has answered so far: searches over capacities ask the same again and again."""
        return {}

    def speed(self, concurrency: int) -> float:
        """Return output tokens/s each user sees."""
        known = self._speeds.get(concurrency)
        if known is None:
            known = self._speeds[concurrency] = 1000 / self.tpot_ms(concurrency)
        return known

    def latency_s(self, concurrency: int) -> float:
        """Return seconds a request is in flight: TTFT + (OSL - 1) x TPOT."""
        return (self.ttft_ms(concurrency) + (self.request.osl_tokens - 1) * self.tpot_ms(concurrency)) / 1000

    def held_ttft_ms(self, concurrency: int) -> float:
        """Return the TTFT that its limit looks at: the mean, or a percentile of requests that come at random."""
        if self.slo.percentile is None:
            return self.longest_ttft_ms(concurrency)
        share, percentile = bar_share(self.confidence) + self.slow_ttft, self.slo.percentile / 100
        return max(one.curve.slow_open_ttft_ms(concurrency, one.request.osl_tokens, percentile, share)
                   for one in (self, *self.company))

    def keeps(self, concurrency: int) -> bool:
        """Say whether the limits other than speed hold, for a request of any class of the replica among these."""
        if self.slo.ttft_ms is not None and self.held_ttft_ms(concurrency) > self.slo.ttft_ms:
            return False
        if self.slo.e2e_ms is None:
            return True
        return self.latency_s(concurrency) * 1000 <= self.slo.e2e_ms and all(
            self.first_ms(other) + self.wait_ms(concurrency)
            + (other.request.osl_tokens - 1) * self.tpot_ms(concurrency) <= self.slo.e2e_ms
            for other in self.company)

    @cached_property
    def kept(self) -> int:
        """The largest concurrency up to which every limit but speed holds."""
        return largest_holding(self.limit, self.keeps)

    def concurrency(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        """Return the largest c such that every c' <= c keeps the limits and the speed."""
        if strictly_above:
            return largest_holding(self.kept, lambda c: self.speed(c) > tokens_per_s)
        return largest_holding(self.kept, lambda c: self.speed(c) >= tokens_per_s)

    def evidence(self, concurrency: int) -> Evidence:
        """Say where the figures at a concurrency come from: the worse of TPOT and a TTFT that matters."""
        tpot = self.curve.evidence(concurrency)
        return worse_evidence(tpot, "estimated") if self.needs_ttft and not self.curve.ttft_measured else tpot


def in_company(classes: tuple[ClassSpeed, ...]) -> tuple[ClassSpeed, ...]:
    """Return classes that share a replica, each knowing the others."""
    alone = tuple(replace(one, company=()) for one in classes)
    return tuple(replace(one, company=alone[:k] + alone[k + 1:]) for k, one in enumerate(alone))


@dataclass(frozen=True)
class ReplicaSpeed:
    """One replica that serves all request classes of a service.

    A mix of n_k requests in flight of class k loads a replica by sum n_k / c_k, where every number up to c_k of class
    k alone keeps the memory, the speed and, for a request of any class among them, TTFT and end-to-end time. Up to a
    load of 1 the mix is a weighted mean of such states of one class, by the weights n_k / c_k: memory, the time of a
    step and the wait for a first token are means of theirs, so that every class keeps its promise.
    """

    classes: tuple[ClassSpeed, ...]
    demand: ServiceDemand
    _best_rates: dict[int, float] = field(default_factory=dict, compare=False, repr=False)
    _amounts: dict[tuple[float, bool], int] = field(default_factory=dict, compare=False, repr=False)
    endless: ReplicaSpeed | None = field(default=None, compare=False, repr=False)
    """The same replica of one class before the demand capped its requests: what it carries is known there."""

    def under(self, least: Evidence) -> ReplicaSpeed | None:
        """Return the same replica on evidence no worse than `least`, None when a class has none."""
        classes = tuple(found for one in self.classes if (found := one.under(least)) is not None)
        return ReplicaSpeed(classes, self.demand) if len(classes) == len(self.classes) else None

    def capped(self, demand: ServiceDemand) -> ReplicaSpeed:
        """Return the replica that never runs more requests than a demand has; a rate caps nothing."""
        if demand.unit == "rate" or len(self.classes) > 1:
            return ReplicaSpeed(self.classes, demand)
        classes = tuple(replace(one, limit=min(one.limit, demand.amount)) for one in self.classes)
        return ReplicaSpeed(classes, demand, endless=self.endless or self)

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Share of requests in flight by class: their share of requests x output tokens, as long ones stay longer."""
        weights = [c.request.share_fraction * c.request.osl_tokens for c in self.classes]
        return tuple(weight / sum(weights) for weight in weights)

    def concurrency(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        """Return the largest number of requests in flight that keeps the promise.

        A mix loads a replica by the sum of its classes' loads: c x share_j / c_j of it for class j.
        """
        limits = [c.concurrency(tokens_per_s, strictly_above) for c in self.classes]
        if len(limits) == 1 or 0 in limits:
            return min(limits)
        both = int(1 / sum(share / limit for share, limit in zip(self.shares, limits, strict=True)) + 1e-9)
        return min(both, self.demand.amount) if self.demand.unit == "concurrency" else both

    def amount(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        """Return requests in flight, or micro-requests/s, that the replica carries at a speed."""
        key = (tokens_per_s, strictly_above)
        if key not in self._amounts:
            self._amounts[key] = (
                self._amount(tokens_per_s, strictly_above)
                if self.endless is None
                else min(self.endless.amount(tokens_per_s, strictly_above), self.classes[0].limit)
            )
        return self._amounts[key]

    def _amount(self, tokens_per_s: float, strictly_above: bool) -> int:
        concurrency = self.concurrency(tokens_per_s, strictly_above)
        if self.demand.unit == "concurrency" or concurrency == 0:
            return concurrency
        return micro_rate_down(self.best_rate(concurrency)[1])

    def latency_s(self, concurrency: int) -> float:
        """Return the mean seconds a request is in flight."""
        return sum(c.request.share_fraction * c.latency_s(concurrency) for c in self.classes)

    def rate(self, concurrency: int) -> float:
        """Return requests/s at a limit of so many sequences: the Poisson mean within it, or all for work that waits."""
        percentile = self.demand.percentile
        mean = float(concurrency) if percentile is None else largest_poisson_mean(concurrency, percentile)
        return mean / self.latency_s(concurrency)

    def best_rate(self, concurrency: int) -> tuple[int, float]:
        """Return (maximum sequences, requests/s) with the highest rate among the settings up to a concurrency."""
        last = bisect_right(SEQUENCE_STEPS, concurrency)
        measured = any(c.curve.levels for c in self.classes)
        steps = SEQUENCE_STEPS[:last] if measured or len(self.classes) > 1 else SEQUENCE_STEPS[last - 1 : last]
        for step in steps:
            if step not in self._best_rates:
                self._best_rates[step] = self.rate(step)
        best = max(steps, key=lambda step: (self._best_rates[step], -step))
        return best, self._best_rates[best]

    def sequences(self, tokens_per_s: float) -> int:
        """Return the maximum sequences to set at a speed target."""
        concurrency = self.concurrency(tokens_per_s)
        return concurrency if self.demand.unit == "concurrency" or not concurrency else self.best_rate(concurrency)[0]

    def next_speed(self, tokens_per_s: float) -> float | None:
        """Return the lowest speed above this one at which fewer requests fit."""
        levels = []
        for one in self.classes:
            count = one.concurrency(tokens_per_s, strictly_above=True)
            if count == 0:
                return None
            levels.append(one.speed(count))
        return min(levels)

    def speed(self, concurrency: int) -> float:
        """Return the planned user speed with so many requests in flight.

        In a mix all requests share the steps of their replica: the highest speed at which it carries so many of them,
        between what the slowest and the fastest class would see alone.
        """
        slowest = min(one.speed(concurrency) for one in self.classes)
        return slowest if len(self.classes) == 1 else max(slowest, self._pace(concurrency))

    def _pace(self, concurrency: int) -> float:
        """Return the highest speed at which a mix carries so many, 0 when it never does.

        It is below what every class would see alone where a class keeps another limit only with fewer requests.
        """
        alone = [one.speed(concurrency) for one in self.classes]
        low, high = min(alone), max(alone)
        if self.concurrency(low) < concurrency:
            low, high = 0.0, low
        if self.concurrency(low) < concurrency:
            return 0.0
        while high - low > 1e-9 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if self.concurrency(middle) >= concurrency else (low, middle)
        return low

    def alone(self, concurrency: int) -> tuple[tuple[ClassSpeed, int], ...]:
        """Return, by class, how many of it alone load the replica as much as so many requests in flight of the mix."""
        if len(self.classes) == 1:
            return ((self.classes[0], concurrency),)
        pace = self._pace(concurrency)
        return tuple((one, max(1, one.concurrency(pace))) for one in self.classes)

    def ttft_ms(self, concurrency: int) -> float:
        """Return the longest planned TTFT of the classes.

        In a mix: the longest first step of a class by itself, and the wait, a mean over `alone` by load.
        """
        if len(self.classes) == 1:
            return self.classes[0].ttft_ms(concurrency)
        pairs = zip(self.alone(concurrency), self.shares, strict=True)
        wait = sum(concurrency * share / count * one.wait_ms(count) for (one, count), share in pairs)
        return max(one.ttft_ms(1) for one in self.classes) + wait

    def evidence(self, concurrency: int) -> Evidence:
        """Return the worst evidence of the classes."""
        worst: Evidence = "measured"
        for one, count in self.alone(concurrency):
            worst = worse_evidence(worst, one.evidence(count))
        return worst

    def error_fraction(self, concurrency: int) -> float:
        """Return the widest error bar of the classes."""
        return max(one.curve.error_fraction(count) for one, count in self.alone(concurrency))

    def source_url(self, concurrency: int) -> str | None:
        """Return the sources of the measured rows behind a concurrency."""
        urls = [url for one, count in self.alone(concurrency) if (url := one.curve.source_url(count))]
        return " ; ".join(dict.fromkeys(urls)) or None


@dataclass(frozen=True)
class StatedCapacity:
    """A node's capacity as `capacities.csv` states it, at the service's own speed target."""

    max_concurrency: int
    target_tokens_per_s: float
    source_url: str | None

    def under(self, least: Evidence) -> StatedCapacity:
        """Return itself: what is stated was measured elsewhere."""
        return self

    def amount(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        """Return the stated capacity up to the target, nothing above it."""
        target = self.target_tokens_per_s
        beyond = tokens_per_s > target or (strictly_above and tokens_per_s == target)
        return 0 if beyond else self.max_concurrency

    def next_speed(self, tokens_per_s: float) -> float | None:
        """Return the target for speeds below it."""
        return self.target_tokens_per_s if tokens_per_s < self.target_tokens_per_s else None
