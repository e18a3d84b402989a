"""Exact reductions: offers that the optimal plan, ties broken, never needs are dropped before the solver sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from optimizer.candidates import CandidateSet
from optimizer.costs import PricedOffer
from optimizer.costs.contracts import bills_of
from optimizer.formulation.case import Case, CaseRow, spot_share_of
from optimizer.formulation.constraints import CONSTRAINTS, Scope
from optimizer.schema.problem import Limits


def dominance_scopes(case: Case) -> set[Scope]:
    """Return the scopes that the rules in force ask for."""
    return {rule.dominance for rule in CONSTRAINTS if rule.active(case)} - {"all"}


def shortlist(candidates: CandidateSet, limits: Limits) -> CandidateSet:
    """Keep, of the offers of one and the same node without a stock cap, the cheapest: before any row is made of them.

    They carry the same with every option and at every speed; the first by id stands for those of its price. Offers with
    a capacity or a minimum of their own stay.
    """
    scopes = dominance_scopes(Case((), (), (), engine_policy=limits.engine_policy, max_gpu_types=limits.max_gpu_types,
                                   lose_provider=limits.survive.provider, lose_region=limits.survive.region,
                                   spot_share=spot_share_of(limits), bills=bills_of(limits.contracts)))
    own = {offer_id for _, offer_id in candidates.stated} | limits.at_least.keys()
    market = None if own else candidates.market
    if market is None or market.admitted is not candidates.offers:
        return replace(candidates, offers=_cheapest_of_each(candidates.offers, own, scopes))
    key = ("shortlist", *sorted(scopes))
    if key not in market.kept:
        market.kept[key] = _cheapest_of_each(candidates.offers, own, scopes)
    return replace(candidates, offers=market.kept[key])


def _cheapest_of_each(
    offers: Sequence[PricedOffer], own: AbstractSet[str], scopes: set[Scope]
) -> tuple[PricedOffer, ...]:
    first: dict[Hashable, PricedOffer] = {}
    kept: list[PricedOffer] = []
    for offer in offers:
        if offer.stock is not None or offer.offer_id in own:
            kept.append(offer)
            continue
        place = offer.place if "region" in scopes else offer.provider if "provider" in scopes else ""
        key = (offer.gpu_id, offer.gpu_count, offer.watts, place, "firm" in scopes and offer.kind == "spot")
        known = first.get(key)
        if known is None or _price_and_id(offer) < _price_and_id(known):
            first[key] = offer
    return (*kept, *first.values())


def _price_and_id(offer: PricedOffer) -> tuple[int, str]:
    return offer.micro_usd_per_hour, offer.offer_id


def _group(row: CaseRow, scopes: set[Scope], case: Case) -> Hashable:
    """Return what two rows must share for one to replace the other."""
    by_gpu = "gpu" in scopes or case.engine_policy == "per_gpu"
    return (
        row.service,
        row.gpu if by_gpu else "",
        row.engine if "engine" in scopes else "",
        row.provider if scopes & {"provider", "region"} else "",
        row.place if "region" in scopes else "",
        "firm" in scopes and row.is_spot,
    )


def reduce_case(case: Case, within: Callable[[CaseRow], Hashable] = lambda row: None) -> Case:
    """Drop every row that others no weaker, and cheaper or as cheap and first in order, can replace one for one.

    Replacing a node by one of the same count keeps node limits and, as capacities only grow, every covering rule. With
    several services the stock of a limited offer is contested, so only offers without a cap replace others; and so it
    is between classes that are routed apart. Among equal prices only those first in order
    replace, so that ties by offer id come out as without the reduction. Nodes that the plan must hold are never
    replaced, and those of a site with a stock of its own replace none.

    Args:
        within: what a row must share with another to be replaced by it, beside what the rules ask for.
    """
    scopes = dominance_scopes(case)
    if "none" in scopes:
        return case
    groups: dict[Hashable, list[CaseRow]] = defaultdict(list)
    for row in case.rows:
        groups[_group(row, scopes, case), within(row)].append(row)
    kept = [row for rows in groups.values() for row in _undominated(rows, case)]
    kept.sort(key=lambda row: (row.service, row.rank))
    return replace(case, rows=tuple(kept))


def _carries_no_less(one: CaseRow, other: CaseRow) -> bool:
    """Say whether a node of one row carries at least what a node of another does, of each class where they part."""
    if not other.classes:
        return one.capacity >= other.capacity
    return all(more >= less for more, less in zip(one.capacities, other.capacities, strict=True))


def _undominated(rows: list[CaseRow], case: Case) -> list[CaseRow]:
    """Keep rows in rising price (then order), each unless enough nodes of those before it carry at least as much."""
    ordered = sorted(rows, key=lambda row: (row.price, row.rank))
    kept: list[CaseRow] = []
    parted = any(row.own_stock is not None for row in rows)
    shared, held = len(case.demand) > 1 or parted, dict(case.at_least)
    for row in ordered:
        better = [other for other in kept if other.own_stock is None and _carries_no_less(other, row)]
        caps = {other.offer: case.stock[other.offer] for other in better}
        if row.offer_id in held:
            kept.append(row)
            continue
        if row.offer in caps or any(cap is None for cap in caps.values()):
            continue  # the same stock, or one without end
        if row.classes:
            kept.append(row)  # better nodes of small stock may be needed for another class
            continue
        # as many better nodes are in stock as any optimal plan has of them and of this row together
        if not shared and better and sum(cap or 0 for cap in caps.values()) >= _endless_most(row, better, case):
            continue
        kept.append(row)
    return kept


def _endless_most(row: CaseRow, better: list[CaseRow], case: Case) -> int:
    """Return how many nodes of a row and its betters together an optimal plan has at most."""
    demand = case.demand[row.service]
    largest = max(other.capacity for other in (*better, row))
    everywhere = max((r.capacity for r in case.rows if r.service == row.service), default=largest)
    held = sum(nodes for _, nodes in case.at_least)
    return max(-(-(demand + case.lose_nodes * everywhere) // row.capacity), case.min_nodes) + held
