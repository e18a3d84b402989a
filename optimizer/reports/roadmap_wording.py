"""A budget plan's figures as people read them, shared by its reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optimizer.reports.wording import STATUS, counted
from optimizer.schema.budget_plan import BudgetPlan, NodeStay, OfferTerms, QuarterNodes, QuarterPlan

WAYS = {"buy": "bought", "reserve": "reserved", "rent": "rented", "keep": "there already"}


@dataclass(frozen=True)
class Purse:
    """How a plan shows money: in its own currency at its rate."""

    currency: str
    rate: float

    @classmethod
    def of(cls, plan: BudgetPlan) -> Purse:
        """Take a plan's currency, dollars where it has no other."""
        return cls(plan.currency, plan.fx_rate_per_usd or 1.0)

    @property
    def digits(self) -> int:
        """Decimals that are shown: none of yen."""
        return 0 if self.currency == "JPY" else 2

    def amount(self, usd: float | None) -> str:
        """Write an amount without its currency.

        >>> Purse("JPY", 150.0).amount(2.0), Purse("USD", 1.0).amount(1234.5), Purse("USD", 1.0).amount(None)
        ('300', '1,234.50', '-')
        """
        return "-" if usd is None else f"{usd * self.rate:,.{self.digits}f}"

    def money(self, usd: float | None) -> str:
        """Write an amount with its currency.

        >>> Purse("JPY", 150.0).money(2.0), Purse("USD", 1.0).money(2.0)
        ('JPY 300', '$2.00')
        """
        if usd is None:
            return "-"
        return f"${self.amount(usd)}" if self.currency == "USD" else f"{self.currency} {self.amount(usd)}"


def letters_of(plan: BudgetPlan) -> dict[str, str]:
    """Name offers A, B, ... in the order in which they come.

    >>> [_letter(n) for n in (0, 25, 26, 52)]
    ['A', 'Z', 'AA', 'BA']
    """
    found = dict.fromkeys(stay.offer_id for stay in sorted(plan.stays, key=lambda stay: (stay.first, stay.offer_id)))
    return {offer_id: _letter(place) for place, offer_id in enumerate(found)}


def _letter(place: int) -> str:
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def _nodes(counts: Iterable[tuple[str, int]], names: dict[str, str]) -> str:
    merged: dict[str, int] = {}
    for offer_id, count in counts:
        merged[offer_id] = merged.get(offer_id, 0) + count
    shown = sorted((names[offer_id], count) for offer_id, count in merged.items() if count)
    return ", ".join(f"{count} {name}" for name, count in shown)


def ordered_of(quarter: QuarterPlan, names: dict[str, str]) -> str:
    """Write the nodes bought in a quarter: 2 A, 1 B."""
    return _nodes(((n.offer_id, n.ordered) for n in quarter.nodes if n.way == "buy"), names)


def rented_of(quarter: QuarterPlan, names: dict[str, str]) -> str:
    """Write the nodes rented for a quarter, and those whose commitment begins in it."""
    return _nodes(((n.offer_id, n.standing if n.way == "rent" else n.arrived)
                   for n in quarter.nodes if n.way in ("rent", "reserve")), names)


def retired_of(quarter: QuarterPlan, names: dict[str, str]) -> str:
    """Write the own nodes that retire, and commitments that end."""
    return _nodes(((n.offer_id, n.left) for n in quarter.nodes if n.way != "rent"), names)


def standing_of(quarter: QuarterPlan, names: dict[str, str]) -> str:
    """Write all nodes that stand."""
    return _nodes(((n.offer_id, n.standing) for n in quarter.nodes), names)


def demand_of_quarter(quarter: QuarterPlan) -> str:
    """Write what the services ask for: 96 + 12.5."""
    return " + ".join(f"{one.amount:.4g}" if one.amount % 1 else f"{one.amount:,.0f}" for one in quarter.demand)


def status_of(plan: BudgetPlan) -> str:
    """Write the status, with the gap where the proof is open."""
    gap = "" if not plan.gap_fraction else f"; nothing is more than {plan.gap_fraction:.2%} cheaper"
    return f"{STATUS[plan.status]}{gap}"


def span_of(plan: BudgetPlan) -> str:
    """Write from when to when."""
    return f"{plan.quarters[0].label} to {plan.quarters[-1].label}, {counted(len(plan.quarters), 'quarter')}"


def headline_of(plan: BudgetPlan) -> str:
    """Write the total with what it is."""
    purse = Purse.of(plan)
    rate = plan.discount_fraction_per_year
    kind = f"present value at {rate:.1%} a year" if rate else "nominal"
    dollars = "" if plan.currency == "USD" else f" (${plan.total_cost_usd:,.2f})"
    return f"{purse.money(plan.total_cost_usd)}{dollars} in all, {kind}: {span_of(plan)}"


def sum_of(plan: BudgetPlan) -> list[tuple[str, float | None]]:
    """List the parts of the total, nominal."""
    parts = [
        ("purchases", plan.capex_usd), ("rents and running", plan.opex_usd),
        ("commitments after the end", plan.committed_after_usd),
        ("sold", None if plan.sold_usd is None else -plan.sold_usd),
        ("counted for what stands at the end", None if plan.end_value_usd is None else -plan.end_value_usd),
    ]
    return [(name, amount) for name, amount in parts if amount]


def bound_of(plan: BudgetPlan) -> str:
    """Write the bound and the gap."""
    if plan.bound_usd is None or plan.gap_fraction is None:
        return ""
    purse = Purse.of(plan)
    return f"lower bound {purse.money(plan.bound_usd)}, gap {plan.gap_fraction:.2%}"


def rate_of(plan: BudgetPlan) -> str:
    """Write the exchange rate; nothing for dollars."""
    rate = plan.fx_rate_per_usd
    return "" if rate is None else f"at {rate:g} {plan.currency} a dollar ({plan.fx_as_of})"


def how_of(offer: OfferTerms, stays: Iterable[NodeStay]) -> str:
    """Say how nodes of an offer come: bought, rented, there already."""
    ways = sorted({stay.way for stay in stays if stay.offer_id == offer.offer_id})
    return ", ".join(f"reserved {offer.term_months} months" if way == "reserve" else WAYS[way] for way in ways)


def prices_of(offer: OfferTerms, purse: Purse, bought: bool) -> str:
    """Write today's prices of an offer."""
    if offer.rent_usd_per_quarter is not None:
        upfront = f", {offer.upfront_fraction:.0%} upfront" if offer.upfront_fraction else ""
        return f"{purse.money(offer.rent_usd_per_quarter)} a quarter{upfront}"
    price = f"{purse.money(offer.purchase_usd)} to buy, " if bought else ""
    return f"{price}{purse.money(offer.running_usd_per_quarter)} a quarter to run"


def owned_first(nodes: Iterable[QuarterNodes]) -> list[QuarterNodes]:
    """Order nodes as they are stacked: there already, bought, reserved, rented."""
    order = ("keep", "buy", "reserve", "rent")
    return sorted(nodes, key=lambda one: (order.index(one.way), one.offer_id))
