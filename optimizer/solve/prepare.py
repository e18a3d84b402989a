"""Everything one problem needs before it is solved: prices, candidates, the budget in the solver's unit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from optimizer.candidates import CandidateSet, Market, Shelf, enumerate_candidates
from optimizer.costs import priced_offers, rate_per_usd
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
