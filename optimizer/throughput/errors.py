"""How wrong estimates are: errors of rows left out, by what was missing, and the error bars that hold nine in ten."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from optimizer.load import Catalog
from optimizer.schema.calibration import LeftOutErrors
from optimizer.throughput.bars import Bar, Scores, as_fractions, bars_for_strangers
from optimizer.throughput.curve import Gap
from optimizer.throughput.left_out import LeftOut, grouped, leave_out_all
from optimizer.throughput.samples import Sample, curve_key, samples

ROUGH_FROM = ("engine",)
"""Kinds whose rows are answered without a promise."""

NOMINAL = 0.9


def bar_fraction(errors: Iterable[float]) -> float:
    """Return the half-width b of intervals [x / (1 + b), x (1 + b)] that hold nine in ten of rows of the same source.

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
        for row in rows if kind != "laboratory" else ():
            gap = "rough" if kind in ROUGH_FROM else kind
            if row.gap == gap:
                found[gap].append(row)
    return dict(found)


BULK = 0.5
"""A laboratory of more than this share of all rows leaves another catalog behind: its rows say nothing of this one."""


BY_ONE_CURVE: tuple[Gap, ...] = ("measured", "interior", "edge")
"""Gaps that are bridged by one measured curve, whatever else a catalog holds."""


def laboratories_of_bulk(left_out: list[LeftOut]) -> frozenset[str]:
    """Name the laboratories without which little of a catalog is left."""
    counts = Counter(row.sample.traits["laboratory"] for row in left_out)
    return frozenset(name for name, count in counts.items() if count > BULK * len(left_out))


def of_strangers(left_out: list[LeftOut]) -> list[LeftOut]:
    """Return the rows whose errors say what this catalog does not know of a stranger's."""
    bulk = laboratories_of_bulk(left_out)
    return [row for row in left_out
            if row.gap in BY_ONE_CURVE or row.sample.traits["laboratory"] not in bulk] or left_out


def scores_of(left_out: Iterable[LeftOut], first_token: bool = False) -> Scores:
    """Return how far rows lie from what was said of them, their laboratories left out."""
    found = [(row, error) for row in left_out
             if (error := row.ttft_error if first_token else row.tpot_error) is not None]
    return Scores(-np.log1p(np.array([error for _, error in found])), tuple(row.gap for row, _ in found),
                  tuple(row.sample.traits["laboratory"] for row, _ in found))


def with_bars(errors: dict[str, LeftOutErrors | None], scores: Scores) -> dict[str, LeftOutErrors]:
    """Give the errors of each gap the bar that laboratories left out whole say is needed."""
    if not len(scores.logs):
        return {gap: found for gap, found in errors.items() if found}
    bars: dict[str, Bar] = {str(gap): bar for gap, bar in bars_for_strangers(scores).items()}
    whole: dict[str, LeftOutErrors] = {}
    for gap, found in errors.items():
        if found and gap in bars:
            fast, slow = as_fractions(bars[gap])
            whole[gap] = found.model_copy(update={
                "bar_fraction": max(fast, slow), "fast_fraction": fast, "slow_fraction": slow,
                "laboratories": bars[gap].laboratories})
    return whole


def errors_by_gap(
    rows: list[Sample], left_out: dict[str, list[LeftOut]]
) -> tuple[dict[str, LeftOutErrors], dict[str, LeftOutErrors]]:
    """Summarise the errors of TPOT and of TTFT by gap; `measured` is a measurement repeated.

    The errors are those of rows of which others of the same laboratory stayed; the bars are for one never seen.
    """
    tpot = {"measured": summary(repeat_errors(rows))}
    ttft = {"measured": summary(repeat_errors(rows, first_token=True))}
    for gap, found in by_gap(left_out).items():
        tpot[gap] = summary(row.tpot_error for row in found)
        ttft[gap] = summary(error for row in found if (error := row.ttft_error) is not None)
    strangers = of_strangers(left_out.get("laboratory", []))
    return with_bars(tpot, scores_of(strangers)), with_bars(ttft, scores_of(strangers, first_token=True))


def errors_of(catalog: Catalog) -> tuple[dict[str, LeftOutErrors], dict[str, LeftOutErrors]]:
    """Leave the rows of a catalog out in every way, and summarise the errors of TPOT and of TTFT by gap."""
    return errors_by_gap(samples(catalog), leave_out_all(catalog))


def version_error(rows: list[Sample]) -> float:
    """Return the standard deviation of ln TPOT between two versions of an engine, for a root of a year between them.

    Taken over every two curves of one source, replica and lengths that were measured with different software on the
    same level; the median of (ln ratio)^2 / years over 0.455, its value for a normal distribution, so that a few
    regressions do not decide.
    """
    squares = []
    for level in grouped(rows, lambda row: (*curve_key(row.point)[:8], *curve_key(row.point)[9:], row.concurrency)):
        for index, one in enumerate(level):
            squares += [math.log(one.tpot_ms / other.tpot_ms) ** 2 / years for other in level[:index]
                        if (years := abs(one.age_years - other.age_years)) > FEWEST_YEARS]
    return round(math.sqrt(float(np.median(squares)) / MEDIAN_OF_A_SQUARE), 4) if squares else 0.0


FEWEST_YEARS = 0.04
"""Two weeks: runs less far apart are repeats."""

MEDIAN_OF_A_SQUARE = 0.455
"""Median of the square of a standard normal number."""
