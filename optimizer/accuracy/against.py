"""Predictions held against measured rows that the catalog does not have."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from optimizer.load import Catalog
from optimizer.load.importers.gpu_names import GpuNames, read_gpu_names
from optimizer.load.measurements import Refused, read_measurements
from optimizer.schema.base import Evidence
from optimizer.schema.layout import ReplicaLayout
from optimizer.schema.measurement import Measurement
from optimizer.throughput import Question, speed_curve
from optimizer.throughput.curve import Gap
from optimizer.throughput.dates import year_of
from optimizer.throughput.names import UnknownNameError, question_named
from optimizer.throughput.samples import dates_in

VERSION, DAY = re.compile(r"[0-9]+(\.[0-9]+)+[a-z0-9.]*"), re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")
"""A version within an engine's version or image, and a day, month or year."""

LEVELS = (1, 8, 32, 64, 256)
"""Requests in flight at which the groups by level end."""

NOT_PREDICTED = ("speculative", "disaggregated", "ceiling", "check")
"""Uses of rows of which no plain prediction is made."""


@dataclass(frozen=True)
class Predicted:
    """One measured row with what was said about it, in milliseconds."""

    line: int
    source_id: str
    model_id: str
    precision: str
    gpu_id: str
    layout: str
    engine_id: str
    engine_version: str
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

    @property
    def log_width(self) -> float:
        """Width of the interval: ln(high / low)."""
        return math.log(self.high / self.low)


@dataclass(frozen=True)
class Totals:
    """Errors of one group of rows."""

    by: str
    """What the rows are grouped by: all, gap, source, GPU, engine or level."""
    group: str
    rows: int
    median_error_fraction: float
    mean_error_fraction: float
    p90_error_fraction: float
    bias_fraction: float
    """exp(median of ln(predicted / measured)) - 1: above 0 where predictions are slower."""
    coverage_fraction: float
    """Rows that their 90% interval holds."""
    mean_log_width: float


@dataclass(frozen=True)
class AgainstRows:
    """Predictions against rows that the catalog does not have."""

    file: str
    rows: tuple[Predicted, ...]
    refused: tuple[Refused, ...]
    ignored: tuple[str, ...]
    """Columns that a comparison has no use for."""
    totals: tuple[Totals, ...]
    """All, then by gap, source, GPU, engine and level."""


def level_of(concurrency: int) -> str:
    """Name the span of requests in flight that a number falls in.

    >>> level_of(1), level_of(9), level_of(1000)
    ('1', '9 to 32', 'over 256')
    """
    if concurrency <= 1:
        return "1"
    for low, high in pairwise(LEVELS):
        if concurrency <= high:
            return f"{low + 1} to {high}"
    return f"over {LEVELS[-1]}"


def layout_of(row: Measurement) -> ReplicaLayout:
    """Return how a row's replica spreads over its GPUs, from the word or from the sizes.

    Where the tensor-parallel ranks attend each to its own requests, they count as data parallel. GPUs beyond the sizes
    that are stated are taken for pipelines; where no size is stated all GPUs are one tensor-parallel group.

    Raises:
        ValueError: the word is no layout, or the sizes do not multiply to the GPUs.
    """
    if row.layout:
        return ReplicaLayout.parse(row.layout)
    tp, pp, dp = row.tensor_parallel, row.pipeline_parallel or 1, row.data_parallel or 1
    if tp is None:
        tp = max(1, (row.gpu_count or 1) // (pp * dp))
    if row.attention_data_parallel and dp == 1:
        tp, dp = 1, tp
    gpus = row.gpu_count or tp * pp * dp
    if gpus < tp * pp * dp:
        gpus = tp * pp * dp
    if row.pipeline_parallel is None and gpus % (tp * dp) == 0:
        pp = gpus // (tp * dp)
    if tp * pp * dp != gpus:
        raise ValueError(f"gpu_count: found {gpus} beside tensor, pipeline and data parallel {tp} x {pp} x {dp}")
    return ReplicaLayout(tp, pp, dp, row.expert_parallel or 1)


def question_of(catalog: Catalog, names: GpuNames, row: Measurement) -> Question:
    """Put the question that a row answers, its names as people write them.

    Raises:
        UnknownNameError: a name is not in the catalog.
        ValueError: its layout or lengths make no sense.
    """
    layout = layout_of(row)
    gpu, _ = names.find(row.gpu, "", "", None)
    precision = row.precision
    if row.kv_precision.lower().startswith("fp8") and f"{precision}-kv8" in catalog.precisions:
        precision = f"{precision}-kv8"
    isl, osl = (max(1, round(tokens)) for tokens in (row.input_tokens, row.output_tokens))
    asked = question_named(catalog, row.model, gpu or row.gpu, row.engine, precision, layout.tp_size,
                           layout.gpu_count, isl, osl, layout)
    known = any(point.source_id == row.source_id for point in catalog.points)
    laboratory = catalog.laboratory(row.source_id) if known or row.source_id in catalog.sources else ""
    return replace(asked, age_years=age_of(catalog, asked.engine_id, row), laboratory=laboratory)


def age_of(catalog: Catalog, engine_id: str, row: Measurement) -> float:
    """Return how much older a row's software is than what is deployed, in years; 0 where nobody says how old it is."""
    releases, deployed = dates_in(catalog)
    versions = releases.get(engine_id, {})
    stated = VERSION.search(row.engine_version)
    year = versions.get(stated.group()) if stated else None
    if year is None and DAY.fullmatch(row.measured_on):
        year = year_of(row.measured_on)
    return round(deployed.get(engine_id, year) - year, 4) if year is not None else 0.0


def predicted_row(catalog: Catalog, names: GpuNames, line: int, row: Measurement) -> Predicted:
    """Predict one row.

    Raises:
        UnknownNameError: a name is not in the catalog.
        ValueError: no speed is stated, none can be said, or the row is of a kind that is not predicted.
    """
    if row.use in NOT_PREDICTED or row.disaggregated or row.speculative.lower() not in ("", "none", "false", "0"):
        raise ValueError(f"a row of use {row.use or 'speculative or disaggregated'}: no plain prediction is made of it")
    tpot = row.tpot_ms or (1000 / row.tokens_per_s_per_user if row.tokens_per_s_per_user else None)
    if tpot is None:
        raise ValueError("tpot_ms and tokens_per_s_per_user: found nothing; allowed: a number in one of them")
    asked = question_of(catalog, names, row)
    curve = speed_curve(catalog, asked)
    if curve is None:
        raise ValueError("nothing is known of this replica: no measured row, and no calibration")
    at = max(1, round(row.concurrency))
    low, high = curve.interval(at)
    return Predicted(
        line=line, source_id=row.source_id, model_id=asked.model.runs_like, precision=asked.precision_id,
        gpu_id=asked.gpu.gpu_id, layout=asked.layout.name, engine_id=asked.engine_id,
        engine_version=row.engine_version, isl_tokens=asked.isl_tokens, osl_tokens=asked.osl_tokens, concurrency=at,
        measured=tpot, predicted=curve.tpot_ms(at), evidence=curve.evidence(at), gap=curve.gap(at), low=low, high=high,
        measured_ttft_ms=row.ttft_ms, predicted_ttft_ms=curve.ttft_ms(at))


def speed_against(catalog: Catalog, path: Path) -> AgainstRows:
    """Predict the rows of a file; a row that cannot be compared is refused with its reason.

    Raises:
        InputError: the file cannot be read as a whole.
    """
    read, names = read_measurements(path), read_gpu_names(catalog.gpus)
    refused, found = list(read.refused), list[Predicted]()
    for line, row in read.rows:
        try:
            found.append(predicted_row(catalog, names, line, row))
        except (UnknownNameError, ValueError) as error:
            refused.append(Refused(line, str(error)))
    ordered = tuple(sorted(refused, key=lambda one: one.line))
    return AgainstRows(str(path), tuple(found), ordered, read.ignored, totals_of(found))


GROUPS: tuple[tuple[str, Callable[[Predicted], str]], ...] = (
    ("all", lambda row: "all"), ("gap", lambda row: row.gap), ("source", lambda row: row.source_id or "not stated"),
    ("GPU", lambda row: row.gpu_id), ("engine", lambda row: row.engine_id),
    ("level", lambda row: level_of(row.concurrency)),
)


def totals_of(rows: Iterable[Predicted]) -> tuple[Totals, ...]:
    """Sum rows up: all, then by gap, source, GPU, engine and level."""
    listed, found = list(rows), list[Totals]()
    for by, name in GROUPS:
        groups: dict[str, list[Predicted]] = defaultdict(list)
        for row in listed:
            groups[name(row)].append(row)
        found += [_totals(by, group, members) for group, members in groups.items()]
    return tuple(found)


def _totals(by: str, group: str, rows: list[Predicted]) -> Totals:
    sizes = np.abs([row.error_fraction for row in rows])
    return Totals(
        by=by, group=group, rows=len(rows), median_error_fraction=float(np.median(sizes)),
        mean_error_fraction=float(np.mean(sizes)), p90_error_fraction=float(np.quantile(sizes, 0.9)),
        bias_fraction=math.expm1(float(np.median([math.log1p(row.error_fraction) for row in rows]))),
        coverage_fraction=sum(row.inside for row in rows) / len(rows),
        mean_log_width=float(np.mean([row.log_width for row in rows])))
