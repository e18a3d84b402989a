"""A question about speed and its answer: TPOT and TTFT over the requests in flight."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from optimizer.schema.base import EVIDENCE_ORDER, Evidence
from optimizer.schema.catalog import Engine, Gpu, LlmModel, Precision, ThroughputPoint


@dataclass(frozen=True)
class Question:
    """Which replica, for which requests."""

    model: LlmModel
    precision_id: str
    precision: Precision
    gpu: Gpu
    engine_id: str
    engine: Engine
    tp_size: int
    gpu_count: int
    """GPUs of the replica; more than `tp_size` with pipeline or data parallelism."""
    isl_tokens: int
    osl_tokens: int


@dataclass(frozen=True, slots=True)
class Level:
    """One measured level of a curve, made monotone: no level is faster than one with fewer requests."""

    concurrency: int
    tpot_ms: float
    ttft_ms: float | None
    point: ThroughputPoint


@dataclass(frozen=True)
class SpeedCurve:
    """TPOT and TTFT of one replica as functions of its requests in flight, neither of which ever falls.

    Measured levels (perhaps none) come first; past the last one, and where there is none, the estimate answers.
    """

    levels: tuple[Level, ...]
    estimate_tpot_ms: Callable[[int], float]
    """The estimate; past the last level it is scaled to pass through it."""
    estimate_ttft_ms: Callable[[int], float]
    repeat_error_fraction: float
    interpolated_error_fraction: float
    estimated_error_fraction: float
    ttft_error_fraction: float
    proven_concurrency: int
    """Requests in flight that a measured row shows to fit."""
    least_evidence: Evidence = "estimated"
    """Worst evidence that may be used: `measured` answers with the next level above, `interpolated` ends at the last.
    """

    @cached_property
    def _counts(self) -> list[int]:
        return [level.concurrency for level in self.levels]

    @property
    def last_measured(self) -> int:
        """Largest measured number of requests in flight, 0 without levels."""
        return self._counts[-1] if self.levels else 0

    def _position(self, concurrency: int) -> int:
        """Index of the first level at or above a concurrency."""
        return bisect_left(self._counts, concurrency)

    def tpot_ms(self, concurrency: int) -> float:
        """Return the time per output token: exact at a level, linear between two, the first level's below it."""
        if concurrency > self.last_measured:
            return self._tail(concurrency)
        index = self._position(concurrency)
        above = self.levels[index]
        if index == 0 or above.concurrency == concurrency or self.least_evidence == "measured":
            return above.tpot_ms
        below = self.levels[index - 1]
        share = (concurrency - below.concurrency) / (above.concurrency - below.concurrency)
        return below.tpot_ms + share * (above.tpot_ms - below.tpot_ms)

    def _tail(self, concurrency: int) -> float:
        estimate = self.estimate_tpot_ms(concurrency)
        if not self.levels:
            return estimate
        last = self.levels[-1]
        if math.isinf(estimate):
            return estimate
        return last.tpot_ms * max(1.0, estimate / self.estimate_tpot_ms(last.concurrency))

    def ttft_ms(self, concurrency: int) -> float:
        """Return the time to first token, measured where every level of the curve states it."""
        if not self.ttft_measured:
            return self.estimate_ttft_ms(concurrency)
        if concurrency > self.last_measured:
            last = self.levels[-1]
            growth = self.estimate_ttft_ms(concurrency) / self.estimate_ttft_ms(last.concurrency)
            return (last.ttft_ms or 0.0) * max(1.0, growth)
        index = self._position(concurrency)
        above = self.levels[index]
        if index == 0 or above.concurrency == concurrency or self.least_evidence == "measured":
            return above.ttft_ms or 0.0
        below = self.levels[index - 1]
        share = (concurrency - below.concurrency) / (above.concurrency - below.concurrency)
        return (below.ttft_ms or 0.0) + share * ((above.ttft_ms or 0.0) - (below.ttft_ms or 0.0))

    @cached_property
    def ttft_measured(self) -> bool:
        """Whether every level states its TTFT."""
        return bool(self.levels) and all(level.ttft_ms is not None for level in self.levels)

    def evidence(self, concurrency: int) -> Evidence:
        """Say where the TPOT at a concurrency comes from."""
        if concurrency > self.last_measured:
            return "estimated"
        exact = self.levels[self._position(concurrency)].concurrency == concurrency
        return "measured" if exact or self.least_evidence == "measured" else "interpolated"

    def error_fraction(self, concurrency: int) -> float:
        """Return the half-width of the 90% error bar of the TPOT, relative; it never falls with concurrency."""
        if concurrency > self.last_measured:
            return self.estimated_error_fraction
        contiguous = self._counts[: concurrency] == list(range(1, concurrency + 1))
        if contiguous or self.least_evidence == "measured":
            return self.repeat_error_fraction
        return self.interpolated_error_fraction

    def source_url(self, concurrency: int) -> str | None:
        """Return the source of the level that answers, or None for an estimate without levels."""
        if not self.levels:
            return None
        return self.levels[min(self._position(concurrency), len(self.levels) - 1)].point.source_url


def slow_end(error_fraction: float, confidence: float | None) -> float:
    """Return the factor that turns the middle of an error bar into its slow end at a confidence.

    The bar holds 90% of cases, its slow end is 1.645 standard deviations out.

    >>> slow_end(0.2, None), round(slow_end(0.2, 0.9), 6)
    (1.0, 1.2)
    """
    if confidence is None:
        return 1.0
    return 1.0 + error_fraction * NormalDist().inv_cdf((1 + confidence) / 2) / NormalDist().inv_cdf(0.95)


def worse_evidence(one: Evidence, other: Evidence) -> Evidence:
    """Return the worse of two.

    >>> worse_evidence("measured", "estimated")
    'estimated'
    """
    return max(one, other, key=EVIDENCE_ORDER.index)
