"""The measured rows of each model in a catalog, ready to correct estimates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimizer.load import Catalog
from optimizer.schema.calibration import TPOT_TERMS, TTFT_TERMS, Calibration, FittedTerms, Kinship, KinWeights
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.fitted import effect, term_weights
from optimizer.throughput.gaps import Known, known_of
from optimizer.throughput.physics import Loads, Vector, tpot_terms, ttft_terms
from optimizer.throughput.relatives import Places, Relatives, length_columns
from optimizer.throughput.samples import Sample, curve_numbers, samples


def loads_of(rows: list[Sample]) -> tuple[Loads, Vector]:
    """Lay rows out as columns: replicas with their requests, and requests in flight."""
    loads = Loads.of([row.replica for row in rows], [row.question.isl_tokens for row in rows],
                     [row.question.osl_tokens for row in rows], [row.whole for row in rows])
    return loads, np.array([[row.concurrency] for row in rows], dtype=float)


def formula_at(
    fitted: FittedTerms, names: tuple[str, ...], calibration: Calibration, rows: list[Sample], terms: Vector
) -> Vector:
    """Return the formula's value of each row, without what relatives add."""
    weights = np.array([term_weights(fitted, names, row.traits) for row in rows]).T
    here = [calibration.engines_measured.get(row.traits["memory"], ()) for row in rows]
    effects = [effect(fitted, row.traits, engines, row.age_years) for row, engines in zip(rows, here, strict=True)]
    return np.asarray(np.sum(weights * terms[:, :, 0], axis=0) * np.exp(np.array(effects)))


def places_of(kinship: Kinship, rows: list[Sample]) -> Places:
    """Lay rows out for their covariance."""
    questions = [row.question for row in rows]
    return Places(
        traits=tuple(row.traits for row in rows),
        lengths=length_columns((q.isl_tokens for q in questions), (q.osl_tokens for q in questions),
                               (max(q.tp_size, q.gpu_count) for q in questions),
                               kinship.years * np.array([row.age_years for row in rows])),
        ln_counts=np.log(np.array([row.concurrency for row in rows], dtype=float)),
        curves=np.array(curve_numbers(rows)),
        noise=np.array([kinship.noise_of.get(row.point.source_id, kinship.noise) for row in rows]),
    )


@dataclass(frozen=True)
class Corrector:
    """What one model's rows say about one quantity."""

    relatives: Relatives
    deviations_of_rows: Vector
    weights: Vector


def corrector_of(
    fitted: FittedTerms, rows: list[Sample], actual: list[float], estimate: Vector, known: KinWeights | None = None
) -> Corrector | None:
    """Weigh rows by how far they lie from the estimate; None without rows or without a kinship.

    Args:
        known: weights solved before, taken where they are of the very same rows.
    """
    if fitted.kinship is None or not rows:
        return None
    relatives = Relatives(fitted, fitted.kinship, places_of(fitted.kinship, rows))
    deviations = np.log(np.array(actual) / estimate)
    if known is not None and known.rows_sha256 == relatives.digest(deviations):
        return Corrector(relatives, deviations, np.array(known.weights.split(), dtype=float))
    return Corrector(relatives, deviations, relatives.weigh(deviations))


@dataclass(frozen=True)
class Kin:
    """The fitted rows of one model, and what was measured by them."""

    rows: list[Sample]
    known: Known
    tpot: Corrector | None
    ttft: Corrector | None


def kin_of(
    calibration: Calibration, rows: list[Sample], tpot: KinWeights | None = None, ttft: KinWeights | None = None
) -> Kin:
    """Prepare the rows of one model, with weights solved before where there are."""
    if not rows:
        return Kin(rows, known_of(rows), None, None)
    loads, counts = loads_of(rows)
    tpot_ms = formula_at(calibration.tpot, TPOT_TERMS, calibration, rows, tpot_terms(loads, counts))
    ttft_ms = formula_at(calibration.ttft, TTFT_TERMS, calibration, rows, ttft_terms(loads, counts, tpot_ms[:, None]))
    stated = [(index, found) for index, row in enumerate(rows) if (found := row.ttft_ms) is not None]
    positions = [index for index, _ in stated]
    return Kin(
        rows,
        known_of(rows),
        corrector_of(calibration.tpot, rows, [row.tpot_ms for row in rows], tpot_ms, tpot),
        corrector_of(calibration.ttft, [rows[index] for index in positions], [found for _, found in stated],
                     ttft_ms[positions], ttft),
    )


def points_by_model(catalog: Catalog) -> dict[str, list[ThroughputPoint]]:
    """Group the measured rows of a catalog by the `runs_like` group of their model."""
    grouped: dict[str, list[ThroughputPoint]] = catalog.memo.setdefault("points_by_model", {})
    if not grouped:
        for (group, _, _), points in catalog.points_by_machine.items():
            grouped.setdefault(group, []).extend(points)
    return grouped


def kin_in(catalog: Catalog, calibration: Calibration, group: str) -> Kin:
    """Return the fitted rows of a model group, prepared once a catalog."""
    known: dict[str, Kin] = catalog.memo.setdefault("kin", {})
    if group not in known:
        weights = catalog.kin_weights
        rows = samples(catalog, points_by_model(catalog).get(group, ()))
        known[group] = kin_of(calibration, rows, weights.get((group, "tpot")), weights.get((group, "ttft")))
    return known[group]


def kin_weights(catalog: Catalog, calibration: Calibration) -> Iterator[KinWeights]:
    """Solve the weights of every model's rows under a calibration, for `kin_weights.csv`."""
    for group in sorted(points_by_model(catalog)):
        kin = kin_of(calibration, samples(catalog, points_by_model(catalog)[group]))
        quantities: tuple[tuple[Literal["tpot", "ttft"], Corrector | None], ...] = (
            ("tpot", kin.tpot), ("ttft", kin.ttft))
        for quantity, one in quantities:
            if one is not None:
                numbers = " ".join(repr(float(weight)) for weight in one.weights)
                digest = one.relatives.digest(one.deviations_of_rows)
                yield KinWeights(runs_like=group, quantity=quantity, rows_sha256=digest, weights=numbers)
