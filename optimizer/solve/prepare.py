"""Everything one problem needs before it is solved: prices, candidates, the budget in the solver's unit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from optimizer.candidates import CandidateSet, Market, Shelf, enumerate_candidates
from optimizer.costs import priced_offers, rate_per_usd
from optimizer.errors import Fault, InputError
from optimizer.formulation.case import budget_micro_usd_per_hour
from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.problem import Problem


@dataclass(frozen=True)
class Prepared:
    """A problem ready to be solved, as often as needed."""

    loaded: LoadedProblem
    problem: Problem
    catalog: Catalog
    candidates: CandidateSet
    budget: int | None
    """Micro-dollars an hour."""
    shelf: Shelf | None = field(default=None, compare=False, repr=False)
    """What its variants share."""

    def only_gpu(self, gpu_id: str) -> Prepared:
        """Return the same problem over the offers and options of one GPU type."""
        candidates = self.candidates
        offers = tuple(offer for offer in candidates.offers if offer.gpu_id == gpu_id)
        options = {key: found for key, found in candidates.options.items() if key[1] == gpu_id}
        return replace(self, candidates=replace(candidates, offers=offers, options=options))


def refuse_routed(problem: Problem, what: str) -> None:
    """Refuse services that route their classes apart, for what cannot follow them.

    Raises:
        InputError: with every such service.
    """
    faults = routed_faults(problem, what)
    if faults:
        raise InputError(faults)


def routed_faults(problem: Problem, what: str) -> list[Fault]:
    """List the services that route their classes apart, for what cannot follow them."""
    return [
        Fault(problem.name, f"services.{index}.routing", f"by_class for {what}", "mixed (gpumix solve takes both)")
        for index, service in enumerate(problem.services) if service.routes_classes
    ]


def unused_faults(problem: Problem, what: str) -> list[Fault]:
    """List a share of nodes that must stay free, for what cannot keep it."""
    most = problem.limits.max_utilisation_fraction
    allowed = "1: services.*.headroom_fraction keeps a reserve there"
    return [Fault(problem.name, "limits.max_utilisation_fraction", f"{most:g} for {what}", allowed)] if most < 1 else []


def prepare(
    loaded: LoadedProblem, catalog: Catalog, problem: Problem | None = None, shelf: Shelf | None = None
) -> Prepared:
    """Price the offers and enumerate the candidates of a problem (by default the one that was loaded).

    Args:
        shelf: where options and prices are kept for further problems; worth it from the second on.

    Raises:
        InputError: the problem names something that the catalog does not have.
    """
    problem = problem or loaded.problem
    currency = problem.limits.budget.currency if problem.limits.budget else "USD"
    if shelf is None:
        market = Market.of(priced_offers(catalog, problem), problem.limits)
    else:
        market = shelf.market(catalog, problem)
    candidates = enumerate_candidates(problem, catalog, market, loaded.own_models, shelf)
    budget = budget_micro_usd_per_hour(problem.limits, rate_per_usd(catalog, problem, currency))
    return Prepared(loaded, problem, catalog, candidates, budget, shelf)
