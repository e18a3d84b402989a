"""How well speeds are predicted: shipped rows left out of the fit and of the catalog before they are asked for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from optimizer.load import Catalog
from optimizer.throughput.bars import bars_for_strangers
from optimizer.throughput.curve import Bars
from optimizer.throughput.errors import laboratories_of_bulk, of_strangers, scores_of
from optimizer.throughput.gaps import DEFAULT_BARS, bars_of
from optimizer.throughput.left_out import LeftOut, leave_out_all
from optimizer.throughput.physics import Vector

SMALL_CARDS = ("rtx-a5000-24gb", "rtx-a6000-48gb", "l4-24gb", "rtx-4090-24gb")
"""Cards with few rows, which workstations have: a row of their own."""

FEW_IN_FLIGHT = 32
"""Up to here the TTFT of what was never measured is promised anything."""

LONG_OUTPUT = 7000
"""Output tokens from which a row counts among the long contexts."""


@dataclass(frozen=True)
class LeftOutTotals:
    """Errors of the shipped rows left out in one way."""

    kind: str
    group: str
    """All, dense, mixture of experts, an engine, a GPU, a gap, a laboratory or a kind of rows."""
    rows: int
    median_error_fraction: float
    p90_error_fraction: float
    mean_error_fraction: float
    bias_fraction: float
    """exp(median of ln(predicted / measured)) - 1."""
    coverage_fraction: float
    """Rows inside their 90% interval; of a laboratory left out, inside the interval that the others give."""
    mean_log_width: float
    """Mean of ln(high / low) of those intervals."""
    ttft_rows: int
    ttft_median_error_fraction: float | None
    """Of rows with few requests in flight."""
    ttft_within_twice_fraction: float | None


@dataclass(frozen=True)
class Accuracy:
    """Everything that leaving the shipped rows out shows."""

    totals: tuple[LeftOutTotals, ...]
    rows: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Judged:
    """One left-out row, with its interval: logarithms of what the bar allows on either side."""

    row: LeftOut
    fast: float
    slow: float

    @property
    def inside(self) -> bool:
        """Whether the interval holds what was measured."""
        off = -math.log1p(self.row.tpot_error)
        return -self.fast - 1e-9 <= off <= self.slow + 1e-9


def judged_by(bars: Bars, rows: list[LeftOut]) -> list[Judged]:
    """Judge rows by the bars of a catalog."""
    return [Judged(row, *(math.log1p(side) for side in bars[row.gap])) for row in rows]


def judged_by_others(rows: list[LeftOut]) -> list[Judged]:
    """Judge the rows of each laboratory by bars found on the others alone."""
    scores = scores_of(of_strangers(rows))
    bars = {name: bars_for_strangers(scores.without(name)) for name in dict.fromkeys(
        row.sample.traits["laboratory"] for row in rows)}
    return [Judged(row, bar.fast, bar.slow) for row in rows
            if (bar := bars[row.sample.traits["laboratory"]][row.gap])]


def left_out_totals(kind: str, group: str, judged: list[Judged]) -> LeftOutTotals:
    """Sum a group of left-out rows up."""
    rows = [one.row for one in judged]
    sizes: Vector = np.abs([row.tpot_error for row in rows])
    waits = [error for row in rows if row.sample.concurrency <= FEW_IN_FLIGHT and (error := row.ttft_error) is not None]
    return LeftOutTotals(
        kind=kind, group=group, rows=len(rows), median_error_fraction=float(np.median(sizes)),
        p90_error_fraction=float(np.quantile(sizes, 0.9)), mean_error_fraction=float(np.mean(sizes)),
        bias_fraction=math.expm1(float(np.median([math.log1p(row.tpot_error) for row in rows]))),
        coverage_fraction=sum(one.inside for one in judged) / len(judged),
        mean_log_width=float(np.mean([one.fast + one.slow for one in judged])),
        ttft_rows=len(waits), ttft_median_error_fraction=median(map(abs, waits)) if waits else None,
        ttft_within_twice_fraction=sum(0.5 <= 1 + error <= 2 for error in waits) / len(waits) if waits else None)


def is_parallel_over_pcie(row: LeftOut) -> bool:
    """Say whether a row is of tensor parallelism over PCIe."""
    return row.sample.traits["link"] in ("pcie", "host") and row.sample.question.tp_size > 1


Name = Callable[[LeftOut], str | None]

GROUPS: tuple[Name, ...] = (
    lambda row: "all",
    lambda row: "mixture of experts" if row.sample.question.model.experts else "dense",
    lambda row: row.sample.point.engine_id,
    lambda row: row.sample.point.gpu_id,
    lambda row: "A5000, A6000, L4, 4090" if row.sample.point.gpu_id in SMALL_CARDS else None,
)
"""How left-out rows are grouped; None: in no group."""

ALL_BUT_LARGEST = "all but the largest laboratory"
"""Without it little of the catalog is left, so that its rows are asked of another one."""

OF_LABORATORIES: tuple[Name, ...] = (
    *GROUPS,
    lambda row: f"laboratory {row.sample.traits['laboratory']}",
    lambda row: f"gap {row.gap}",
    lambda row: "AMD" if row.sample.question.gpu.vendor == "amd" else None,
    lambda row: "tensor parallel over PCIe" if is_parallel_over_pcie(row) else None,
    lambda row: "8k output" if row.sample.question.osl_tokens >= LONG_OUTPUT else None,
)
"""The same where whole laboratories are left out."""


def grouped_totals(kind: str, judged: list[Judged], names: tuple[Name, ...]) -> list[LeftOutTotals]:
    """Sum left-out rows up in every group."""
    totals = []
    for name in names:
        groups: dict[str, list[Judged]] = defaultdict(list)
        for one in judged:
            if (group := name(one.row)) is not None:
                groups[group].append(one)
        totals += [left_out_totals(kind, group, members) for group, members in groups.items()]
    return totals


def speed_accuracy(catalog: Catalog) -> Accuracy:
    """Leave the measured rows of a catalog out in every way and sum the errors up."""
    left_out = leave_out_all(catalog)
    bars = bars_of(catalog.calibration.tpot_errors if catalog.calibration else {}, DEFAULT_BARS)
    totals: list[LeftOutTotals] = []
    for kind, rows in left_out.items():
        if kind == "laboratory":
            judged, bulk = judged_by_others(rows), laboratories_of_bulk(rows)
            totals += grouped_totals(kind, judged, OF_LABORATORIES)
            rest = [one for one in judged if one.row.sample.traits["laboratory"] not in bulk]
            totals += [left_out_totals(kind, ALL_BUT_LARGEST, rest)] if rest else []
            totals += [replace(one, group=f"{one.group}, {ALL_BUT_LARGEST}") for one in grouped_totals(
                kind, rest, OF_LABORATORIES[-4:])]
        else:
            totals += grouped_totals(kind, judged_by(bars, rows), GROUPS)
    return Accuracy(tuple(totals), tuple(row for rows in left_out.values() for row in rows))


