"""What a load test measured at one level, as every reader of a format gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arrival = Literal["closed", "open", "burst", "mixed", "batch"]
"""How requests came: `closed` a fixed number of users, each with one request in flight; `open` at a rate of their own;
`burst` all at once; `mixed` several rates in one figure; `batch` no requests at all, but a synthetic batch."""


CACHED_UNSEEN = 0.02
"""Share of the input that a prefix cache may answer without a word: less than lengths differ among themselves."""


@dataclass(frozen=True, slots=True)
class Latency:
    """One latency over the requests of a level, in milliseconds."""

    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    error_fraction: float | None = None
    """Half-width of the 95% confidence interval of the mean, relative."""

    def times(self, factor: float) -> Latency:
        """Return the same in another unit.

        >>> Latency(mean=0.5, p99=2.0).times(1000).p99
        2000.0
        """
        mean, p50, p90, p99 = (
            None if value is None else value * factor for value in (self.mean, self.p50, self.p90, self.p99))
        return Latency(mean, p50, p90, p99, self.error_fraction)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file says about the set-up; None where it says nothing."""

    model: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    gpu: str | None = None
    gpu_count: int | None = None
    tp_size: int | None = None
    layout: str | None = None
    precision: str | None = None
    kv_precision: str = ""
    day: str | None = None
    """The day it was measured: 2026-11-22."""


@dataclass(frozen=True, slots=True)
class FoundLevel:
    """One level of one file; None where the file says nothing."""

    tool: str
    place: str
    """Where in the file: `benchmarks.2`, `line 3`, or nothing for a file of one level."""
    arrival: Arrival
    users: float | None
    """Requests in flight: those of a closed loop, else the mean that was measured."""
    isl_tokens: float | None
    osl_tokens: float | None
    ttft: Latency
    tpot: Latency
    """First token excluded."""
    output_tokens_per_s: float | None = None
    requests_per_s: float | None = None
    asked_rps: float | None = None
    """Rate at which an open loop was to send."""
    e2e_ms: float | None = None
    """Mean time of a whole response, where the file states it beside TTFT and TPOT."""
    completed: int | None = None
    failed: int = 0
    cancelled: bool = False
    distortion_fraction: float = 0.0
    """By which share the client itself moved the figures, as far as the file says."""
    cached_fraction: float | None = None
    """Share of the input tokens that came from a prefix cache; None where the file does not say."""
    cached_allowed_fraction: float = CACHED_UNSEEN
    """Share that weighs on nothing: less than lengths differ, or the endpoint's own words around every prompt."""
    prefix_cached_fraction: float = 0.0
    """Share of every prompt that was made the same on purpose: a workload of its own."""
    statistic: Literal["mean", "median"] = "mean"
    """What `mean` of the latencies is: files that state only medians have those there."""
    no_row: str | None = None
    """Why the file itself says that it is no level, such as a warm-up; None where it is one."""
    test_id: str | None = None
    """What the tool calls this test: another file of the same test holds the same levels."""
    doubts: tuple[str, ...] = ()
    """Why the figures are trusted less than others."""
    stated: Stated = Stated()
    conversions: tuple[str, ...] = ()
    """What was converted or chosen, in words for the user."""

    @property
    def in_flight_s(self) -> float | None:
        """Return the mean seconds a request is in flight: TTFT + (OSL - 1) x TPOT."""
        if self.ttft.mean is None or self.tpot.mean is None or self.osl_tokens is None:
            return None
        return (self.ttft.mean + (self.osl_tokens - 1) * self.tpot.mean) / 1000
