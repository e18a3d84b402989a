"""Fit the estimate's coefficients on the catalog's own rows, and find its error on rows left out."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.schema.calibration import Calibration, LeftOutErrors, TpotTerms, TtftTerms
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.curve import Question
from optimizer.throughput.estimated import Replica, least_tpot_ms, replica_of, tpot_terms, ttft_terms
from optimizer.throughput.measured import curves_of, monotone_levels

Vector = npt.NDArray[np.float64]
AnyTerms = TypeVar("AnyTerms", TpotTerms, TtftTerms)

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
    return Question(
        model,
        point.precision or "",
        precision,
        gpu,
        point.engine_id,
        engine,
        point.tp_size,
        point.gpu_count,
        point.isl_tokens,
        point.osl_tokens,
    )


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
        combination = (question.model.runs_like, point.gpu_id)
        found.append(Sample(point, replica, terms, point.tpot_ms, question.gpu.memory_kind, combination))
    return found


def non_negative_least_squares(matrix: Vector, target: Vector) -> Vector:
    """Minimise |A w - b| over w >= 0 by the active-set method of Lawson and Hanson (1974), on the normal equations.

    Take in the coefficient whose growth helps most; solve for those taken in; step back to where the first of them
    would turn negative, and drop it.

    >>> non_negative_least_squares(np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([1.0, 3.0])).round(9).tolist()
    [2.0, 0.0]
    """
    scale = np.sqrt(np.maximum(np.sum(matrix * matrix, axis=0), 1e-300))
    gram, moment = (matrix.T @ matrix) / np.outer(scale, scale), (matrix.T @ target) / scale
    weights = np.zeros(len(moment))
    inside = np.zeros(len(moment), dtype=bool)
    for _ in range(10 * len(moment)):
        gain = np.where(inside, -np.inf, moment - gram @ weights)
        if gain.max() <= 1e-12 * max(1.0, float(np.abs(moment).max())):
            break
        inside[int(np.argmax(gain))] = True
        while True:
            free = np.linalg.solve(gram[np.ix_(inside, inside)], moment[inside])
            if free.min() > 0:
                weights[inside] = free
                break
            held = weights[inside]
            sinking = free <= 0
            share = float(np.min(held[sinking] / (held[sinking] - free[sinking])))
            weights[inside] = np.maximum(held + share * (free - held), 0.0)
            inside &= weights > 1e-15
            weights[~inside] = 0.0
            if not inside.any():
                break
    return np.asarray(weights / scale)


@dataclass(frozen=True)
class Rows:
    """Rows to fit, as columns."""

    terms: Vector
    actual: Vector
    groups: npt.NDArray[np.str_]
    """Rows of one group share their coefficients."""
    engines: npt.NDArray[np.str_]
    importance: Vector
    floors: Vector
    """No prediction goes below these."""

    def where(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.terms[chosen],
            self.actual[chosen],
            self.groups[chosen],
            self.engines[chosen],
            self.importance[chosen],
            self.floors[chosen],
        )


@dataclass(frozen=True)
class Fit:
    """Coefficients by group of rows and factors by engine: prediction = factor x coefficients . terms."""

    weights: dict[str, Vector]
    factors: dict[str, float]

    def plain(self, rows: Rows) -> Vector:
        """Predict rows without the engines' factors; a group never seen has the coefficients of the first."""
        first = next(iter(self.weights.values()))
        chosen = np.array([self.weights.get(str(group), first) for group in rows.groups])
        return np.asarray(np.sum(rows.terms * chosen, axis=1))

    def predict(self, rows: Rows) -> Vector:
        """Predict rows; an engine never seen has the worst of the factors."""
        worst = max(self.factors.values())
        factors = np.array([self.factors.get(str(engine), worst) for engine in rows.engines])
        return np.asarray(np.maximum(factors * self.plain(rows), rows.floors))


def fit_relative(rows: Rows) -> Fit:
    """Fit relative errors: coefficients for each group, and one factor for each engine, in turns.

    The coefficients minimise sum (prediction / actual - 1)^2, which leans to the low side; the factors, medians of
    actual over prediction, put the middle of every engine back on 1.
    """
    factors = dict.fromkeys([str(engine) for engine in np.unique(rows.engines)], 1.0)
    weights: dict[str, Vector] = {}
    for _ in range(ROUNDS):
        scale = rows.importance * np.array([factors[str(engine)] for engine in rows.engines]) / rows.actual
        for group in np.unique(rows.groups):
            chosen = rows.groups == group
            matrix = rows.terms[chosen] * scale[chosen, None]
            weights[str(group)] = non_negative_least_squares(matrix, rows.importance[chosen])
        ratios = rows.actual / np.maximum(np.maximum(Fit(weights, factors).plain(rows), rows.floors), 1e-9)
        factors = {engine: float(np.median(ratios[rows.engines == engine])) for engine in factors}
    return Fit(weights, factors)


def tpot_rows(found: list[Sample]) -> Rows:
    """Lay the rows out for the TPOT fit, with coefficients of their own for GDDR and HBM.

    Combinations with many rows count for less than their number (fourth root of it, a compromise).
    """
    counts = Counter(row.combination for row in found)
    return Rows(
        terms=np.array([row.terms for row in found]),
        actual=np.array([row.tpot_ms for row in found]),
        groups=np.array([row.memory_kind for row in found]),
        engines=np.array([row.point.engine_id for row in found]),
        importance=np.array([counts[row.combination] ** -0.25 for row in found]),
        floors=np.array([least_tpot_ms(row.replica, row.point.concurrency or 1) for row in found]),
    )


TTFT_GROUP = "all"
"""TTFT has one set of coefficients: tensor arithmetic, not memory, decides it."""


def ttft_rows(found: list[Sample], tpot_ms: Vector) -> Rows:
    """Lay rows out for the TTFT fit; their steps take what the TPOT fit says, as where nothing is measured."""
    terms = [
        ttft_terms(row.replica, row.point.concurrency or 1, float(tpot))
        for row, tpot in zip(found, tpot_ms, strict=True)
    ]
    return Rows(
        terms=np.array(terms),
        actual=np.array([row.point.ttft_ms for row in found], dtype=float),
        groups=np.array([TTFT_GROUP] * len(found)),
        engines=np.array([row.point.engine_id for row in found]),
        importance=np.ones(len(found)),
        floors=np.zeros(len(found)),
    )


def fit_ttft(rows: Rows) -> Fit:
    """Fit the TTFT, and put the middle engine's factor on 1: only its product with the coefficients matters."""
    fit = fit_relative(rows)
    middle = float(np.median([fit.factors[str(engine)] for engine in rows.engines]))
    return Fit(
        {group: weights * middle for group, weights in fit.weights.items()},
        {engine: factor / middle for engine, factor in fit.factors.items()},
    )


def has_ttft(row: Sample) -> bool:
    """Say whether a row's TTFT may be fitted: in an open loop first tokens wait for arrivals that nobody states."""
    return row.point.ttft_ms is not None and row.point.closed_loop


def summary(errors: Iterable[float]) -> LeftOutErrors:
    """Summarise absolute relative errors."""
    found = np.sort(np.array(list(errors), dtype=float))
    if not len(found):
        return LeftOutErrors(rows=0, median_error_fraction=0.0, p90_error_fraction=0.0)
    return LeftOutErrors(
        rows=len(found),
        median_error_fraction=round(float(np.median(found)), 4),
        p90_error_fraction=round(float(np.quantile(found, 0.9)), 4),
    )


def combination_errors(found: list[Sample]) -> tuple[list[float], list[float]]:
    """Return the errors of TPOT and of TTFT of each row when its model and GPU together are left out of the fits."""
    rows, known = tpot_rows(found), np.array([has_ttft(row) for row in found])
    combinations = np.array([str(row.combination) for row in found])
    tpot_errors: list[float] = []
    ttft_errors: list[float] = []
    for left_out in np.unique(combinations):
        lost = combinations == left_out
        tpot = fit_relative(rows.where(~lost))
        predicted = tpot.predict(rows)
        tpot_errors += list(np.abs(predicted[lost] / rows.actual[lost] - 1))
        if (lost & known).any():
            all_ttft = ttft_rows([row for row in found if has_ttft(row)], predicted[known])
            asked = all_ttft.where(lost[known])
            ttft_errors += list(np.abs(fit_ttft(all_ttft.where(~lost[known])).predict(asked) / asked.actual - 1))
    return tpot_errors, ttft_errors


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
    found = samples(catalog)
    points, rows = [row.point for row in found], tpot_rows(found)
    tpot = fit_relative(rows)
    known = np.array([has_ttft(row) for row in found])
    ttft = fit_ttft(ttft_rows([row for row in found if has_ttft(row)], tpot.predict(rows)[known]))
    tpot_errors, ttft_errors = combination_errors(found)
    return Calibration(
        tpot={kind: _terms(TpotTerms, weights) for kind, weights in sorted(tpot.weights.items())},
        ttft=_terms(TtftTerms, ttft.weights[TTFT_GROUP]),
        engine_factors=_rounded(tpot.factors),
        ttft_engine_factors=_rounded(ttft.factors),
        engines_measured=engines_by_memory_kind(found),
        errors={
            "combination": summary(tpot_errors),
            "interior": summary(interior_errors(points)),
            "repeat": summary(repeat_errors(points)),
            "ttft": summary(ttft_errors),
        },
        rows_fitted=len(found),
        points_sha256=points_digest(points),
    )


def engines_by_memory_kind(rows: list[Sample]) -> dict[str, tuple[str, ...]]:
    """List the engines that were measured on each kind of memory."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        seen[row.replica.question.gpu.memory_kind].add(row.point.engine_id)
    return {kind: tuple(sorted(engines)) for kind, engines in sorted(seen.items())}


def points_digest(points: list[ThroughputPoint]) -> str:
    """Return the hash of the rows that were fitted, by what names them and what was measured."""
    return hashlib.sha256("\n".join(str((point_key(p), p.tpot_ms, p.ttft_ms)) for p in points).encode()).hexdigest()


def _terms(terms: type[AnyTerms], weights: Vector) -> AnyTerms:
    return terms(**{name: round(float(weight), 6) for name, weight in zip(terms.model_fields, weights, strict=True)})


def _rounded(factors: dict[str, float]) -> dict[str, float]:
    return {engine: round(factor, 4) for engine, factor in sorted(factors.items())}
