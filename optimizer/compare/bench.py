"""Solve a problem under other ways of obtaining the nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimizer.candidates import Shelf
from optimizer.compare.reasons import why_not
from optimizer.compare.variant import Variant, variant_of
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.base import Supplied
from optimizer.schema.problem import Problem, Selection
from optimizer.solve import Prepared, SolveSettings, prepare
from optimizer.solve.variants import with_limits

ASKED_FOR: tuple[Supplied, ...] = ("spot", "marketplace")
"""Kinds of rented nodes that count only where the problem names them."""


def rented_kinds(problem: Problem) -> tuple[Supplied, ...]:
    """Return the kinds of rented nodes that are compared: on demand, reserved, and what the problem names of others.

    `limits.kinds` takes nothing away.
    """
    always: tuple[Supplied, ...] = ("on_demand", "reserved")
    return (*always, *(kind for kind in ASKED_FOR if kind in problem.limits.kinds))


def over_kinds(problem: Problem, kinds: tuple[Supplied, ...]) -> Problem:
    """Return a problem whose nodes may be of some kinds."""
    return with_limits(problem, kinds=kinds)


def over_provider(problem: Problem, provider: str) -> Problem:
    """Return a problem whose nodes are rented from one provider."""
    return with_limits(problem, kinds=rented_kinds(problem), providers=Selection(allow=(provider,)))


@dataclass
class Bench:
    """Solves variants of one problem; options and prices are kept between them."""

    loaded: LoadedProblem
    catalog: Catalog
    settings: SolveSettings
    shelf: Shelf = field(default_factory=Shelf)

    def prepared(self, problem: Problem) -> Prepared:
        """Price the offers and enumerate the candidates of a variant."""
        return prepare(self.loaded, self.catalog, problem, self.shelf)

    def variant(self, name: str, problem: Problem, explained: bool = False) -> Variant:
        """Find the cheapest plan of a variant.

        Args:
            name: of the variant.
            problem: with its limits.
            explained: whether to say why, when there is no plan.
        """
        at = self.prepared(problem)
        plan = best_plan(at, self.settings, with_rejections=False)
        offers = {offer.offer_id: offer for offer in at.candidates.offers}
        watts = sum(node.count * offers[node.offer_id].watts for node in plan.nodes)
        reason = why_not(at, plan.status, self.settings) if explained and plan.cost.usd_per_month is None else ""
        return variant_of(name, plan, self.catalog, problem, watts, reason)

    def providers(self, problem: Problem) -> list[str]:
        """List the providers with a rented offer that the problem's policy admits, by name."""
        market = self.shelf.market(self.catalog, over_kinds(problem, rented_kinds(problem)))
        return sorted({offer.provider for offer in market.admitted})
