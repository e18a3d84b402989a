"""One solve of a problem in which something is otherwise: another price, other speeds, other offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optimizer.candidates import Option
from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.priced import PriceEnd, PriceEnds
from optimizer.formulation import build_case, reduce_case, shortlist
from optimizer.solve import Prepared, Solution, SolveSettings, solve_at
from optimizer.units import usd_per_month


def cheapest(prepared: Prepared, settings: SolveSettings, in_order: bool = False) -> Solution:
    """Solve a variant for its cost: no tie-break by speed."""
    return solve_at(
        prepared.candidates,
        prepared.problem.limits,
        prepared.candidates.targets(),
        prepared.budget,
        settings,
        in_order=in_order,
    )


def monthly_usd(solution: Solution) -> float | None:
    """Return the cost of a solution, None when it proves that there is no plan."""
    return usd_per_month(solution.cost) if solution.has_plan and solution.cost is not None else None


def money(prepared: Prepared, usd: float) -> str:
    """Write US dollars a month, with the problem's own currency behind."""
    currency = prepared.problem.currency
    if currency == "USD":
        return f"${usd:,.2f} a month"
    local = usd * float(rate_per_usd(prepared.catalog, prepared.problem, currency))
    return f"${usd:,.2f} a month ({local:,.0f} {currency})"


def with_options(prepared: Prepared, change: Callable[[Option], Option]) -> Prepared:
    """Return the problem with its options changed."""
    options = {key: tuple(change(option) for option in found) for key, found in prepared.candidates.options.items()}
    return replace(prepared, candidates=replace(prepared.candidates, options=options))


def with_prices(prepared: Prepared, of: Callable[[PricedOffer], bool], end: PriceEnd) -> Prepared:
    """Return the problem with some offers at one end of their price."""
    offers = tuple(replace(o, end=end) if o.has_range and of(o) else o for o in prepared.candidates.offers)
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def at_price(prepared: Prepared, offer_id: str, micro_usd_per_hour: int) -> Prepared:
    """Return the problem with one offer at another price, in whole micro-dollars an hour."""
    line = {"rent": micro_usd_per_hour}
    ends = PriceEnds.stated(line, line, line)
    offers = tuple(replace(o, ends=ends) if o.offer_id == offer_id else o for o in prepared.candidates.offers)
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def over_offers(prepared: Prepared, admits: Callable[[PricedOffer], bool]) -> Prepared:
    """Return the problem over some of its offers."""
    offers = tuple(offer for offer in prepared.candidates.offers if admits(offer))
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def undominated(prepared: Prepared) -> Prepared:
    """Return the problem over the offers that its reductions leave: the same optimum, found faster.

    Exact as long as targets, demands and limits stay, and for one more offer or one that must be held beside.
    """
    limits, targets = prepared.problem.limits, prepared.candidates.targets()
    rows = reduce_case(build_case(shortlist(prepared.candidates, limits), limits, targets, prepared.budget)).rows
    kept = {row.offer_id for row in rows}
    return over_offers(prepared, lambda offer: offer.offer_id in kept)
