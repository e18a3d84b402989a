"""Exact reductions: nodes and stays that no cheapest plan needs are dropped before the solver sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from fractions import Fraction

from optimizer.roadmap.case import RoadmapCase, Supply

ENDLESS = 10**30
"""Cents that nothing costs: no way leads there."""


def shortlisted(case: RoadmapCase, worth: tuple[Fraction, ...]) -> RoadmapCase:
    """Drop every supply that another, which comes the same way and never runs short, replaces node for node.

    The other carries no less of any service, comes no later, lives or is committed as long, draws no more power, and
    each of its payments is no higher, so that the caps on spending hold as well; among equals the first by id stays.
    """
    groups: dict[Hashable, list[Supply]] = defaultdict(list)
    for supply in case.supplies:
        money = supply.money
        alone = supply.group if supply.way == "keep" else None
        groups[alone, supply.way, money.term_quarters, money.upfront_fraction, money.change(4), _place(case, supply)
               ].append(supply)
    kept: list[Supply] = []
    for group in groups.values():
        chosen: list[Supply] = []
        for supply in sorted(group, key=_in_order):
            if not any(_replaces(other, supply, worth) for other in chosen):
                chosen.append(supply)
        kept += chosen
    kept.sort(key=lambda supply: (supply.group is not None, supply.group or 0, supply.offer.offer_id))
    return replace(case, supplies=tuple(kept))


def _in_order(supply: Supply) -> tuple[object, ...]:
    money = supply.money
    return (money.purchase_micro_usd, money.running_cents, money.rent_micro_usd_per_hour, supply.stock is not None,
            tuple(-carried for carried in supply.carries), supply.offer.offer_id)


def _place(case: RoadmapCase, supply: Supply) -> Hashable:
    """Return what two nodes must share for one to replace the other: where they are lost, and a counted GPU type."""
    return case.lost_with(supply.offer), supply.offer.gpu_id if case.max_gpu_types is not None else ""


def _replaces(other: Supply, supply: Supply, worth: tuple[Fraction, ...]) -> bool:
    """Say whether nodes of another supply do all that those of one do, at no higher payment of any kind."""
    new, old = other.money, supply.money
    return (
        (other.stock is None or (other.pool == supply.pool and other.offer.own_stock is None))
        and all(more >= less for more, less in zip(other.carries, supply.carries, strict=True))
        and new.lead_quarters <= old.lead_quarters
        and other.offer.watts <= supply.offer.watts
        and new.running_cents <= old.running_cents
        and new.rent_micro_usd_per_hour <= old.rent_micro_usd_per_hour
        and new.installation_cents <= old.installation_cents
        and _buys_no_dearer(other, supply, worth)
    )


def _buys_no_dearer(other: Supply, supply: Supply, worth: tuple[Fraction, ...]) -> bool:
    """Say whether a purchase less its value at the end is lower at every age, however the cents are rounded."""
    saved = supply.money.purchase_micro_usd - other.money.purchase_micro_usd
    if supply.way != "buy" or saved == 0:
        return True
    lost = 1 - max(supply.money.values[1:], default=Fraction(0))
    return saved > 0 and Fraction(saved, 10_000) * lost * worth[-1] >= 4


def reduced(case: RoadmapCase) -> RoadmapCase:
    """Drop every stay that a chain of others, which carry no less and never run short, covers for less money.

    A node of the stay gives way to a node of each link, so demand, stock and fewest nodes stay kept. Links overlap only
    where no rule counts nodes; where purchases are capped, or power, links are rented; where rents are capped nothing
    is dropped, as a chain may spend more of them. What is dropped is dearer than its chain, whose links are no
    dearer than any way between their ends, so that no link is itself dropped.
    """
    if case.is_capped["opex"]:
        return case
    chains: dict[Hashable, list[list[int]]] = {}
    kept = []
    for stay in case.stays:
        supply = case.supplies[stay.supply]
        key = (supply.carries, _place(case, supply))
        if key not in chains:
            chains[key] = _cheapest_chains(case, [_may_link(case, other, supply) for other in case.supplies])
        if stay.cost <= chains[key][stay.first][stay.last]:
            kept.append(stay)
    return replace(case, stays=tuple(kept))


def _may_link(case: RoadmapCase, other: Supply, supply: Supply) -> bool:
    """Say whether stays of another supply may be links of a chain in place of a supply's."""
    plain = other.way in ("rent", "reserve") if case.is_capped["capex"] or case.watts is not None else True
    return (
        plain and other.stock is None and _place(case, other) == _place(case, supply)
        and all(more >= less for more, less in zip(other.carries, supply.carries, strict=True))
    )


def _cheapest_chains(case: RoadmapCase, links: Sequence[bool]) -> list[list[int]]:
    """Return the least cents of a chain of stays by the quarters that it covers, [first][last].

    Args:
        links: by supply, whether its stays may be links.
    """
    quarters = case.quarters
    cost = [[ENDLESS] * (quarters + 1) for _ in range(quarters + 1)]
    for stay in case.stays:
        if links[stay.supply]:
            cost[stay.first][stay.last] = min(cost[stay.first][stay.last], stay.cost)
    if case.max_nodes is None:
        _widened(cost, quarters)
    for span in range(2, quarters + 1):
        for first in range(quarters - span + 1):
            last = first + span
            joined = min(cost[first][middle] + cost[middle][last] for middle in range(first + 1, last))
            cost[first][last] = min(cost[first][last], joined)
    return cost


def _widened(cost: list[list[int]], quarters: int) -> None:
    """Let a stay that begins earlier or ends later cover the quarters between."""
    for span in range(quarters - 1, 0, -1):
        for first in range(quarters - span + 1):
            last = first + span
            earlier = cost[first - 1][last] if first else ENDLESS
            later = cost[first][last + 1] if last < quarters else ENDLESS
            cost[first][last] = min(cost[first][last], earlier, later)


