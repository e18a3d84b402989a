"""Repeat, take medians, and compare pair by pair, so that a drifting machine does not decide."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(run: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def median_seconds(run: Callable[[], object], times: int = 7) -> float:
    """Return the median of several calls after one that is not counted."""
    run()
    return statistics.median(seconds(run) for _ in range(times))


def paired(one: Callable[[], object], other: Callable[[], object], times: int = 9) -> tuple[float, float, float]:
    """Run two calls in turn and return (median of one, median of the other, median ratio)."""
    one(), other()  # warm the caches
    pairs = [(seconds(one), seconds(other)) for _ in range(times)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )
