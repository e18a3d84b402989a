"""How wrong estimates are: errors of rows left out, by what was missing, and the error bars that hold nine in ten."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from optimizer.load import Catalog
from optimizer.schema.calibration import LeftOutErrors
from optimizer.throughput.left_out import LeftOut, grouped, leave_out_all
from optimizer.throughput.samples import Sample, curve_key, samples

ROUGH_FROM = ("engine", "laboratory")
"""Kinds whose rows are answered without a promise."""

NOMINAL = 0.9


def bar_fraction(errors: Iterable[float]) -> float:
    """Return the half-width b of intervals [x / (1 + b), x (1 + b)] that hold nine in ten of rows to come.

    The conformal quantile: the rank ceil(0.9 (n + 1)) of |ln(1 + error)|, the largest where n is below 9 (Vovk,
    Gammerman and Shafer, Algorithmic Learning in a Random World, 2005).

    >>> round(bar_fraction([0.0, 0.1, -0.5]), 9)
    1.0
    """
    logs = np.sort([abs(math.log1p(error)) for error in errors])
    rank = min(len(logs), math.ceil(NOMINAL * (len(logs) + 1)))
    return float(np.expm1(logs[rank - 1]))


def summary(errors: Iterable[float]) -> LeftOutErrors | None:
    """Summarise relative errors; None where there are none."""
    found = list(errors)
    if not found:
        return None
    sizes = np.abs(np.array(found))
    return LeftOutErrors(
        rows=len(found),
        median_error_fraction=round(float(np.median(sizes)), 4),
        p90_error_fraction=round(float(np.quantile(sizes, NOMINAL)), 4),
        bar_fraction=round(bar_fraction(found), 4),
    )


def repeat_errors(rows: list[Sample], first_token: bool = False) -> list[float]:
    """Return how far rows lie from the median of those that measured the very same level of the same curve again."""
    found = []
    for level in grouped(rows, lambda row: (curve_key(row.point), row.concurrency)):
        times = [row.ttft_ms if first_token else row.tpot_ms for row in level]
        stated = [time for time in times if time is not None]
        if len(stated) > 1:
            middle = float(np.median(stated))
            found += [time / middle - 1 for time in stated]
    return found


def by_gap(left_out: dict[str, list[LeftOut]]) -> dict[str, list[LeftOut]]:
    """Sort answers by the gap that they named; each counts once, where that gap was made on purpose."""
    found: dict[str, list[LeftOut]] = defaultdict(list)
    for kind, rows in left_out.items():
        for row in rows:
            gap = "rough" if kind in ROUGH_FROM else kind
            if row.gap == gap:
                found[gap].append(row)
    return dict(found)


def errors_by_gap(
    rows: list[Sample], left_out: dict[str, list[LeftOut]]
) -> tuple[dict[str, LeftOutErrors], dict[str, LeftOutErrors]]:
    """Summarise the errors of TPOT and of TTFT by gap; `measured` is a measurement repeated."""
    tpot = {"measured": summary(repeat_errors(rows))}
    ttft = {"measured": summary(repeat_errors(rows, first_token=True))}
    for gap, found in by_gap(left_out).items():
        tpot[gap] = summary(row.tpot_error for row in found)
        ttft[gap] = summary(error for row in found if (error := row.ttft_error) is not None)
    return ({gap: found for gap, found in tpot.items() if found},
            {gap: found for gap, found in ttft.items() if found})


def errors_of(catalog: Catalog) -> tuple[dict[str, LeftOutErrors], dict[str, LeftOutErrors]]:
    """Leave the rows of a catalog out in every way, and summarise the errors of TPOT and of TTFT by gap."""
    return errors_by_gap(samples(catalog), leave_out_all(catalog))
