"""The questions behind the named plans: the problem as asked, made pessimistic, or held to measured speeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optimizer.candidates import Option, ReplicaSpeed
from optimizer.explain.whatif import over_offers, with_options, with_prices
from optimizer.schema.base import Evidence
from optimizer.schema.recommendation import PlanName
from optimizer.solve import Prepared
from optimizer.solve.variants import with_limits

CONFIDENCE = 0.9
"""Of the error bars that plans print: nine in ten rows of a laboratory never seen lie inside."""

MEASURED_EVIDENCE: Evidence = "interpolated"
"""Worst evidence of the measured plan: measured levels, and between two of them."""


@dataclass(frozen=True)
class Named:
    """A question and the name of the plan that answers it."""

    name: PlanName
    prepared: Prepared


def robust(prepared: Prepared) -> Prepared:
    """Return the problem with every speed at the slow end of its bar, and every assumed price at its high end.

    A tightening: no option that fell out could come back, so candidates are changed in place.
    """
    confidence = max(CONFIDENCE, prepared.problem.limits.speed_confidence or 0.0)

    def slowed(option: Option) -> Option:
        """Plan an option with the slow end of its bar."""
        return option.changed(lambda speed: ReplicaSpeed(
            tuple(replace(one, confidence=confidence, company=tuple(
                replace(other, confidence=confidence) for other in one.company)) for one in speed.classes),
            speed.demand))

    problem = with_limits(prepared.problem, speed_confidence=confidence)
    problem = problem.model_copy(update={
        "assumptions": problem.assumptions.model_copy(update={"price_end": "high"})})
    return replace(with_prices(with_options(prepared, slowed), lambda _: True, "high"), problem=problem)


def measured(prepared: Prepared) -> Prepared:
    """Return the problem on measured and interpolated speeds alone."""
    problem = with_limits(prepared.problem, evidence=MEASURED_EVIDENCE)
    return replace(prepared, problem=problem, candidates=prepared.candidates.under(MEASURED_EVIDENCE))


def questions(prepared: Prepared) -> Iterator[Named]:
    """Yield the three questions in the order of the screen."""
    yield Named("cheapest", prepared)
    yield Named("robust", robust(prepared))
    yield Named("measured", measured(prepared))


def without(prepared: Prepared, offer_ids: set[str]) -> Prepared:
    """Return the problem without some offers."""
    return over_offers(prepared, lambda offer: offer.offer_id not in offer_ids)
