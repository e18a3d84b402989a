"""How well speeds are predicted: shipped rows left out, and rows that the catalog does not have."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from optimizer.load import Catalog
from optimizer.load.measurements import Refused, read_measurements
from optimizer.schema.base import Evidence
from optimizer.schema.measurement import Measurement
from optimizer.throughput import speed_curve
from optimizer.throughput.curve import Gap, SpeedCurve
from optimizer.throughput.gaps import DEFAULT_BARS, bars_of
from optimizer.throughput.left_out import LeftOut, leave_out_all
from optimizer.throughput.names import UnknownNameError, question_named

SMALL_CARDS = ("rtx-a5000-24gb", "rtx-a6000-48gb", "l4-24gb", "rtx-4090-24gb")
"""Cards with few rows, which workstations have: a row of their own."""

FEW_IN_FLIGHT = 32
"""Up to here the TTFT of what was never measured is promised anything."""


@dataclass(frozen=True)
class Predicted:
    """One measured row with what was said about it, in milliseconds."""

    line: int
    model_id: str
    precision: str
    gpu_id: str
    tp_size: int
    engine_id: str
    isl_tokens: int
    osl_tokens: int
    concurrency: int
    measured: float
    """TPOT."""
    predicted: float
    """TPOT."""
    evidence: Evidence
    gap: Gap
    low: float
    high: float
    measured_ttft_ms: float | None
    predicted_ttft_ms: float

    @property
    def error_fraction(self) -> float:
        """Relative error of the TPOT, positive where the prediction is slower."""
        return self.predicted / self.measured - 1

    @property
    def inside(self) -> bool:
        """Whether the interval holds the measurement."""
        return self.low <= self.measured <= self.high


@dataclass(frozen=True)
class Totals:
    """Errors of one group of rows."""

    group: str
    rows: int
    median_error_fraction: float
    p90_error_fraction: float
    coverage_fraction: float | None
    """Rows that their 90% interval holds."""


@dataclass(frozen=True)
class AgainstRows:
    """Predictions against rows that the catalog does not have."""

    file: str
    rows: tuple[Predicted, ...]
    refused: tuple[Refused, ...]
    totals: tuple[Totals, ...]
    """All, then by gap, engine and GPU."""


def totals_of(group: str, errors: Iterable[float], inside: Iterable[bool]) -> Totals:
    """Sum a group up."""
    sizes, held = np.abs(np.array(list(errors))), list(inside)
    return Totals(group, len(sizes), float(np.median(sizes)), float(np.quantile(sizes, 0.9)),
                  sum(held) / len(held) if held else None)


def rough_where_unknown(curve: SpeedCurve, known: bool) -> SpeedCurve:
    """Return a curve that promises nothing where the laboratory was never seen."""
    if known:
        return curve
    rough = dict.fromkeys(curve.tpot_bars, curve.tpot_bars["rough"])
    return SpeedCurve(curve.levels, curve.tpot, curve.ttft, "rough", rough, curve.ttft_bars, curve.proven_concurrency)


def predicted_row(catalog: Catalog, line: int, row: Measurement, laboratories: frozenset[str]) -> Predicted:
    """Predict one row.

    Raises:
        UnknownNameError: a name is not in the catalog.
        ValueError: no speed is stated, or none can be said.
    """
    tpot = row.tpot_ms or (1000 / row.tokens_per_s_per_user if row.tokens_per_s_per_user else None)
    if tpot is None:
        raise ValueError("tpot_ms and tokens_per_s_per_user: found nothing; allowed: a number in one of them")
    tp_size = row.tensor_parallel or row.gpu_count or 1
    isl, osl = (max(1, round(tokens)) for tokens in (row.input_tokens, row.output_tokens))
    gpu_count = max(row.gpu_count or tp_size, tp_size)
    asked = question_named(
        catalog, row.model, row.gpu, row.engine, row.precision, tp_size, gpu_count, isl, osl)
    curve = speed_curve(catalog, asked)
    if curve is None:
        raise ValueError("nothing is known of this replica: no measured row, and no calibration")
    known = not row.source_id or row.source_id in laboratories
    curve, at = rough_where_unknown(curve, known), row.concurrency
    low, high = curve.interval(at)
    return Predicted(
        line=line, model_id=asked.model.runs_like, precision=asked.precision_id, gpu_id=asked.gpu.gpu_id,
        tp_size=tp_size, engine_id=asked.engine_id, isl_tokens=asked.isl_tokens, osl_tokens=asked.osl_tokens,
        concurrency=at, measured=tpot, predicted=curve.tpot_ms(at), evidence=curve.evidence(at),
        gap=curve.gap(at) if known else "rough", low=low, high=high, measured_ttft_ms=row.ttft_ms,
        predicted_ttft_ms=curve.ttft_ms(at))


def speed_against(catalog: Catalog, path: Path) -> AgainstRows:
    """Predict the rows of a file; a row that cannot be compared is refused with its reason.

    Raises:
        InputError: the file cannot be read as a whole.
    """
    rows, refused = read_measurements(path)
    laboratories = frozenset(point.source_id for point in catalog.points)
    found: list[Predicted] = []
    for line, row in rows:
        try:
            found.append(predicted_row(catalog, line, row, laboratories))
        except (UnknownNameError, ValueError) as error:
            refused.append(Refused(line, str(error)))
    return AgainstRows(str(path), tuple(found), tuple(sorted(refused, key=lambda one: one.line)), _totals(found))


def _totals(rows: list[Predicted]) -> tuple[Totals, ...]:
    groups: dict[str, list[Predicted]] = defaultdict(list)
    for name in (lambda row: "all", lambda row: f"gap {row.gap}", lambda row: row.engine_id, lambda row: row.gpu_id):
        for row in rows:
            groups[name(row)].append(row)
    return tuple(totals_of(group, (row.error_fraction for row in members), (row.inside for row in members))
                 for group, members in groups.items())


@dataclass(frozen=True)
class LeftOutTotals:
    """Errors of the shipped rows left out in one way."""

    kind: str
    group: str
    """All, dense, mixture of experts, an engine, a GPU or the small cards."""
    rows: int
    median_error_fraction: float
    p90_error_fraction: float
    mean_error_fraction: float
    coverage_fraction: float | None
    ttft_rows: int
    ttft_median_error_fraction: float | None
    """Of rows with few requests in flight."""
    ttft_within_twice_fraction: float | None


@dataclass(frozen=True)
class Accuracy:
    """Everything that leaving the shipped rows out shows."""

    totals: tuple[LeftOutTotals, ...]
    rows: tuple[LeftOut, ...]


def inside(row: LeftOut, bar: float) -> bool:
    """Say whether the interval [x / (1 + b), x (1 + b)] holds what was measured."""
    return abs(math.log1p(row.tpot_error)) <= math.log1p(bar) * (1 + 1e-9)


def left_out_totals(kind: str, group: str, rows: list[LeftOut], bars: dict[str, float]) -> LeftOutTotals:
    """Sum a group of left-out rows up."""
    sizes = np.abs([row.tpot_error for row in rows])
    waits = [error for row in rows if row.sample.concurrency <= FEW_IN_FLIGHT and (error := row.ttft_error) is not None]
    return LeftOutTotals(
        kind=kind, group=group, rows=len(rows), median_error_fraction=float(np.median(sizes)),
        p90_error_fraction=float(np.quantile(sizes, 0.9)), mean_error_fraction=float(np.mean(sizes)),
        coverage_fraction=sum(inside(row, bars[row.gap]) for row in rows) / len(rows),
        ttft_rows=len(waits), ttft_median_error_fraction=median(map(abs, waits)) if waits else None,
        ttft_within_twice_fraction=sum(0.5 <= 1 + error <= 2 for error in waits) / len(waits) if waits else None)


GROUPS: tuple[Callable[[LeftOut], str | None], ...] = (
    lambda row: "all",
    lambda row: "mixture of experts" if row.sample.question.model.experts else "dense",
    lambda row: row.sample.point.engine_id,
    lambda row: row.sample.point.gpu_id,
    lambda row: "A5000, A6000, L4, 4090" if row.sample.point.gpu_id in SMALL_CARDS else None,
)
"""How left-out rows are grouped; None: in no group."""


def speed_accuracy(catalog: Catalog) -> Accuracy:
    """Leave the measured rows of a catalog out in every way and sum the errors up."""
    left_out = leave_out_all(catalog)
    bars = bars_of(catalog.calibration.tpot_errors if catalog.calibration else {}, DEFAULT_BARS)
    totals = []
    for kind, rows in left_out.items():
        for name in GROUPS:
            groups: dict[str, list[LeftOut]] = defaultdict(list)
            for row in rows:
                if (group := name(row)) is not None:
                    groups[group].append(row)
            totals += [left_out_totals(kind, group, members, bars) for group, members in groups.items()]
    return Accuracy(tuple(totals), tuple(row for rows in left_out.values() for row in rows))


