"""The fitted formula: exp(effects) x sum of coefficients x exp(deviations) x terms."""

from __future__ import annotations

import math
from statistics import median

from optimizer.schema.calibration import FittedTerms
from optimizer.throughput.traits import Traits, value_of

ENGINE = "engine"


def term_weights(fitted: FittedTerms, terms: tuple[str, ...], traits: Traits) -> list[float]:
    """Return each term's coefficient for a replica, its deviations in, in the order of the terms."""
    weights = dict(fitted.coefficients)
    for name, by_value in fitted.deviations.items():
        term, _, trait = name.partition(" by ")
        weights[term] *= math.exp(by_value.get(value_of(traits, trait), 0.0))
    return [weights.get(term, 0.0) for term in terms]


def effect(fitted: FittedTerms, traits: Traits, engines_here: tuple[str, ...], age_years: float = 0.0) -> float:
    """Return the logarithm on the whole for a replica whose software is so much older than what is deployed.

    An engine never seen has the largest of all engines'; one never seen on this kind of memory (`engines_here` were)
    at least the median of those that were. Any other value never seen adds nothing.
    """
    total = sum(by_value.get(value_of(traits, trait), 0.0)
                for trait, by_value in fitted.effects.items() if trait != ENGINE)
    engines = fitted.effects.get(ENGINE, {})
    own = engines.get(traits[ENGINE], max(engines.values(), default=0.0))
    seen = [engines[engine] for engine in engines_here if engine in engines]
    if seen and traits[ENGINE] not in engines_here:
        own = max(own, median(seen))
    return total + own + fitted.drift.get(traits[ENGINE], 0.0) * age_years
