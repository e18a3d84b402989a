"""Exact reductions of a timetable: offers that others no weaker and no dearer can replace hour by hour are dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from optimizer.formulation import CaseRow
from optimizer.schema.problem import Limits

Needs = dict[tuple[int, str], int]
"""(service, engine where a rule looks at it) -> what one node carries."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """One node of an offer."""

    name: str
    price: int
    watts: int
    elastic: bool
    carries: Needs

    def replaces(self, other: _Offer, limits: Limits) -> int:
        """Return how many of these nodes take the place of one other, dearer than them together; 0 when none can.

        More than one for one only where nodes are not counted: a lost one of them is less than the other lost.
        """
        if self.price > other.price:
            return 0
        times = max(1, -(-other.price // self.price) - 1) if limits.nodes.max is None else 1
        return 0 if limits.power_kw is not None and self.watts * times > other.watts else times


def undominated(
    rows: Sequence[CaseRow], elastic: dict[str, bool], stock: Sequence[int | None], limits: Limits
) -> list[CaseRow]:
    """Keep the rows that an optimal timetable may need.

    Nodes of an offer without a stock cap, together no dearer and carrying no less, replace a node of another: what
    comes and goes replaces both kinds, what stands only what stands. Nodes that come and go serve one service each, so
    their rows are held against each other one by one; a standing node may change its service, so it goes only as a
    whole.
    """
    per_engine = limits.engine_policy != "any"
    carries: dict[str, Needs] = defaultdict(dict)
    first: dict[str, CaseRow] = {}
    for row in rows:
        first[row.offer_id] = row
        carries[row.offer_id][row.service, row.engine if per_engine else ""] = row.capacity
    ordered = sorted(first.values(), key=lambda row: (row.price, not elastic[row.offer_id], row.offer_id))
    kept: dict[Hashable, list[_Offer]] = defaultdict(list)
    left: dict[str, Needs] = {}
    for row in ordered:
        name, scope = row.offer_id, _scope(row, limits)
        one = _Offer(name, row.price, row.watts, elastic[name], carries[name])
        left[name] = one.carries if name in limits.at_least else _needed(one, kept[scope], limits)
        if left[name] and stock[row.offer] is None:
            kept[scope].append(replace(one, carries=left[name]))
    return [row for row in rows if (row.service, row.engine if per_engine else "") in left[row.offer_id]]


def _needed(one: _Offer, others: list[_Offer], limits: Limits) -> Needs:
    """Return what of an offer is left when others may replace it."""
    able = [(other.carries, times) for other in others
            if (other.elastic or not one.elastic) and (times := other.replaces(one, limits))]
    if one.elastic:
        return {
            key: held for key, held in one.carries.items()
            if not any(carries.get(key, 0) * times >= held for carries, times in able)}
    gone = any(all(carries.get(key, 0) * times >= held for key, held in one.carries.items()) for carries, times in able)
    return {} if gone else one.carries


def _scope(row: CaseRow, limits: Limits) -> Hashable:
    """Return what two offers must share for one to replace the other, by the rules in force."""
    by_gpu = limits.max_gpu_types is not None or limits.engine_policy == "per_gpu"
    survive = limits.survive
    place = row.place if survive.region else (row.provider,) if survive.provider else ()
    return (row.gpu if by_gpu else "", place, limits.spot_share_fraction is not None and row.is_spot)
