"""The next best plans of another structure: other GPU types, or rented in place of owned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from optimizer.formulation import Case, CaseRow, Variables, build_case, reduce_case, shortlist
from optimizer.formulation.case import firm_demand
from optimizer.formulation.cp_sat import CpModel, IntVar, LinearExpr
from optimizer.solve.prepare import Prepared
from optimizer.solve.prove import Clock, Packing, SolveSettings, proven_of, run_case
from optimizer.solve.search import Solution, amount_at, kept_by, solution_of

Part = tuple[str, bool]
"""A GPU type, and whether its nodes are owned."""

MOST_STRUCTURES = 200
"""Structures looked at, padded ones included."""


def part_of(row: CaseRow) -> Part:
    """Return what a row contributes to a plan's structure."""
    return row.gpu, row.candidate.offer.kind == "owned"


def structure(solution: Solution) -> frozenset[Part]:
    """Return the GPU types of a plan, each owned or rented."""
    return frozenset(part_of(chosen.row) for chosen in solution.every)


def _exclude(cp: CpModel, case: Case, x: Variables, known: list[frozenset[Part]]) -> None:
    """Allow only structures other than those known: some part of each is missing, or some other part is there."""
    parts = sorted({part_of(row) for row in case.rows})
    used = {part: cp.new_bool_var("") for part in parts}
    for part in parts:
        mine = [i for i, row in enumerate(case.rows) if part_of(row) == part]
        cp.add(sum(x.nodes[i] for i in mine) >= used[part])
        for i in mine:
            cp.add(x.nodes[i] <= case.rows[i].most * used[part])
    for one in known:
        cp.add_bool_or([used[part].negated() if part in one else used[part] for part in parts])


def removable(prepared: Prepared, solution: Solution) -> CaseRow | None:
    """Return a row of which a node may go while every service still has its demand, None when every node is needed."""
    limits, targets = prepared.problem.limits, prepared.candidates.targets()
    total = sum(chosen.nodes for chosen in solution.every)
    for position, chosen in enumerate(solution.chosen):
        name = chosen.row.offer_id
        same = sum(other.nodes for other in solution.every if other.row.offer_id == name)
        if total <= limits.nodes.min or same <= limits.at_least.get(name, 0):
            continue
        fewer = replace(chosen, nodes=chosen.nodes - 1)
        left = tuple(fewer if i == position else other for i, other in enumerate(solution.chosen))
        without = replace(solution, chosen=tuple(other for other in left if other.nodes))
        if all(
            kept_by(without, i, lambda one, i=i: amount_at(one, targets[i])) >= demand.amount  # type: ignore[misc]
            for i, demand in enumerate(prepared.candidates.demands)
        ):
            return chosen.row
    return None


Sums = list[tuple[list[int], int]]
"""What is carried by one node of each row, and what all must carry at least."""


def _losses(case: Case, mine: list[int], row: CaseRow) -> Iterator[Sums]:
    """Yield what must be carried after each loss that a node of a row helps with; one of the sums is enough."""
    demand = case.demand[row.service]
    yield [([case.rows[i].capacity for i in mine], demand)]
    if case.lose_nodes:
        levels = sorted({case.rows[i].capacity for i in mine})
        yield [([min(case.rows[i].capacity, t) for i in mine], demand + case.lose_nodes * t) for t in levels]
    if case.spot_share is not None and not row.is_spot:
        firm = [0 if case.rows[i].is_spot else case.rows[i].capacity for i in mine]
        yield [(firm, firm_demand(demand, case.spot_share))]
    for asked, parts in ((case.lose_provider, 1), (case.lose_region, 2)):  # a place is a provider and its region
        names = {case.rows[i].place[:parts] for i in mine} - {row.place[:parts]} if asked else set()
        for lost in sorted(names):
            yield [([0 if case.rows[i].place[:parts] == lost else case.rows[i].capacity for i in mine], demand)]


def _only_if_needed(cp: CpModel, case: Case, x: Variables, index: int) -> None:
    """Nodes of a row are there only if one less breaks a rule: a demand, after a loss too, or a least number."""
    row = case.rows[index]
    mine = [i for i, other in enumerate(case.rows) if other.service == row.service]
    reasons = []

    def at_most(indices: Iterable[int], weights: list[int], most: int, reason: IntVar) -> None:
        """Keep a sum down where a reason is given."""
        held = LinearExpr.weighted_sum([x.nodes[i] for i in indices], weights)
        cp.add(held <= most).only_enforce_if(reason)

    for broken in _losses(case, mine, row):
        reasons.append(cp.new_bool_var(""))
        for weights, least in broken:
            at_most(mine, weights, least - 1 + weights[mine.index(index)], reasons[-1])
    same = [i for i, other in enumerate(case.rows) if other.offer_id == row.offer_id]
    for indices, least in ((range(len(case.rows)), case.min_nodes), (same, dict(case.at_least).get(row.offer_id, 0))):
        reasons.append(cp.new_bool_var(""))
        at_most(indices, [1] * len(indices), least, reasons[-1])
    absent = cp.new_bool_var("")
    cp.add(x.nodes[index] == 0).only_enforce_if(absent)
    cp.add_bool_or([absent, *reasons])


def other_structures(
    prepared: Prepared, best: Solution, most_cost: int, settings: SolveSettings
) -> Iterator[Solution]:
    """Yield the cheapest plan of each other structure in rising cost, none above `most_cost` micro-dollars an hour.

    Each solve excludes the structures seen so far, so nothing in between is skipped. A plan that only pads another one
    with a node that could go is none of its own: the row of that node is from then on only there where it is needed.
    The last one is `infeasible` when nothing more lies within the cost, and anything but optimal or infeasible when a
    limit was reached.
    """
    limits, targets = prepared.problem.limits, prepared.candidates.targets()
    within = most_cost if prepared.budget is None else min(most_cost, prepared.budget)
    case = reduce_case(build_case(shortlist(prepared.candidates, limits), limits, targets, within), part_of)
    known, needed, clock, packing = [structure(best)], list[int](), Clock(settings), Packing.of(case)
    for _ in range(MOST_STRUCTURES):

        def build(cp: CpModel, x: Variables) -> None:
            """Exclude what is known and minimise."""
            _exclude(cp, case, x, known)
            for index in needed:
                _only_if_needed(cp, case, x, index)
            packing.minimise(cp, case, x)

        run = run_case(case, settings, clock, build)
        found = proven_of(case, run, packing.cost_bound(run.bound), run.counts)
        solution = solution_of(case, found, targets, limits.survive)
        spare = removable(prepared, solution) if run.status == "optimal" else None
        if spare is not None:
            needed.append(next(i for i, row in enumerate(case.rows) if row is spare))
            continue
        yield solution
        if run.status != "optimal":
            return
        known.append(structure(solution))
