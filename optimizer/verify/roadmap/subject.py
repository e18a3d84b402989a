"""What a budget plan is held against: the problem and the catalog, read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from optimizer.costs.over_time import NodeMoney, money_by_id, quarters_left
from optimizer.costs.quarters import Calendar, demand_factor
from optimizer.demand import demand_of, grown_amount
from optimizer.load import Catalog
from optimizer.schema.budget_plan import BudgetPlan, NodeStay, OfferTerms
from optimizer.schema.catalog import LlmModel
from optimizer.schema.problem import Problem, Roadmap
from optimizer.units import MICRO


@dataclass(frozen=True)
class RoadmapSubject:
    """A budget plan with what it must be held against."""

    plan: BudgetPlan
    problem: Problem
    catalog: Catalog
    own_models: dict[str, LlmModel]

    @cached_property
    def roadmap(self) -> Roadmap:
        """The roadmap that was asked for."""
        if self.problem.roadmap is None:
            raise ValueError("a budget plan answers a problem with a roadmap")
        return self.problem.roadmap

    @cached_property
    def calendar(self) -> Calendar:
        """Its quarters."""
        return Calendar.of(self.roadmap, self.problem)

    @cached_property
    def money(self) -> dict[str, NodeMoney]:
        """The offers of the plan that exist, priced again."""
        names = {stay.offer_id for stay in self.plan.stays} | {offer.offer_id for offer in self.plan.offers}
        priced = {name: money_by_id(name, self.catalog, self.problem, self.roadmap) for name in names}
        return {name: money for name, money in priced.items() if money is not None}

    @cached_property
    def terms(self) -> dict[str, OfferTerms]:
        """What the plan says of its offers."""
        return {offer.offer_id: offer for offer in self.plan.offers}

    @cached_property
    def capacity(self) -> dict[tuple[str, str], Fraction]:
        """(service, offer) -> demand that one node carries, as the plan claims it."""
        return {
            (setup.service_id, setup.offer_id): Fraction(repr(setup.capacity_per_node)) for setup in self.plan.setups
        }

    def amount(self, service_id: str, quarter: int) -> Fraction:
        """Return a service's demand in a quarter in requests in flight or requests/s, headroom included."""
        service = next(one for one in self.problem.services if one.service_id == service_id)
        amount = grown_amount(service, demand_factor(self.roadmap, service_id, quarter))
        return Fraction(amount) if demand_of(service).unit == "concurrency" else Fraction(amount, MICRO)

    def standing(self, quarter: int) -> list[NodeStay]:
        """List the stays of nodes that stand in a quarter."""
        return [stay for stay in self.plan.stays if stay.first <= quarter < stay.end]

    def left(self, place: int) -> int:
        """Return the quarters that nodes of an entry of `owned_already` live on."""
        one = self.roadmap.owned_already[place]
        bought = one.bought.year * 12 + one.bought.month - 1
        return quarters_left(bought, self.roadmap.start_month, self.money[one.offer_id].life_years)


RoadmapCheck = Callable[[RoadmapSubject], Iterator[str]]
