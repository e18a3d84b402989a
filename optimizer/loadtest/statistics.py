"""Means with honest intervals, from the values of single requests and from repeated runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev

from optimizer.loadtest.level import Latency

NORMAL_95 = 1.959964
"""Standard deviations on either side that hold 95% of a normal distribution."""

STUDENT_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""The same of Student's t by degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2)."""

FEWEST_FOR_P99 = 100
"""Below so many requests the 99th percentile is one or two of them."""

STRONGEST_CORRELATION = 0.95
"""Neighbouring requests are not taken to be more alike than this, so that no interval is endless."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return a percentile of sorted values, linear between two of them.

    >>> percentile([1.0, 2.0, 3.0], 0.5), percentile([1.0, 2.0], 0.9)
    (2.0, 1.9)
    """
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def neighbour_correlation(values: Sequence[float]) -> float:
    """Return the correlation of each value with the next, 0 where there is none: requests in flight together are alike.

    >>> neighbour_correlation([1.0, 2.0, 1.0, 2.0]) < 0, neighbour_correlation([3.0, 3.0])
    (True, 0.0)
    """
    middle = fmean(values)
    spread = sum((value - middle) ** 2 for value in values)
    if not spread:
        return 0.0
    return sum((a - middle) * (b - middle) for a, b in pairwise(values)) / spread


def student_95(freedom: int) -> float:
    """Return how many standard deviations on either side hold 95% of Student's t distribution.

    From ten degrees of freedom on by the expansion of Abramowitz and Stegun 26.7.5, exact to three digits there:
    t = z + (z^3 + z) / 4f + (5z^5 + 16z^3 + 3z) / 96f^2 + (3z^7 + 19z^5 + 17z^3 - 15z) / 384f^3.

    >>> student_95(2), [round(student_95(freedom), 3) for freedom in (10, 30, 100)]
    (4.303, [2.228, 2.042, 1.984])
    """
    if freedom in STUDENT_95:
        return STUDENT_95[freedom]
    z, f = NORMAL_95, max(1, freedom)
    first, second = (z**3 + z) / (4 * f), (5 * z**5 + 16 * z**3 + 3 * z) / (96 * f**2)
    return z + first + second + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * f**3)


def half_width(values: Sequence[float]) -> float | None:
    """Return the half-width of the 95% interval of the mean of values in time order; None for fewer than two.

    Values that resemble their neighbours count for n (1 - r) / (1 + r) of them.
    """
    if len(values) < 2:
        return None
    likeness = min(max(neighbour_correlation(values), 0.0), STRONGEST_CORRELATION)
    effective = max(2.0, len(values) * (1 - likeness) / (1 + likeness))
    return student_95(max(1, round(effective) - 1)) * stdev(values) / math.sqrt(effective)


def summary(values: Sequence[float]) -> Latency:
    """Summarise values in time order: mean with its interval, p50, p90, and p99 from 100 values on."""
    if not values:
        return Latency()
    ordered, mean, width = sorted(values), fmean(values), half_width(values)
    p99 = percentile(ordered, 0.99) if len(values) >= FEWEST_FOR_P99 else None
    error = width / mean if width is not None and mean else None
    return Latency(mean, percentile(ordered, 0.5), percentile(ordered, 0.9), p99, error)


def over_runs(runs: Sequence[Latency]) -> Latency:
    """Join the runs of one level: means of their figures, and an interval that holds the spread between runs.

    Two runs: the wider of the pooled interval and half their distance; more: Student's t over the runs' means.
    """
    if len(runs) == 1:
        return runs[0]
    means = [run.mean for run in runs if run.mean is not None]
    if len(means) < len(runs):
        return Latency()
    mean = fmean(means)
    pooled = math.sqrt(sum((run.error_fraction or 0.0) ** 2 for run in runs)) / len(runs)
    if len(runs) == 2:
        between = abs(means[0] - means[1]) / 2 / mean if mean else 0.0
    else:
        freedom = len(runs) - 1
        between = student_95(freedom) * stdev(means) / math.sqrt(len(runs)) / mean if mean else 0.0
    p50, p90, p99 = (_mean_of(runs, name) for name in ("p50", "p90", "p99"))
    return Latency(mean, p50, p90, p99, max(pooled, between))


def _mean_of(runs: Sequence[Latency], name: str) -> float | None:
    values = [getattr(run, name) for run in runs]
    return None if any(value is None for value in values) else fmean(values)
