"""A question about speed and its answer: TPOT and TTFT over the requests in flight, with their error bars."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from statistics import NormalDist
from typing import Literal

from optimizer.schema.base import EVIDENCE_ORDER, Evidence
from optimizer.schema.catalog import Engine, Gpu, LlmModel, Precision, ThroughputPoint
from optimizer.schema.layout import ReplicaLayout
from optimizer.throughput.waiting import STEPS, UNLOADED_MS, burst_ms, first_wave_ms, queue_ms

Gap = Literal["measured", "interior", "edge", "curve", "configuration", "combination", "gpu", "model", "rough"]
"""What was not measured: nothing, a level between two, one past the end of a curve, requests of these lengths, a
configuration, the model on this GPU with this engine, the GPU, the model; `rough` promises nothing."""


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
    spread: ReplicaLayout | None = None
    """How it spreads over its GPUs; absent: by tensor parallelism, or where `gpu_count` is more by pipelines."""
    age_years: float = 0.0
    """How much older its software is than what is deployed: what plans are computed for."""
    laboratory: str = ""
    """Who runs it, where rows of theirs are known; absent: a stranger, as users are."""

    @cached_property
    def layout(self) -> ReplicaLayout:
        """How the replica spreads over its GPUs."""
        if self.spread is not None:
            return self.spread
        return ReplicaLayout(self.tp_size, pp_size=max(1, self.gpu_count // self.tp_size))


NINETY_PERCENT = NormalDist().inv_cdf(0.95)
"""Standard deviations from the middle of a normal distribution to either end of its central 90%."""


@dataclass(frozen=True, slots=True)
class Level:
    """One measured level of a curve, made monotone: no level is faster than one with fewer requests."""

    concurrency: int
    tpot_ms: float
    ttft_ms: float | None
    point: ThroughputPoint


@dataclass(frozen=True)
class Track:
    """One quantity at rising numbers of requests in flight, which never falls: linear between knots and beyond them."""

    counts: tuple[int, ...]
    values: tuple[float, ...]
    ends: bool = False
    """Whether nothing is known past the last knot."""

    def at(self, concurrency: int) -> float:
        """Return the value at a number of requests in flight; the first knot's below it."""
        index = bisect_left(self.counts, concurrency)
        if index == 0 or (index < len(self.counts) and self.counts[index] == concurrency):
            return self.values[index]
        if index == len(self.counts):
            if self.ends:
                return math.inf
            if index == 1:
                return self.values[0]
            index -= 1
        below, above = self.counts[index - 1], self.counts[index]
        low, high = self.values[index - 1], self.values[index]
        return low + (concurrency - below) / (above - below) * (high - low)

    def slowest(self, widths: Sequence[float]) -> tuple[float, ...]:
        """Return value x (1 + width) of each knot, no more than that of any knot after it."""
        found = [value * (1 + width) for value, width in zip(self.values, widths, strict=True)]
        for index in range(len(found) - 2, -1, -1):
            found[index] = min(found[index], found[index + 1])
        return tuple(found)


Bars = dict[str, tuple[float, float]]
"""Gap -> (f, s) of the 90% interval [x / (1 + f), x (1 + s)]."""


@dataclass(frozen=True)
class SpeedCurve:
    """TPOT and TTFT of one replica as functions of its requests in flight, neither of which ever falls.

    Measured levels (perhaps none) are answered exactly; the estimate, passing through them, answers elsewhere.
    """

    levels: tuple[Level, ...]
    tpot: Track
    ttft: Track
    elsewhere: Gap
    """What is not measured where the levels do not answer."""
    tpot_bars: Bars
    ttft_bars: Bars
    proven_concurrency: int
    """Requests in flight that a measured row shows to fit."""
    spread_fraction: float = 0.0
    """How far sources that measured the same level lie from their median, at most."""
    version_spread: float = 0.0
    """Standard deviation of ln TPOT between the software of the levels and what is deployed."""
    lengths_differ: bool = False
    """Whether the levels are of longer requests than those asked."""
    work_out_prompt: Callable[[], float] = field(default=float, compare=False, repr=False)
    """Works out `prompt_ms`, which few ask for."""
    least_evidence: Evidence = "estimated"
    """Worst evidence that may be used: `measured` answers with the next level above, `interpolated` ends at the last.
    """
    _slow: dict[tuple[bool, float], tuple[float, ...]] = field(default_factory=dict, compare=False, repr=False)
    _rates: dict[int, tuple[float, ...]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def prompt_ms(self) -> float:
        """What one request's prompt takes of the replica, whatever waits before it and after it."""
        return self.work_out_prompt()

    @cached_property
    def _counts(self) -> list[int]:
        return [level.concurrency for level in self.levels]

    @property
    def last_measured(self) -> int:
        """Largest measured number of requests in flight, 0 without levels."""
        return self._counts[-1] if self.levels else 0

    @cached_property
    def ttft_measured(self) -> bool:
        """Whether every level states its TTFT."""
        return bool(self.levels) and all(level.ttft_ms is not None for level in self.levels)

    @property
    def estimates_below(self) -> bool:
        """Whether fewer requests than the first level are an estimate of their own, not the first level."""
        return self.tpot.counts[0] < self._counts[0]

    def _level_above(self, concurrency: int) -> int | None:
        """Return the level that stands for a concurrency where the evidence asked allows no estimate."""
        if self.least_evidence == "estimated" or concurrency > self.last_measured:
            return None
        above = self._counts[bisect_left(self._counts, concurrency)]
        return above if self.least_evidence == "measured" or concurrency < self._counts[0] else None

    def tpot_ms(self, concurrency: int) -> float:
        """Return the time per output token: exact at a level."""
        return self.tpot.at(self._level_above(concurrency) or concurrency)

    def ttft_ms(self, concurrency: int) -> float:
        """Return the time to first token, measured where every level of the curve states it."""
        above = self._level_above(concurrency) if self.ttft_measured else None
        return self.ttft.at(above or concurrency)

    def open_ttft_ms(self, concurrency: int, osl_tokens: int, percentile: float | None = None) -> float:
        """Return the time to first token where requests come at random, so many in flight in the mean.

        The unloaded time, the steps of the others, and the wait for prompts that came before. By Little's law so many
        in flight come at a rate of concurrency / time in flight.

        It never falls with concurrency: where more in flight get less done, the highest rate below them counts.

        Args:
            percentile: above 0 and below 1; None: the mean.
        """
        rate_per_s = max(self._rate_per_s(concurrency, osl_tokens), self._highest_rate_below(concurrency, osl_tokens))
        return self._alone_ms(concurrency) + queue_ms(self.prompt_ms, rate_per_s, percentile)

    def slow_open_ttft_ms(self, concurrency: int, osl_tokens: int, percentile: float | None, share: float) -> float:
        """Return the same x (1 + share x half-width of the 90% error bar of a TTFT that nobody measured)."""
        slow = self.ttft_bars[self.elsewhere][1]
        return self.open_ttft_ms(concurrency, osl_tokens, percentile) * (1 + share * slow)

    def _alone_ms(self, concurrency: int) -> float:
        """Return the time to first token with nothing before it but the steps of the others."""
        return UNLOADED_MS + self.prompt_ms + STEPS * self.tpot_ms(concurrency)

    def _rate_per_s(self, concurrency: int, osl_tokens: int) -> float:
        """Return requests/s with so many in flight."""
        return 1000 * concurrency / (self._alone_ms(concurrency) + (osl_tokens - 1) * self.tpot_ms(concurrency))

    def _highest_rate_below(self, concurrency: int, osl_tokens: int) -> float:
        """Return the highest rate at the knots up to a concurrency; between two knots it only rises or only falls."""
        if osl_tokens not in self._rates:
            found = [self._rate_per_s(count, osl_tokens) if count else 0.0 for count in self.tpot.counts]
            self._rates[osl_tokens] = tuple(accumulate(found, max))
        index = bisect_right(self.tpot.counts, concurrency)
        return self._rates[osl_tokens][index - 1] if index else 0.0

    def closed_ttft_ms(self, concurrency: int, percentile: float) -> float:
        """Return a percentile of the time to first token in a load test that keeps so many requests in flight."""
        wait = first_wave_ms(self.prompt_ms, concurrency, percentile)
        return max(self.ttft_ms(concurrency), self._alone_ms(concurrency) + wait)

    def burst_ttft_ms(self, concurrency: int, percentile: float | None = None) -> float:
        """Return the time to first token where so many requests come at once, as a mean or a percentile."""
        return self._alone_ms(concurrency) + burst_ms(self.prompt_ms, concurrency, percentile)

    def gap(self, concurrency: int) -> Gap:
        """Say what was not measured at a number of requests in flight."""
        if not self.levels:
            return self.elsewhere
        if self.lengths_differ:
            return "curve"
        if self._level_above(concurrency) or concurrency in self._counts:
            return "measured"
        return "interior" if self._counts[0] < concurrency < self.last_measured else "edge"

    def evidence(self, concurrency: int) -> Evidence:
        """Say where the TPOT at a concurrency comes from."""
        if not self.levels or concurrency > self.last_measured:
            return "estimated"
        if concurrency in self._counts or self.least_evidence == "measured":
            return "measured"
        below_first = concurrency < self._counts[0] and self.least_evidence == "estimated" and self.estimates_below
        return "estimated" if below_first else "interpolated"

    def _bar(self, concurrency: int, first_token: bool) -> tuple[float, float]:
        """Return how far the 90% error bar reaches on the fast and on the slow side."""
        gap = self.gap(concurrency)
        if first_token:
            return self.ttft_bars["curve" if self.levels and not self.ttft_measured else gap]
        fast, slow = self.tpot_bars[gap]
        if not self.levels:
            return fast, slow
        return self._widened(fast), self._widened(slow)

    def _widened(self, side: float) -> float:
        """Widen one side of a bar by what sources disagree, and by the distance in versions: variances add."""
        own, versions = math.log1p(side), NINETY_PERCENT * self.version_spread
        return math.expm1(math.hypot(own, versions)) + self.spread_fraction

    def _slow_end(self, concurrency: int, share: float, first_token: bool) -> float:
        """Return the slow end of the error bar widened by a share; it never falls with concurrency.

        Fewer requests are never slower than more, so that a narrower bar above bounds a wider one below.
        """
        track, value = (self.ttft, self.ttft_ms) if first_token else (self.tpot, self.tpot_ms)
        key = (first_token, share)
        if key not in self._slow:
            widths = [share * self._bar(count, first_token)[1] for count in track.counts]
            self._slow[key] = track.slowest(widths)
        own = value(concurrency) * (1 + share * self._bar(concurrency, first_token)[1])
        answering = (self._level_above(concurrency) if not first_token or self.ttft_measured else None) or concurrency
        index = bisect_left(track.counts, answering)
        return min(own, self._slow[key][index]) if index < len(track.counts) else own

    def slow_tpot_ms(self, concurrency: int, share: float) -> float:
        """Return TPOT x (1 + share x half-width of its 90% error bar); it never falls with concurrency."""
        return self._slow_end(concurrency, share, False) if share else self.tpot_ms(concurrency)

    def slow_ttft_ms(self, concurrency: int, share: float) -> float:
        """Return TTFT x (1 + share x half-width of its 90% error bar); it never falls with concurrency."""
        return self._slow_end(concurrency, share, True) if share else self.ttft_ms(concurrency)

    def error_fraction(self, concurrency: int) -> float:
        """Return the half-width of the 90% error bar of the TPOT, relative."""
        value = self.tpot_ms(concurrency)
        return self.slow_tpot_ms(concurrency, 1.0) / value - 1 if math.isfinite(value) else 0.0

    def ttft_error_fraction(self, concurrency: int) -> float:
        """Return the half-width of the 90% error bar of the TTFT, relative."""
        value = self.ttft_ms(concurrency)
        return self.slow_ttft_ms(concurrency, 1.0) / value - 1 if math.isfinite(value) else 0.0

    def interval(self, concurrency: int, confidence: float = 0.9) -> tuple[float, float]:
        """Return the ends of the error bar of the TPOT, in milliseconds."""
        share = bar_share(confidence)
        low = self.tpot_ms(concurrency) / (1 + share * self._bar(concurrency, False)[0])
        return low, self.slow_tpot_ms(concurrency, share)

    def ttft_interval(self, concurrency: int, confidence: float = 0.9) -> tuple[float, float]:
        """Return the ends of the error bar of the TTFT, in milliseconds."""
        share = bar_share(confidence)
        low = self.ttft_ms(concurrency) / (1 + share * self._bar(concurrency, True)[0])
        return low, self.slow_ttft_ms(concurrency, share)

    def source_url(self, concurrency: int) -> str | None:
        """Return the source of the level that answers, or None for an estimate without levels."""
        if not self.levels:
            return None
        return self.levels[min(bisect_left(self._counts, concurrency), len(self.levels) - 1)].point.source_url


def bar_share(confidence: float | None) -> float:
    """Return how much of the 90% error bar's half-width to add at a confidence; 0 for None, the middle.

    The bar holds 90% of cases, so that its ends are 1.645 standard deviations out.

    >>> bar_share(None), round(bar_share(0.9), 6), round(bar_share(0.5), 3)
    (0.0, 1.0, 0.41)
    """
    if confidence is None:
        return 0.0
    return NormalDist().inv_cdf((1 + confidence) / 2) / NormalDist().inv_cdf(0.95)


def worse_evidence(one: Evidence, other: Evidence) -> Evidence:
    """Return the worse of two.

    >>> worse_evidence("measured", "estimated")
    'estimated'
    """
    return max(one, other, key=EVIDENCE_ORDER.index)
