"""What a node costs quarter by quarter in whole US cents: rent, commitment, purchase, running, value at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from optimizer.costs import price_of
from optimizer.costs.cash import CAPITAL_LINES
from optimizer.costs.depreciation import MONTHS_PER_YEAR
from optimizer.costs.figures import Figures
from optimizer.costs.owned import machine_of, ownership
from optimizer.costs.priced import PricedOffer
from optimizer.costs.quarters import QUARTERS_PER_YEAR, compounded
from optimizer.load import Catalog
from optimizer.schema.problem import Problem, Roadmap
from optimizer.schema.problem.roadmap import MONTHS_PER_QUARTER
from optimizer.units import HOURS_PER_MONTH, exact, micro_usd_up

CENTS = 100
"""In a dollar."""

MICRO_USD_PER_CENT = 10_000

HOURS_PER_QUARTER = HOURS_PER_MONTH * MONTHS_PER_QUARTER

LONGEST_MONTHS = 120
"""Over this horizon no commitment weighs more than its own months: the price of a month is the plain one."""

Way = Literal["buy", "reserve", "rent", "keep"]
"""How a node comes to stand: bought, committed for a term, rented by the quarter, or there already."""

Cash = Mapping[int, int]
"""Quarter -> cents paid on its first day."""


def cents_up(micro_usd: int | Fraction) -> int:
    """Round micro-dollars up to cents.

    >>> cents_up(10_000), cents_up(10_001)
    (1, 2)
    """
    return math.ceil(Fraction(micro_usd) / MICRO_USD_PER_CENT)


@dataclass(frozen=True)
class NodeMoney:
    """What one node of an offer costs over time; every amount is rounded up to a cent, a value down."""

    offer: PricedOffer
    roadmap: Roadmap
    rent_micro_usd_per_hour: int = 0
    """Today's rent of a rented node."""
    purchase_micro_usd: int = 0
    """Today's purchase price of an owned node."""
    installation_cents: int = 0
    """Paid once beside it, at today's figure whenever it is bought; it brings nothing."""
    running_cents: int = 0
    """Of an owned node a quarter: power, colocation, maintenance, staff."""
    upfront_fraction: Fraction = Fraction(0)
    """Share of a commitment that is paid at its start."""
    life_years: float = 0.0
    """Of an owned node."""
    values: tuple[Fraction, ...] = field(default=(), repr=False)
    """Share of the purchase price that a node brings by quarters of age, from 0 to its life."""

    @property
    def life_quarters(self) -> int:
        """Whole quarters that an owned node lives."""
        return math.floor(exact(self.life_years) * QUARTERS_PER_YEAR)

    @property
    def way(self) -> Way:
        """How nodes of the offer come."""
        return "buy" if self.offer.kind == "owned" else "reserve" if self.offer.kind == "reserved" else "rent"

    @property
    def lead_quarters(self) -> int:
        """Quarters from the order until the node stands."""
        stated, offer_id = self.roadmap.lead_time_by_offer, self.offer.offer_id
        otherwise = self.roadmap.lead_time_quarters if self.way == "buy" else 0
        return stated.get(offer_id, stated.get(machine_of(self.offer), otherwise))

    @property
    def term_quarters(self) -> int:
        """Quarters of a commitment: its months, rounded up to whole quarters."""
        return -(-self.offer.term_months // MONTHS_PER_QUARTER)

    def change(self, quarter: int) -> Fraction:
        """Return what the offer's price becomes in a quarter, as a factor of today's."""
        roadmap = self.roadmap
        rented = roadmap.rent_change_fraction_per_year
        general = roadmap.price_change_fraction_per_year if self.way == "buy" or rented is None else rented
        return compounded(roadmap.price_change_by_gpu.get(self.offer.gpu_id, general), quarter)

    def rent_cents(self, quarter: int) -> int:
        """Return the rent of a quarter at that quarter's price."""
        return cents_up(self.rent_micro_usd_per_hour * HOURS_PER_QUARTER * self.change(quarter))

    def purchase_cents(self, quarter: int) -> int:
        """Return the purchase price in a quarter, without installation."""
        return cents_up(self.purchase_micro_usd * self.change(quarter))

    def commitment(self, first: int) -> Cash:
        """Return the payments of a commitment that begins in a quarter: a share upfront, the rest a quarter at a time.

        They go on to the end of the term, beyond the plan's last quarter too.
        """
        term = self.term_quarters
        whole = self.rent_cents(first) * term
        upfront = math.ceil(whole * self.upfront_fraction)
        each = -(-(whole - upfront) // term)
        return {first + passed: each + (upfront if passed == 0 else 0) for passed in range(term)}

    def value_cents(self, ordered: int, first: int, last: int) -> int:
        """Return what a bought node counts for when it no longer stands: at the plan's end, or sold before."""
        if last < self.roadmap.quarters and not self.roadmap.retired_nodes_sold:
            return 0
        return math.floor(self.purchase_cents(ordered) * self.values[last - first])

    def opex(self, way: Way, first: int, last: int) -> Cash:
        """Return rents, or the running of an own node, that stands from one quarter up to another."""
        if way == "reserve":
            return self.commitment(first)
        if way == "rent":
            return {quarter: self.rent_cents(quarter) for quarter in range(first, last)}
        return dict.fromkeys(range(first, last), self.running_cents)

    def capex(self, way: Way, ordered: int) -> Cash:
        """Return what is paid for the purchase and its installation, in the quarter of the order."""
        return {ordered: self.purchase_cents(ordered) + self.installation_cents} if way == "buy" else {}


def book_fraction(age: int, quarters: int, salvage: Fraction = Fraction(0)) -> Fraction:
    """Return the share of a price that is left in the books after an age: 1 when new, the salvage share at the end.

    >>> str(book_fraction(5, 20)), str(book_fraction(10, 20, Fraction(1, 10))), str(book_fraction(30, 20))
    ('3/4', '11/20', '0')
    """
    return 1 - (1 - salvage) * Fraction(min(age, quarters), quarters)


def book_quarters(problem: Problem) -> int:
    """Return the quarters over which a purchase is written off."""
    return problem.accounting.depreciation_years * QUARTERS_PER_YEAR


def salvage_of(problem: Problem, roadmap: Roadmap) -> Fraction:
    """Return the share of the price that depreciation stops at: the residual share where `end_value` is the book's."""
    stated = problem.assumptions.residual_fraction
    return exact(stated) if roadmap.end_value == "book" and stated is not None else Fraction(0)


def _values(problem: Problem, roadmap: Roadmap, figures: Figures, life: int) -> tuple[Fraction, ...]:
    """Return the shares of the price by age that the roadmap's `end_value` asks for."""
    if roadmap.end_value == "none":
        return (Fraction(0),) * (life + 1)
    if roadmap.end_value == "resale":
        months = (float(MONTHS_PER_QUARTER * age) for age in range(life + 1))
        return tuple(exact(round(figures.residual(age), 12)) for age in months)
    salvage, quarters = salvage_of(problem, roadmap), book_quarters(problem)
    return tuple(book_fraction(age, quarters, salvage) for age in range(life + 1))


def plain_priced(problem: Problem) -> Problem:
    """Return the problem under which every rent is its plain price, whatever the term of a commitment."""
    return problem.model_copy(update={"limits": problem.limits.model_copy(update={"horizon_months": LONGEST_MONTHS})})


NOT_RENT = frozenset({"upfront interest"})
"""Lines of a rent that stand for when it is paid, which a plan over quarters sees for itself."""


def money_of(offer: PricedOffer, catalog: Catalog, problem: Problem, roadmap: Roadmap) -> NodeMoney:
    """Work out what a node of an offer costs over time.

    Args:
        offer: priced under `plain_priced`.
    """
    lines: dict[str, int] = getattr(offer.ends, offer.end)
    if offer.kind != "owned":
        rent = sum(micro for line, micro in lines.items() if line not in NOT_RENT)
        upfront = exact(catalog.offers[offer.offer_id].upfront_fraction)
        return NodeMoney(offer, roadmap, rent, upfront_fraction=upfront)
    node, site = catalog.owned[machine_of(offer)], catalog.sites[offer.region]
    bought = ownership(node, site, catalog, problem, offer.end)
    running = sum(micro for line, micro in lines.items() if line not in CAPITAL_LINES)
    money = NodeMoney(
        offer, roadmap, purchase_micro_usd=micro_usd_up(bought.purchase_usd),
        installation_cents=cents_up(micro_usd_up(bought.installation_usd)),
        running_cents=cents_up(running * HOURS_PER_QUARTER), life_years=bought.life_months / MONTHS_PER_YEAR,
    )
    values = _values(problem, roadmap, Figures(catalog, problem, offer.end), money.life_quarters)
    return replace(money, values=values)


def money_by_id(offer_id: str, catalog: Catalog, problem: Problem, roadmap: Roadmap) -> NodeMoney | None:
    """Price an offer by its id and work out what a node of it costs over time, None when there is no such offer."""
    offer = price_of(offer_id, catalog, plain_priced(problem))
    return None if offer is None else money_of(offer, catalog, problem, roadmap)


def quarters_left(bought_month: int, start_month: int, life_years: float) -> int:
    """Return the whole quarters that a node, in service since a month, lives on from the plan's first day.

    >>> quarters_left(2025 * 12, 2027 * 12, 5.0), quarters_left(2025 * 12 + 1, 2027 * 12, 5.0)
    (12, 12)
    """
    left = exact(life_years) * MONTHS_PER_YEAR - (start_month - bought_month)
    return max(0, math.floor(left / MONTHS_PER_QUARTER))
