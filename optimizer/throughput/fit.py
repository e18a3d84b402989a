"""Fit the estimate on measured rows."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from optimizer.load.catalog import point_key
from optimizer.schema.calibration import TPOT_TERMS, Calibration, FittedTerms
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.kin import formula_at, loads_of, places_of
from optimizer.throughput.physics import Vector, tpot_terms, ttft_terms
from optimizer.throughput.posterior import Numbers, Prior, Rows, as_terms, columns_of, posterior_mode
from optimizer.throughput.priors import TPOT_PRIOR, TTFT_PRIOR
from optimizer.throughput.relatives import Relatives
from optimizer.throughput.samples import Sample

Whiteners = tuple[tuple[Numbers, Vector], ...]

NOTHING = FittedTerms(coefficients=dict.fromkeys(TTFT_PRIOR.coefficients, 0.0))
"""Before anything is fitted."""



@dataclass(frozen=True)
class Start:
    """Where an earlier fit ended, and what it worked out on the way: a fit of fewer rows starts there."""

    parameters: dict[tuple[str, str], float] = field(default_factory=dict)
    """(`term by trait` or trait, value) -> parameter; coefficients under (`term`, "")."""
    factors: dict[tuple[int, ...], Vector] = field(default_factory=dict)
    """Rows of one model -> inverse Cholesky factor of their covariance."""


def whiteners(prior: Prior, rows: list[Sample], known: dict[tuple[int, ...], Vector]) -> Whiteners:
    """Return for the rows of each model their positions and the inverse Cholesky factor of their covariance."""
    by_model: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_model[row.question.model.runs_like].append(index)
    found = []
    for positions in by_model.values():
        chosen = [rows[index] for index in positions]
        key = tuple(id(row) for row in chosen)
        factor = known.get(key)
        if factor is None:
            covariance = Relatives(NOTHING, prior.kinship, places_of(prior.kinship, chosen)).covariance()
            factor = np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))
            known[key] = factor
        found.append((np.array(positions), factor))
    return tuple(found)


def fit_terms(
    prior: Prior, rows: list[Sample], terms: Vector, actual_ms: Iterable[float], start: Start
) -> tuple[FittedTerms, Start]:
    """Fit one quantity, from where an earlier fit of mostly the same rows ended."""
    traits = tuple(row.traits for row in rows)
    factors = dict(start.factors)
    ages = np.array([row.age_years for row in rows])
    laid = Rows(terms, np.log(np.array(list(actual_ms))), traits, whiteners(prior, rows, factors), ages)
    columns = columns_of(prior, traits, ages)
    names = [(name, "") for name in prior.coefficients] + [(column.name, column.value) for column in columns]
    guesses = [np.log(median) for median, _ in prior.coefficients.values()] + [0.0] * len(columns)
    before = np.array([start.parameters.get(name, guess) for name, guess in zip(names, guesses, strict=True)])
    parameters = posterior_mode(prior, laid, columns, before if start.parameters else None)
    end = Start(dict(zip(names, parameters.tolist(), strict=True)), factors)
    return as_terms(prior, columns, parameters), end


Starts = tuple[Start, Start]
"""Of TPOT and TTFT."""

COLD: Starts = (Start(), Start())


def fit(rows: list[Sample], starts: Starts = COLD) -> tuple[Calibration, Starts]:
    """Fit TPOT and TTFT, errors left out; the TTFT takes the steps that the TPOT's formula gives."""
    loads, counts = loads_of(rows)
    times = (row.tpot_ms for row in rows)
    tpot, tpot_end = fit_terms(TPOT_PRIOR, rows, tpot_terms(loads, counts)[:, :, 0], times, starts[0])
    found = Calibration(
        tpot=tpot,
        ttft=NOTHING,
        tpot_errors={},
        ttft_errors={},
        rows_by_gpu=dict(sorted(Counter(row.point.gpu_id for row in rows).items())),
        engines_measured=engines_by_memory_kind(rows),
        rows_fitted=len(rows),
        points_sha256=points_digest([row.point for row in rows]),
    )
    stated = [row for row in rows if row.ttft_ms is not None]
    if not stated:
        return found, (tpot_end, starts[1])
    loads, counts = loads_of(stated)
    steps = formula_at(tpot, TPOT_TERMS, found, stated, tpot_terms(loads, counts))
    terms = ttft_terms(loads, counts, steps[:, None])[:, :, 0]
    waits = (row.ttft_ms or 0.0 for row in stated)
    ttft, ttft_end = fit_terms(TTFT_PRIOR, stated, terms, waits, starts[1])
    return found.model_copy(update={"ttft": ttft}), (tpot_end, ttft_end)


def engines_by_memory_kind(rows: list[Sample]) -> dict[str, tuple[str, ...]]:
    """List the engines that were measured on each kind of memory."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        seen[row.traits["memory"]].add(row.point.engine_id)
    return {kind: tuple(sorted(engines)) for kind, engines in sorted(seen.items())}


def points_digest(points: list[ThroughputPoint]) -> str:
    """Return the hash of the rows that were fitted, by what names them and what was measured."""
    return hashlib.sha256("\n".join(str((point_key(p), p.tpot_ms, p.ttft_ms)) for p in points).encode()).hexdigest()

