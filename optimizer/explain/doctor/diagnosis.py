"""Why there is no plan: a smallest conflict, and the least relaxation of each of its requirements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimizer.candidates import Shelf
from optimizer.costs import PricedOffer, priced_offers
from optimizer.explain.doctor import of_plan, of_service, of_supply
from optimizer.explain.doctor.conflict import Subset, remembering, smallest_conflict, smallest_correction
from optimizer.explain.doctor.requirements import Requirement, requirements
from optimizer.explain.doctor.search import Bench, Kept
from optimizer.explain.nowhere import why_nowhere
from optimizer.messages import Message
from optimizer.solve import Prepared, SolveSettings
from optimizer.units import usd_per_month

if TYPE_CHECKING:
    import pandas as pd

Relax = Callable[[Bench, int], Kept | None]

RELAXATIONS: dict[str, Relax] = {
    "precisions": of_service.precisions,
    "engines": of_service.engines,
    "slo.grade": of_service.speed,
    "slo.tokens_per_s_per_user": of_service.speed,
    "slo.ttft_ms": of_service.ttft,
    "slo.e2e_ms": of_service.e2e,
    "context_tokens": of_service.context,
    "demand.peak_concurrency": of_service.demand,
    "demand.peak_rps": of_service.demand,
    "demand.daily_active_users": of_service.demand,
    "deadline.requests": of_service.demand,
    "deadline.output_tokens": of_service.demand,
    "headroom_fraction": of_service.headroom,
    "limits.budget": of_plan.budget,
    "limits.at_least": of_plan.at_least,
    "limits.max_gpu_types": of_plan.gpu_types,
    "limits.nodes.max": of_plan.most_nodes,
    "limits.nodes.min": of_plan.fewest_nodes,
    "limits.engine_policy": of_plan.engine_policy,
    "limits.survive": of_plan.survive,
    "limits.power_kw": of_plan.power,
    "limits.spot_share_fraction": of_plan.spot_share,
    "limits.contracts": of_plan.contracts,
    "limits.max_utilisation_fraction": of_plan.utilisation,
    "limits.stock": of_supply.stock,
    "limits.speed_confidence": of_supply.confidence,
    "limits.evidence": of_supply.evidence,
    "limits.gpus": of_supply.gpus,
    "limits.providers": of_supply.providers,
    "limits.regions": of_supply.regions,
    "limits.kinds": of_supply.kinds,
    "limits.used": of_supply.used,
    "limits.max_term_months": of_supply.term,
}
"""By a requirement's key, without its service."""


@dataclass(frozen=True)
class Relaxation:
    """One requirement, what it asks now, and the nearest that can be kept with all others as they are."""

    key: str
    asks: Message
    gives: Message
    """In the user's units: `18.9 tokens/s`."""
    value: float | None
    """The same as a number, where it is one."""
    usd_per_month: float
    """The cheapest plan then."""


@dataclass(frozen=True)
class Diagnosis:
    """What stands in the way of a plan."""

    conflict: tuple[tuple[str, Message], ...]
    """(key, what it asks): a smallest set of requirements that cannot hold together; without any one of them the
    others can. Empty: the catalog has no plan even without any requirement."""
    relaxations: tuple[Relaxation, ...]
    """For each of them that helps alone, the least that must give; cheapest plan first."""
    useless: tuple[str, ...]
    """Keys whose lifting alone gives no plan."""
    together: tuple[tuple[str, Message], ...]
    """Where nothing helps alone, a smallest set of requirements that must all give: (key, what it asks)."""
    usd_per_month_together: float | None
    """The cheapest plan without all of those."""
    nowhere: tuple[Message, ...]
    """Services that no node can serve, with the reasons."""
    proven: bool
    """Whether every step was proven; false when a limit was reached."""

    def to_frame(self) -> pd.DataFrame:
        """Return the relaxations as a table, one row each."""
        import pandas as pd

        return pd.DataFrame([vars(one) for one in self.relaxations])


class _Oracle:
    """Asks whether some requirements can hold together."""

    def __init__(self, bench: Bench, found: tuple[Requirement, ...]) -> None:
        self.bench, self.found = bench, found

    def prepared(self, kept: Subset) -> Prepared:
        """Prepare the problem with these requirements only."""
        problem = self.bench.prepared.problem
        for number, requirement in enumerate(self.found):
            if number not in kept:
                problem = requirement.lift(problem)
        return self.bench.anew(problem)

    def holds(self, kept: Subset) -> bool:
        """Say whether some plan keeps them all; one that no limit let us find counts as none."""
        return self.bench.solved(self.prepared(kept)).has_plan


def diagnose(prepared: Prepared, settings: SolveSettings) -> Diagnosis:
    """Find a smallest conflict of an infeasible problem, and what must give at least.

    Every answer rests on solves that are proven; infeasible is only believed without presolve.
    """
    prepared = prepared if prepared.shelf else replace(prepared, shelf=Shelf())
    offers: tuple[PricedOffer, ...] = tuple(priced_offers(prepared.catalog, prepared.problem))
    bench = Bench(prepared, offers, settings)
    found = requirements(prepared, offers)
    oracle = _Oracle(bench, found)
    nowhere = tuple(why_nowhere(prepared))
    if not oracle.holds(frozenset()):
        return Diagnosis((), (), tuple(one.key for one in found), (), None, nowhere, not bench.left_open)
    holds = remembering(oracle.holds)
    conflict = [found[number] for number in sorted(smallest_conflict(len(found), holds))]
    relaxed = [(one, _relaxation(bench, one)) for one in conflict]
    helps = sorted((gives for _, gives in relaxed if gives is not None), key=lambda one: (one.usd_per_month, one.key))
    able = {one.key for one in helps}
    together = frozenset() if helps else smallest_correction(len(found), holds)
    without = bench.solved(oracle.prepared(frozenset(range(len(found))) - together)) if together else None
    return Diagnosis(
        tuple((one.key, one.asks) for one in conflict),
        tuple(helps),
        tuple(one.key for one in found if one.key not in able),
        tuple((found[number].key, found[number].asks) for number in sorted(together)),
        None if without is None or without.cost is None else usd_per_month(without.cost),
        nowhere,
        not bench.left_open,
    )


def _relaxation(bench: Bench, requirement: Requirement) -> Relaxation | None:
    """Return the least relaxation of a requirement, None when not even lifting it helps."""
    if not bench.solved(bench.anew(requirement.lift(bench.prepared.problem))).has_plan:
        return None
    name = requirement.key if requirement.service is None else requirement.key.split(".", 2)[2]
    kept = RELAXATIONS[name](bench, requirement.service or 0)
    if kept is None or not kept.solution.has_plan:
        return None
    monthly = usd_per_month(kept.solution.cost or 0)
    return Relaxation(requirement.key, requirement.asks, kept.words, kept.value, monthly)
