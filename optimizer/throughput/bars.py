"""Error bars that hold for a laboratory never seen: found on whole laboratories left out, the fast side by itself.

A laboratory errs in its own way, so that its rows are no independent draws. Each is therefore left out whole, and
counts with the square root of its rows: neither do its rows count as if they were strangers to each other, nor does a
laboratory of three rows count as one of three hundred (conformal prediction with the group as the unit: Dunn,
Wasserman and Ramdas, Distribution-free prediction sets for two-layer hierarchical models, 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.throughput.curve import Gap
from optimizer.throughput.physics import Vector

ORDER: tuple[Gap, ...] = (
    "measured", "interior", "edge", "curve", "configuration", "combination", "gpu", "model", "rough")
"""Gaps, the narrower first: no bar of a wider gap is narrower."""

NOMINAL = 0.9

LEVELS = tuple(level / 200 for level in range(170, 200))
"""Shares of the scores that are tried as the bar's: the least that holds nine in ten of laboratories left out."""

PRIOR_LABORATORIES = 2.0
"""So many laboratories of the mean scale are added to those of each gap, so that one alone does not decide."""


@dataclass(frozen=True)
class Scores:
    """What was said of rows whose laboratory had been left out."""

    logs: Vector
    """ln(measured / said)."""
    gaps: tuple[Gap, ...]
    laboratories: tuple[str, ...]

    def without(self, laboratory: str) -> Scores:
        """Return the scores of the other laboratories."""
        return self.of([index for index, name in enumerate(self.laboratories) if name != laboratory])

    def of(self, chosen: Sequence[int]) -> Scores:
        """Return some of the scores."""
        return Scores(self.logs[list(chosen)], tuple(self.gaps[index] for index in chosen),
                      tuple(self.laboratories[index] for index in chosen))


@dataclass(frozen=True)
class Bar:
    """One gap's bar: logarithms of how far a measurement may lie on either side."""

    fast: float
    slow: float
    laboratories: int


def row_weights(laboratories: Sequence[str]) -> Vector:
    """Return 1 / square root of the rows of each row's laboratory.

    >>> row_weights(["a", "b", "b", "b", "b"]).tolist()
    [1.0, 0.5, 0.5, 0.5, 0.5]
    """
    _, codes, counts = np.unique(np.array(laboratories), return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(counts[codes]))


def weighted_quantile(values: Vector, weights: Vector, share: float) -> float:
    """Return the least value up to which so much of the weight lies.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0]), 0.6)
    2.0
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][min(len(values) - 1, int(np.searchsorted(total, share * total[-1] - 1e-12)))])


def rising(values: Vector, weights: Vector) -> Vector:
    """Return the nearest values that never fall: neighbours out of order share their weighted mean.

    Pool adjacent violators (Barlow, Bartholomew, Bremner and Brunk, 1972).

    >>> rising(np.array([1.0, 4.0, 2.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [1.0, 3.0, 3.0]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (low, w1, n1), (high, w2, n2) = blocks[-2:]
            blocks[-2:] = [((low * w1 + high * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return np.array([value for value, _, count in blocks for _ in range(count)])


def scales_of(scores: Scores) -> dict[Gap, tuple[float, int]]:
    """Return for each gap the mean of |ln error|, laboratories alike but for few of them, and how many there were."""
    sizes, gaps, names = np.abs(scores.logs), np.array(scores.gaps), np.array(scores.laboratories)
    means: dict[Gap, list[float]] = {
        gap: [float(np.mean(sizes[(gaps == gap) & (names == name)])) for name in np.unique(names[gaps == gap])]
        for gap in ORDER}
    everywhere = [mean for found in means.values() for mean in found]
    middle = float(np.mean(everywhere)) if everywhere else 1.0
    counts = np.array([len(means[gap]) for gap in ORDER], dtype=float)
    shrunk = np.array([(sum(means[gap]) + PRIOR_LABORATORIES * middle) / (len(means[gap]) + PRIOR_LABORATORIES)
                       for gap in ORDER])
    risen = rising(shrunk, counts + 0.1)
    return {gap: (float(scale), len(means[gap])) for gap, scale in zip(ORDER, risen, strict=True)}


def bars_at(scores: Scores, level: float) -> dict[Gap, Bar]:
    """Return the bars that leave an equal share of the scores outside on either side.

    The scores of all gaps together, each over the scale of its own, say how far the tails reach.
    """
    scales = scales_of(scores)
    relative = scores.logs / np.array([scales[gap][0] for gap in scores.gaps])
    weights = row_weights(scores.laboratories)
    slow = max(0.0, weighted_quantile(relative, weights, (1 + level) / 2))
    fast = max(0.0, -weighted_quantile(relative, weights, (1 - level) / 2))
    return {gap: Bar(scale * fast, scale * slow, count) for gap, (scale, count) in scales.items()}


def held(scores: Scores, bars: dict[Gap, Bar]) -> npt.NDArray[np.bool_]:
    """Say of each score whether its bar holds it."""
    slow, fast = (np.array([getattr(bars[gap], side) for gap in scores.gaps]) for side in ("slow", "fast"))
    return np.asarray((scores.logs <= slow + 1e-12) & (scores.logs >= -fast - 1e-12))


def held_when_left_out(scores: Scores, level: float) -> npt.NDArray[np.bool_]:
    """Say of each score whether the bars of the other laboratories hold it."""
    found = np.zeros(len(scores.logs), dtype=bool)
    names = np.array(scores.laboratories)
    for name in np.unique(names):
        own = np.flatnonzero(names == name)
        found[own] = held(scores.of(own.tolist()), bars_at(scores.without(str(name)), level))
    return found


def bars_for_strangers(scores: Scores) -> dict[Gap, Bar]:
    """Return the narrowest bars whose like, found without a laboratory, hold nine in ten of its rows.

    Nine in ten of the rows as they are, and nine in ten where each laboratory counts with the root of its rows.
    """
    weights = row_weights(scores.laboratories)
    if len(set(scores.laboratories)) < 2:
        return bars_at(scores, LEVELS[-1])
    for level in LEVELS:
        inside = held_when_left_out(scores, level)
        if min(float(np.mean(inside)), float(np.average(inside, weights=weights))) >= NOMINAL:
            return bars_at(scores, level)
    return bars_at(scores, LEVELS[-1])


def as_fractions(bar: Bar) -> tuple[float, float]:
    """Return the two sides as (f, s) of the interval [x / (1 + f), x (1 + s)], in four digits."""
    return round(math.expm1(bar.fast), 4), round(math.expm1(bar.slow), 4)
