"""What stays cost: micro-dollars of a cycle, or discounted cents over quarters; purses that rules look at."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Protocol

from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.contracts import Bill, bills_of
from optimizer.costs.depreciation import MONTHS_PER_YEAR
from optimizer.costs.over_time import (
    CENTS,
    HOURS_PER_QUARTER,
    MICRO_USD_PER_CENT,
    NodeMoney,
    Way,
    cents_up,
    money_of,
    quarters_left,
)
from optimizer.costs.quarters import Calendar as Quarters
from optimizer.costs.quarters import present_value
from optimizer.question.caps import Caps, Taken
from optimizer.question.periods import Calendar
from optimizer.question.question import THOUSANDTHS, Hosted, Purse, Question, Stay, Supply
from optimizer.schema.problem import Limits, Problem
from optimizer.solve.prepare import Prepared
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

HOURLY_KINDS = ("on_demand", "spot", "marketplace")
"""Kinds of nodes that may come and go by the hour."""

LONGEST_TERM_QUARTERS = 40
"""Of a reserved offer: 120 months."""


def comes_and_goes(offer: PricedOffer, prepared: Prepared, calendar: Calendar) -> bool:
    """Say whether a node may run in some periods of a cycle only: rented without a term, at a price by the hour."""
    rented = prepared.catalog.offers.get(offer.offer_id)
    hourly = offer.kind in HOURLY_KINDS and offer.term_months == 0
    return calendar.slots > 1 and hourly and rented is not None and rented.per == "hour"


class Money(Protocol):
    """What stays cost in one unit of money, and what rules on money look at."""

    def stays(self, number: int, supply: Supply) -> Iterator[Stay]:
        """Yield every stay that a supply allows."""

    def is_bought(self, offer: PricedOffer) -> bool:
        """Say whether an offer's stock counts all nodes ever obtained."""

    def is_elastic(self, offer: PricedOffer) -> bool:
        """Say whether a node of an offer may run in some hours only."""

    def tokens(self, usd: Fraction, period: int) -> tuple[int, tuple[tuple[Hashable, int], ...]]:
        """Price what a hosted API is paid in one cycle's hours of a period, and what purses pay, in thousandths."""

    def purses(self) -> tuple[Purse, ...]:
        """List the purses with a cap or a contract."""

    def budget(self) -> int | None:
        """Return the most that everything may cost."""

    def usd_per_month(self, amount: int) -> float:
        """Turn an amount into dollars a month, the mean over all periods."""


@dataclass(frozen=True)
class CycleMoney:
    """Micro-dollars of one cycle: an hour at a peak, a day or a week by the hour."""

    prepared: Prepared
    problem: Problem
    calendar: Calendar

    @cached_property
    def caps(self) -> Caps:
        """What purchases, cash and emissions are capped at."""
        return Caps(self.problem, self.prepared.catalog)

    def is_elastic(self, offer: PricedOffer) -> bool:
        """Say whether a node may run in some hours only."""
        return comes_and_goes(offer, self.prepared, self.calendar)

    def is_bought(self, offer: PricedOffer) -> bool:
        """Say whether an offer's stock counts all nodes ever obtained; over one cycle both are the same."""
        return False

    def stays(self, number: int, supply: Supply) -> Iterator[Stay]:
        """Yield one stay over all periods, or one for each period of nodes that come and go."""
        periods, price = self.calendar.periods, supply.offer.micro_usd_per_hour
        if self.is_elastic(supply.offer):
            for place, (period, share) in enumerate(zip(periods, self._shares, strict=True)):
                taken = self.caps.taken_by(supply.offer, share)
                yield self._stay(number, supply, place, place + 1, price * period.weight, taken)
        else:
            taken = self.caps.taken_by(supply.offer)
            yield self._stay(number, supply, 0, len(periods), price * self.calendar.cycle_hours, taken)

    @cached_property
    def _shares(self) -> tuple[Fraction, ...]:
        """The part of the cycle that each period is."""
        return tuple(Fraction(period.weight, self.calendar.cycle_hours) for period in self.calendar.periods)

    def _stay(self, number: int, supply: Supply, first: int, last: int, price: int, taken: Taken) -> Stay:
        billed = supply.offer.provider in self.problem.limits.contracts
        bill: Taken = ((("bill", supply.offer.provider), price),) if billed else ()
        return Stay(number, first, last, price, 0, (*bill, *taken))

    def tokens(self, usd: Fraction, period: int) -> tuple[int, tuple[tuple[Hashable, int], ...]]:
        """Return thousandths of a micro-dollar of the cycle, rounded up."""
        month = usd * HOURS_PER_MONTH / self.calendar.cycle_hours
        return math.ceil(usd * MICRO * THOUSANDTHS), self.caps.taken_by_tokens(month, THOUSANDTHS)

    def purses(self) -> tuple[Purse, ...]:
        """List the caps, and the contracts, their amounts those of a cycle."""
        hours = self.calendar.cycle_hours
        caps = (Purse(name, cap=cap) for name, cap in self.caps.by_purse.items())
        return (*caps, *(
            Purse(("bill", bill.provider), bill=replace(
                bill, minimum=bill.minimum * hours, fee=bill.fee * hours,
                tiers=tuple((above * hours, left) for above, left in bill.tiers)))
            for bill in bills_of(self.problem.limits.contracts)))

    def budget(self) -> int | None:
        """Return the cost cap of a cycle, rounded down."""
        limits = self.problem.limits
        if limits.budget is None:
            return None
        rate = rate_per_usd(self.prepared.catalog, self.problem, limits.budget.currency)
        return math.floor(exact(limits.budget.amount) / rate * MICRO * self.calendar.cycle_hours / _hours_of(limits))

    def usd_per_month(self, amount: int) -> float:
        """Turn an amount of a cycle into dollars a month of 730 hours."""
        return float(Fraction(amount * HOURS_PER_MONTH, self.calendar.cycle_hours * MICRO))


def _hours_of(limits: Limits) -> int:
    """Return the hours of the time that a budget is stated for."""
    per = limits.budget.per if limits.budget else "hour"
    return {"hour": 1, "month": HOURS_PER_MONTH, "year": MONTHS_PER_YEAR * HOURS_PER_MONTH}[per]


@dataclass(frozen=True)
class QuarterMoney:
    """Cents over the quarters of a roadmap, each payment discounted to the first day and rounded up."""

    prepared: Prepared
    problem: Problem
    calendar: Calendar

    @cached_property
    def _emissions(self) -> Caps:
        return Caps(self.problem, self.prepared.catalog)

    @cached_property
    def quarters(self) -> Quarters:
        """The roadmap's quarters by name and fiscal year."""
        if self.problem.roadmap is None:
            raise ValueError("money by the quarter needs a roadmap")
        return Quarters.of(self.problem.roadmap, self.problem)

    @cached_property
    def worth(self) -> tuple[Fraction, ...]:
        """The present value of a dollar by quarter, as far as the longest commitment reaches."""
        roadmap = self.problem.roadmap
        if roadmap is None:
            return ()
        return tuple(present_value(roadmap, quarter) for quarter in range(roadmap.quarters + LONGEST_TERM_QUARTERS + 1))

    @cached_property
    def known(self) -> dict[str, NodeMoney]:
        """What nodes cost over time, by offer: filled as asked for."""
        return {}

    def of(self, offer: PricedOffer) -> NodeMoney:
        """Return what nodes of an offer cost over time."""
        if offer.offer_id not in self.known:
            roadmap = self.problem.roadmap
            if roadmap is None:
                raise ValueError("money by the quarter needs a roadmap")
            self.known[offer.offer_id] = money_of(offer, self.prepared.catalog, self.problem, roadmap)
        return self.known[offer.offer_id]

    def is_bought(self, offer: PricedOffer) -> bool:
        """Say whether an offer's stock counts all nodes ever obtained."""
        return offer.kind == "owned"

    def way(self, supply: Supply) -> Way:
        """Say how the nodes of a supply come to stand."""
        return "keep" if supply.group is not None else self.of(supply.offer).way

    def is_elastic(self, offer: PricedOffer) -> bool:
        """Say whether a node may run in some hours of each day only."""
        return comes_and_goes(offer, self.prepared, self.calendar)

    def stays(self, number: int, supply: Supply) -> Iterator[Stay]:
        """Yield every stay: hours of a quarter, a quarter, a term, or from a purchase to a retirement."""
        slots, money, way = self.calendar.slots, self.of(supply.offer), self.way(supply)
        if way == "rent" and self.is_elastic(supply.offer):
            for place, period in enumerate(self.calendar.periods):
                if period.quarter >= money.lead_quarters:
                    yield self._hourly(number, supply, place)
            return
        for ordered, first, last in self.spans(supply):
            price, spends = self.cost(way, money, ordered, first, last)
            emitted = tuple((("co2", quarter), grams) for _, grams in self._emissions.taken_by(supply.offer)
                            for quarter in range(first, last))
            kept = (*self._kept(supply, spends), *emitted)
            yield Stay(number, first * slots, last * slots, price, 0, kept, ordered)

    def spans(self, supply: Supply) -> Iterator[tuple[int, int, int]]:
        """Yield (ordered, first, last) quarter of every stay that a supply allows."""
        money, way, quarters = self.of(supply.offer), self.way(supply), self.calendar.quarters
        if supply.group is not None and self.problem.roadmap is not None:
            one = self.problem.roadmap.owned_already[supply.group]
            months = one.bought.year * MONTHS_PER_YEAR + one.bought.month - 1
            left = quarters_left(months, self.problem.roadmap.start_month, money.life_years)
            yield from ((0, 0, last) for last in range(1, min(quarters, left) + 1))
            return
        lead = money.lead_quarters
        for first in range(lead, quarters):
            if way == "rent":
                yield first - lead, first, first + 1
            elif way == "reserve":
                yield first - lead, first, min(quarters, first + money.term_quarters)
            else:
                longest = min(quarters, first + money.life_quarters)
                yield from ((first - lead, first, last) for last in range(first + 1, longest + 1))

    def cost(
        self, way: Way, money: NodeMoney, ordered: int, first: int, last: int
    ) -> tuple[int, dict[tuple[str, int], int]]:
        """Return the discounted cents of one node's stay, and the nominal ones by (capex or opex, quarter)."""
        spends: dict[tuple[str, int], int] = defaultdict(int)
        for kind, payments in (("capex", money.capex(way, ordered)), ("opex", money.opex(way, first, last))):
            for quarter, cents in payments.items():
                spends[kind, quarter] += cents
        paid = sum(math.ceil(cents * self.worth[quarter]) for (_, quarter), cents in spends.items())
        if way == "buy":
            paid -= math.floor(money.value_cents(ordered, first, last) * self.worth[last])
        return paid, spends

    def _hourly(self, number: int, supply: Supply, place: int) -> Stay:
        """One node of an hourly offer in the hours of one period, all days of its quarter."""
        period, money = self.calendar.periods[place], self.of(supply.offer)
        cents = self._hourly_cents(money, place)
        spends = {("opex", period.quarter): cents}
        price = math.ceil(cents * self.worth[period.quarter])
        ordered = period.quarter - money.lead_quarters
        return Stay(number, place, place + 1, price, 0, self._kept(supply, spends), ordered)

    def tokens(self, usd: Fraction, period: int) -> tuple[int, tuple[tuple[Hashable, int], ...]]:
        """Return thousandths of discounted cents of the period's quarter, and of nominal running costs, rounded up."""
        quarter = self.calendar.periods[period].quarter
        nominal = self.nominal(usd)
        year = ("opex", self.quarters.fiscal_year(quarter))
        return math.ceil(nominal * self.worth[quarter]), ((year, nominal),) if year in self.caps else ()

    def nominal(self, usd: Fraction) -> int:
        """Return thousandths of the cents of a quarter in which each cycle costs so much."""
        return math.ceil(usd * CENTS * THOUSANDTHS * HOURS_PER_QUARTER / self.calendar.cycle_hours)

    def paid(self, supply: Supply, stay: Stay) -> dict[tuple[str, int], int]:
        """Return the nominal cents of one node's stay by (capex, opex or sold, quarter)."""
        way, money, slots = self.way(supply), self.of(supply.offer), self.calendar.slots
        if way == "rent" and self.is_elastic(supply.offer):
            period = self.calendar.periods[stay.first]
            return {("opex", period.quarter): self._hourly_cents(money, stay.first)}
        first, last = stay.first // slots, stay.last // slots
        _, spends = self.cost(way, money, stay.ordered, first, last)
        if way == "buy" and last < self.calendar.quarters:
            spends["sold", last] += money.value_cents(stay.ordered, first, last)
        return spends

    def _hourly_cents(self, money: NodeMoney, place: int) -> int:
        period = self.calendar.periods[place]
        hours = Fraction(HOURS_PER_QUARTER * period.weight, self.calendar.cycle_hours)
        return cents_up(money.rent_micro_usd_per_hour * hours * money.change(period.quarter))

    def _kept(self, supply: Supply, spends: dict[tuple[str, int], int]) -> tuple[tuple[Hashable, int], ...]:
        """Return what a stay takes from the purses that rules look at."""
        found: dict[Hashable, int] = defaultdict(int)
        provider = supply.offer.provider
        for (kind, quarter), cents in spends.items():
            if quarter >= self.calendar.quarters:
                continue
            year = (kind, self.quarters.fiscal_year(quarter))
            if year in self.caps:
                found[year] += cents
            if provider in self.problem.limits.contracts:
                found["bill", provider, quarter] += math.ceil(cents * self.worth[quarter])
        return tuple(found.items())

    @cached_property
    def caps(self) -> dict[tuple[str, str], int]:
        """The caps of the fiscal years that the plan touches, in cents rounded down."""
        roadmap, found = self.problem.roadmap, {}
        if roadmap is None:
            return {}
        rate = rate_per_usd(self.prepared.catalog, self.problem, roadmap.caps.currency)
        for year in self.quarters.fiscal_years:
            for kind in ("capex", "opex"):
                amount = roadmap.caps.of_year(kind, year)
                if amount is not None:
                    found[kind, year] = math.floor(exact(amount) / rate * CENTS)
        return found

    def purses(self) -> tuple[Purse, ...]:
        """List the fiscal years with caps, and each contract in each quarter, discounted like the payments."""
        bills, emitted = bills_of(self.problem.limits.contracts), self._emissions.by_purse
        grams = (Purse(("co2", quarter), cap=cap) for cap in emitted.values() for quarter in range(
            self.calendar.quarters))
        return (*grams, *(Purse(name, cap=cap) for name, cap in self.caps.items()),
                *(Purse(("bill", bill.provider, quarter), bill=self._bill(bill, quarter))
                  for bill in bills for quarter in range(self.calendar.quarters)))

    def _bill(self, bill: Bill, quarter: int) -> Bill:
        def cents(micro_usd_per_hour: int) -> int:
            return math.ceil(Fraction(micro_usd_per_hour * HOURS_PER_QUARTER, MICRO_USD_PER_CENT) * self.worth[quarter])

        return replace(bill, minimum=cents(bill.minimum), fee=cents(bill.fee),
                       tiers=tuple((cents(above), left) for above, left in bill.tiers))

    def budget(self) -> int | None:
        """Return the cap on the whole plan's total: the budget of its mean month times its months, rounded down."""
        limits = self.problem.limits
        if limits.budget is None:
            return None
        rate = rate_per_usd(self.prepared.catalog, self.problem, limits.budget.currency)
        hours = HOURS_PER_QUARTER * self.calendar.quarters
        return math.floor(exact(limits.budget.amount) / rate * CENTS * hours / _hours_of(limits))

    def usd_per_month(self, amount: int) -> float:
        """Turn an amount over all quarters into dollars of the mean month."""
        return float(Fraction(amount, CENTS * 3 * self.calendar.quarters))


def bill_of(hosted: Sequence[Hosted], parts: Mapping[tuple[int, int], int]) -> int:
    """Return what (period, API) -> parts cost, in the question's unit, rounded up once."""
    return -(-sum(hosted[i].price[period] * count for (period, i), count in parts.items()) // THOUSANDTHS)


def cost_of(
    question: Question, counts: list[int] | tuple[int, ...], hosted: Mapping[tuple[int, int], int] | None = None
) -> int:
    """Return what so many nodes of each stay cost, contracts and hosted APIs included, without any solver."""
    total = sum(stay.price * count for stay, count in zip(question.stays, counts, strict=True))
    total += bill_of(question.hosted, hosted or {})
    for purse in question.purses:
        if purse.bill is not None:
            spent = used = 0
            for stay, count in zip(question.stays, counts, strict=True):
                amount = sum(amount for name, amount in stay.spends if name == purse.name)
                spent, used = spent + amount * count, used + count * bool(amount)
            total += purse.bill.billed(spent, used > 0) - spent
    return total
