"""Whether a timetable keeps the rules that the search by staircases leaves out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable

from optimizer.formulation import CaseRow
from optimizer.formulation.case import firm_demand
from optimizer.timetable.case import TimeCase
from optimizer.timetable.ladder import Roster


def keeps_all(case: TimeCase, found: Roster) -> bool:
    """Say whether a timetable that meets demand, stock and held nodes keeps every other rule but the budget."""
    return _nodes(case, found) and _types(case, found) and _power(case, found) and all(
        _losses(case, found, service, slot) and _firm(case, found, service, slot)
        for slot, asked in enumerate(case.slots) for service, demand in enumerate(asked.demand) if demand
    )


def _nodes(case: TimeCase, found: Roster) -> bool:
    allowed = case.limits.nodes
    there = [sum(found.base) + sum(found.use[i][slot] for i in case.elastic) for slot in range(len(case.slots))]
    return all(allowed.min <= nodes and (allowed.max is None or nodes <= allowed.max) for nodes in there)


def _types(case: TimeCase, found: Roster) -> bool:
    used = [row for row, counts in zip(case.rows, found.use, strict=True) if any(counts)]
    most, policy = case.limits.max_gpu_types, case.limits.engine_policy
    engines: dict[str, set[str]] = defaultdict(set)
    for row in used:
        engines[row.gpu if policy == "per_gpu" else ""].add(row.engine)
    few = most is None or len({row.gpu for row in used}) <= most
    return few and (policy == "any" or all(len(names) == 1 for names in engines.values()))


def _power(case: TimeCase, found: Roster) -> bool:
    drawn = sum(base.watts * count for base, count in zip(case.bases, found.base, strict=True))
    return case.watts is None or drawn <= case.watts


def _firm(case: TimeCase, found: Roster, service: int, slot: int) -> bool:
    """Say whether the nodes of a service that are not spot carry their share of its demand in a slot."""
    if case.spot_share is None:
        return True
    firm = [i for i in case.of_service(service) if not case.rows[i].is_spot]
    carried = sum(case.carries(i, slot) * found.use[i][slot] for i in firm)
    return carried >= firm_demand(case.slots[slot].demand[service], case.spot_share)


def _losses(case: TimeCase, found: Roster, service: int, slot: int) -> bool:
    """Say whether a service keeps its demand in a slot after the worst loss."""
    held = [(case.carries(i, slot), found.use[i][slot], case.rows[i]) for i in case.of_service(service)]
    survive, demand = case.limits.survive, case.slots[slot].demand[service]
    left, gone = sum(capacity * nodes for capacity, nodes, _ in held), survive.nodes
    for capacity, nodes, _ in sorted(held, key=lambda one: -one[0]):
        left -= capacity * min(nodes, gone)
        gone -= min(nodes, gone)
    groups: list[tuple[bool, Callable[[CaseRow], Hashable]]] = [
        (survive.provider, lambda row: row.provider), (survive.region, lambda row: row.place)]
    for asked, group in groups:
        for lost in {group(row) for _, nodes, row in held if nodes} if asked else ():
            left = min(left, sum(capacity * nodes for capacity, nodes, row in held if group(row) != lost))
    return left >= demand
