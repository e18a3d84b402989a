"""Fit a sum of positive terms to logarithms, with shrunken deviations, where rows of one model err together.

ln y = effects + ln sum_t exp(ln coefficient_t + deviations_t) x term_t + deviation of the model's rows (`relatives`).
The coefficients, deviations and effects have normal priors around a first guess or 0; what maximises the posterior is
found by Gauss-Newton steps on rows made independent by the Cholesky factor of their covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.schema.calibration import FittedTerms, Kinship
from optimizer.throughput.physics import Vector
from optimizer.throughput.traits import Traits, value_of

Numbers = npt.NDArray[np.int64]

LARGEST_STEP = 1.0
"""A Gauss-Newton step changes no logarithm by more than this."""

SETTLED, NEARLY_SETTLED = 1e-5, 3e-3
"""Steps smaller than this end the search: from a first guess, and from where another fit ended."""

MOST_STEPS = 40


@dataclass(frozen=True)
class Prior:
    """What is believed before any row is seen: a first guess of each coefficient and how far anything may stray."""

    coefficients: dict[str, tuple[float, float]]
    """Term -> (median, standard deviation of the logarithm)."""
    deviations: dict[str, float]
    """`term by trait` -> standard deviation."""
    effects: dict[str, float]
    """Trait -> standard deviation."""
    kinship: Kinship
    drift: float = 0.0
    """Standard deviation of what a year of age of an engine's software adds; 0: nothing."""


@dataclass(frozen=True)
class Rows:
    """Rows to fit, as columns."""

    terms: Vector
    """terms x n, milliseconds."""
    ln_actual: Vector
    traits: tuple[Traits, ...]
    whiteners: tuple[tuple[Numbers, Vector], ...]
    """For the rows of each model their positions, and the inverse Cholesky factor of their covariance."""
    ages: Vector


DRIFT = "drift"
"""Name of the columns that are multiplied by the age of the software."""


@dataclass(frozen=True)
class Column:
    """One parameter beyond the coefficients: a deviation of one term, or an effect on the whole."""

    name: str
    value: str
    term: int | None
    rows: Vector
    """What it is multiplied by in each row: 1 or 0, or an age in years."""
    spread: float


def columns_of(prior: Prior, traits: Sequence[Traits], ages: Vector) -> list[Column]:
    """List the deviations, effects and drifts of every value that the rows have."""
    terms = list(prior.coefficients)
    found = []
    named = [(name, terms.index(name.partition(" by ")[0]), name.partition(" by ")[2], spread)
             for name, spread in prior.deviations.items()]
    for name, term, trait, spread in [*named, *((trait, None, trait, sd) for trait, sd in prior.effects.items())]:
        values = np.array([value_of(one, trait) for one in traits])
        found += [Column(name, str(value), term, (values == value) * 1.0, spread) for value in np.unique(values)]
    if prior.drift:
        engines = np.array([one["engine"] for one in traits])
        found += [Column(DRIFT, str(engine), None, (engines == engine) * ages, prior.drift)
                  for engine in np.unique(engines)]
    return found


def predict(terms: Vector, columns: list[Column], parameters: Vector) -> tuple[Vector, Vector]:
    """Return ln of the formula for each row, and its derivative by each parameter: n, n x parameters."""
    count = len(terms)
    logs = np.repeat(parameters[:count, None], terms.shape[1], axis=1)
    whole = np.zeros(terms.shape[1])
    for column, parameter in zip(columns, parameters[count:], strict=True):
        if column.term is None:
            whole += column.rows * parameter
        else:
            logs[column.term] += column.rows * parameter
    parts = terms * np.exp(logs)
    total = parts.sum(axis=0)
    shares = parts / total
    beyond = [column.rows * (1.0 if column.term is None else shares[column.term]) for column in columns]
    return np.log(total) + whole, np.column_stack([*shares, *beyond])


def whitened(rows: Rows, matrix: Vector) -> Vector:
    """Return rows made independent of each other, each of variance 1."""
    out = np.empty_like(matrix)
    for positions, factor in rows.whiteners:
        out[positions] = factor @ matrix[positions]
    return out


def posterior_mode(prior: Prior, rows: Rows, columns: list[Column], start: Vector | None = None) -> Vector:
    """Return the most probable parameters: coefficients' logarithms, then deviations and effects."""
    guess = np.array(list(prior.coefficients.values()))
    mean = np.concatenate([np.log(guess[:, 0]), np.zeros(len(columns))])
    precision = 1 / np.concatenate([guess[:, 1], [column.spread for column in columns]]) ** 2
    parameters, settled = (mean, SETTLED) if start is None else (start, NEARLY_SETTLED)
    for _ in range(MOST_STEPS):
        fitted, slopes = predict(rows.terms, columns, parameters)
        both = whitened(rows, np.column_stack([slopes, rows.ln_actual - fitted]))
        slopes, missing = both[:, :-1], both[:, -1]
        pull = slopes.T @ missing + precision * (mean - parameters)
        step = np.linalg.solve(slopes.T @ slopes + np.diag(precision), pull)
        parameters = parameters + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < settled:
            break
    return parameters


def as_terms(prior: Prior, columns: list[Column], parameters: Vector) -> FittedTerms:
    """Lay parameters out as the calibration keeps them, in five digits."""
    count = len(prior.coefficients)
    deviations: dict[str, dict[str, float]] = {name: {} for name in prior.deviations}
    effects: dict[str, dict[str, float]] = {trait: {} for trait in (*prior.effects, DRIFT)}
    for column, parameter in zip(columns, parameters[count:], strict=True):
        into = effects if column.term is None else deviations
        into[column.name][column.value] = round(float(parameter), 5)
    return FittedTerms(
        coefficients={name: float(f"{value:.5g}")
                      for name, value in zip(prior.coefficients, np.exp(parameters[:count]), strict=True)},
        deviations=deviations,
        effects=effects,
        drift=effects.pop(DRIFT),
        effect_spread=prior.effects,
        kinship=prior.kinship,
    )
