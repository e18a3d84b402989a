"""Fit the estimate's coefficients on the catalog's own rows, and find its error on rows left out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.schema.calibration import Calibration, LeftOutErrors, TpotTerms, TtftTerms
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.curve import Question
from optimizer.throughput.estimated import Replica, least_tpot_ms, replica_of, tpot_terms, ttft_terms
from optimizer.throughput.measured import group_into_curves, monotone_levels

Vector = npt.NDArray[np.float64]

LARGEST_FOOTPRINT = 8
"""Rows of larger replicas cross nodes, which the terms do not describe."""

ROUNDS = 4
"""Alternations between coefficients and engine factors; the factors change by less than 1% after three."""


@dataclass(frozen=True)
class Sample:
    """One measured row as the fit sees it."""

    point: ThroughputPoint
    replica: Replica
    terms: Vector
    tpot_ms: float
    memory_kind: str
    combination: Hashable
    """Model group and GPU: what is left out together."""


def question_of(catalog: Catalog, point: ThroughputPoint) -> Question | None:
    """Return the question that a row answers, None for rows that lack a fact."""
    model, gpu = catalog.models.get(point.model_id), catalog.gpus.get(point.gpu_id)
    precision, engine = catalog.precisions.get(point.precision or ""), catalog.engines.get(point.engine_id)
    if model is None or gpu is None or precision is None or engine is None or point.tp_size is None:
        return None
    if point.isl_tokens is None or point.osl_tokens is None:
        return None
    return Question(model, point.precision or "", precision, gpu, point.engine_id, engine, point.tp_size, point.gpu_count,
                    point.isl_tokens, point.osl_tokens)


def samples(catalog: Catalog) -> list[Sample]:
    """List the rows that may be fitted: complete curve rows of one node whose requests do not mostly queue."""
    found = []
    for point in sorted(catalog.points, key=lambda point: tuple(str(part) for part in point_key(point))):
        question = question_of(catalog, point)
        if question is None or point.use != "curve" or point.waits or point.gpu_count > LARGEST_FOOTPRINT:
            continue
        if point.concurrency is None or point.tpot_ms is None:
            continue
        replica = replica_of(question)
        terms = np.array(tpot_terms(replica, point.concurrency))
        found.append(Sample(point, replica, terms, point.tpot_ms, question.gpu.memory_kind, (question.model.runs_like, point.gpu_id)))
    return found


def non_negative_least_squares(matrix: Vector, target: Vector, sweeps: int = 2000) -> Vector:
    """Minimise |A w - b| over w >= 0 by cyclic coordinate descent on the normal equations.

    Each coordinate's exact minimiser is max(0, w_j - (G w - h)_j / G_jj) with G = A'A, h = A'b (Franc et al. 2005).
    """
    gram, moment = matrix.T @ matrix, matrix.T @ target
    weights = np.zeros(matrix.shape[1])
    gradient = -moment
    for _ in range(sweeps):
        largest = 0.0
        for j in range(len(weights)):
            if gram[j, j] <= 0:
                continue
            step = max(-weights[j], -gradient[j] / gram[j, j])
            if step:
                weights[j] += step
                gradient += step * gram[:, j]
                largest = max(largest, abs(step) * float(np.sqrt(gram[j, j])))
        if largest < 1e-9 * float(np.sqrt(max(1.0, target @ target))):
            break
    return weights


@dataclass(frozen=True)
class TpotFit:
    """Coefficients by memory kind and factors by engine."""

    weights: dict[str, Vector]
    factors: dict[str, float]

    def predict(self, sample: Sample) -> float:
        """Return the TPOT that the fit gives a row."""
        kind = sample.memory_kind if sample.memory_kind in self.weights else next(iter(self.weights))
        factor = self.factors.get(sample.point.engine_id, max(self.factors.values()))
        fitted = factor * float(self.weights[kind] @ sample.terms)
        return max(fitted, least_tpot_ms(sample.replica, sample.point.concurrency or 1))


def curve_weights(rows: list[Sample]) -> Vector:
    """Weigh rows so that every combination counts alike, whatever its number of rows (square root, a compromise)."""
    counts: dict[Hashable, int] = defaultdict(int)
    for row in rows:
        counts[row.combination] += 1
    return np.array([counts[row.combination] ** -0.25 for row in rows])


def fit_tpot(rows: list[Sample]) -> TpotFit:
    """Fit relative errors: coefficients for GDDR and HBM, and one factor for each engine, in turns."""
    factors = {row.point.engine_id: 1.0 for row in rows}
    weights: dict[str, Vector] = {}
    importance = curve_weights(rows)
    for _ in range(ROUNDS):
        for kind in sorted({row.memory_kind for row in rows}):
            chosen = [i for i, row in enumerate(rows) if row.memory_kind == kind]
            scale = np.array([importance[i] * factors[rows[i].point.engine_id] / rows[i].tpot_ms for i in chosen])
            matrix = np.array([rows[i].terms for i in chosen]) * scale[:, None]
            weights[kind] = non_negative_least_squares(matrix, importance[chosen])
        plain = TpotFit(weights, dict.fromkeys(factors, 1.0))
        ratios: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            ratios[row.point.engine_id].append(row.tpot_ms / max(1e-9, plain.predict(row)))
        factors = {engine: float(np.median(found)) for engine, found in ratios.items()}
    return TpotFit(weights, factors)


def fit_ttft(rows: list[Sample]) -> tuple[TtftTerms, LeftOutErrors]:
    """Fit TTFT; its error is that of the fit itself, as the spread between laboratories exceeds what leaving out adds."""
    known = [row for row in rows if row.point.ttft_ms is not None and row.point.closed_loop]
    terms = np.array([ttft_terms(row.replica, row.point.concurrency or 1) for row in known])
    actual = np.array([row.point.ttft_ms for row in known], dtype=float)
    weights = non_negative_least_squares(terms / actual[:, None], np.ones(len(known)))
    errors = np.abs(terms @ weights / actual - 1)
    return TtftTerms(base_ms=float(weights[0]), prefill=float(weights[1]), queue=float(weights[2])), summary(errors)


def summary(errors: Iterable[float]) -> LeftOutErrors:
    """Summarise absolute relative errors."""
    found = np.sort(np.array(list(errors), dtype=float))
    if not len(found):
        return LeftOutErrors(rows=0, median_error_fraction=0.0, p90_error_fraction=0.0)
    return LeftOutErrors(rows=len(found), median_error_fraction=round(float(np.median(found)), 4),
                         p90_error_fraction=round(float(np.quantile(found, 0.9)), 4))


def combination_errors(rows: list[Sample]) -> list[float]:
    """Return the error of each row when its model and GPU together are left out of the fit."""
    errors = []
    for left_out in sorted({str(row.combination) for row in rows}):
        fit = fit_tpot([row for row in rows if str(row.combination) != left_out])
        errors += [abs(fit.predict(row) / row.tpot_ms - 1) for row in rows if str(row.combination) == left_out]
    return errors


def interior_errors(points: list[ThroughputPoint]) -> list[float]:
    """Return the error of each inner level of a curve when it is interpolated from its neighbours."""
    errors = []
    for ranked in curves_of(points):
        levels = monotone_levels(ranked)
        for below, level, above in zip(levels, levels[1:], levels[2:], strict=False):
            share = (level.concurrency - below.concurrency) / (above.concurrency - below.concurrency)
            guess = below.tpot_ms + share * (above.tpot_ms - below.tpot_ms)
            errors.append(abs(guess / level.tpot_ms - 1))
    return errors


def curves_of(points: list[ThroughputPoint]) -> list[list[ThroughputPoint]]:
    """Group rows into curves of one model, precision, GPU, footprint, engine, version, layout and length shape."""
    by_machine: dict[Hashable, list[tuple[int, ThroughputPoint]]] = defaultdict(list)
    for point in points:
        by_machine[point.precision, point.gpu_id, point.gpu_count, point.tp_size, point.engine_id].append((0, point))
    return [[p for _, p in curve] for group in by_machine.values() for curve in group_into_curves(group).values()]


def repeat_errors(points: list[ThroughputPoint]) -> list[float]:
    """Return the spread of rows that measured the very same level of the same curve again."""
    errors = []
    for curve in curves_of(points):
        by_level: dict[int | None, list[float]] = defaultdict(list)
        for point in curve:
            by_level[point.concurrency].append(point.tpot_ms or 0.0)
        for values in by_level.values():
            if len(values) > 1:
                middle = float(np.median(values))
                errors += [abs(value / middle - 1) for value in values]
    return errors


def calibrate(catalog: Catalog) -> Calibration:
    """Fit everything on the rows of a whole catalog."""
    rows = samples(catalog)
    points = [row.point for row in rows]
    fit = fit_tpot(rows)
    ttft, ttft_errors = fit_ttft(rows)
    names = list(TpotTerms.model_fields)
    return Calibration(
        tpot={kind: TpotTerms(**{name: round(float(w), 6) for name, w in zip(names, weights, strict=True)})
              for kind, weights in sorted(fit.weights.items())},
        ttft=TtftTerms(**{name: round(value, 6) for name, value in ttft.model_dump().items()}),
        engine_factors={engine: round(factor, 4) for engine, factor in sorted(fit.factors.items())},
        errors={"combination": summary(combination_errors(rows)), "interior": summary(interior_errors(points)),
                "repeat": summary(repeat_errors(points)), "ttft": ttft_errors},
        rows_fitted=len(rows),
        points_sha256=hashlib.sha256("\n".join(str((point_key(p), p.tpot_ms, p.ttft_ms)) for p in points).encode()).hexdigest(),
    )
