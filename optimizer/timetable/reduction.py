"""Exact reductions of a timetable: offers that others no weaker and no dearer can replace hour by hour are dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from optimizer.formulation import CaseRow
from optimizer.schema.problem import Limits

Needs = dict[tuple[int, str], int]
"""(service, engine where a rule looks at it) -> what one node carries."""


def undominated(
    rows: Sequence[CaseRow], elastic: dict[str, bool], stock: Sequence[int | None], limits: Limits
) -> list[CaseRow]:
    """Keep the rows that an optimal timetable may need.

    An offer without a stock cap, no dearer and carrying no less, replaces another node by node: what comes and goes
    replaces both kinds, what stands only what stands. Nodes that come and go serve one service each, so their rows are
    held against each other one by one; a standing node may change its service, so it goes only as a whole.
    """
    per_engine = limits.engine_policy != "any"
    carries: dict[str, Needs] = defaultdict(dict)
    first: dict[str, CaseRow] = {}
    for row in rows:
        first[row.offer_id] = row
        carries[row.offer_id][row.service, row.engine if per_engine else ""] = row.capacity
    ordered = sorted(first.values(), key=lambda row: (row.price, not elastic[row.offer_id], row.offer_id))
    kept: dict[Hashable, list[str]] = defaultdict(list)
    left: dict[str, Needs] = {}
    for row in ordered:
        name, scope = row.offer_id, _scope(row, limits)
        others = [other for other in kept[scope] if first[other].watts <= row.watts or limits.power_kw is None]
        left[name] = carries[name] if name in limits.at_least else _needed(name, others, carries, elastic)
        if left[name] and stock[row.offer] is None:
            kept[scope].append(name)
    return [row for row in rows if (row.service, row.engine if per_engine else "") in left[row.offer_id]]


def _needed(name: str, others: list[str], carries: dict[str, Needs], elastic: dict[str, bool]) -> Needs:
    """Return what of an offer is left when others may replace it."""
    mine = carries[name]
    if elastic[name]:
        able = [carries[other] for other in others if elastic[other]]
        return {key: held for key, held in mine.items() if not any(one.get(key, 0) >= held for one in able)}
    replaced = any(all(carries[other].get(key, 0) >= held for key, held in mine.items()) for other in others)
    return {} if replaced else mine


def _scope(row: CaseRow, limits: Limits) -> Hashable:
    """Return what two offers must share for one to replace the other, by the rules in force."""
    by_gpu = limits.max_gpu_types is not None or limits.engine_policy == "per_gpu"
    survive = limits.survive
    place = row.place if survive.region else (row.provider,) if survive.provider else ()
    return (row.gpu if by_gpu else "", place, limits.spot_share_fraction is not None and row.is_spot)
