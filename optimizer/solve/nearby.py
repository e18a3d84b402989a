"""The next best plans of another structure: other GPU types, or rented in place of owned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.formulation import Case, CaseRow, Variables, build_case, reduce_case, shortlist
from optimizer.formulation.cp_sat import CpModel
from optimizer.solve.prepare import Prepared
from optimizer.solve.search import Clock, Packing, Solution, SolveSettings, amount_at, kept_by, run_case, solution_of

Part = tuple[str, bool]
"""A GPU type, and whether its nodes are owned."""

MOST_STRUCTURES = 200
"""Structures looked at, padded ones included."""


def part_of(row: CaseRow) -> Part:
    """Return what a row contributes to a plan's structure."""
    return row.gpu, row.candidate.offer.kind == "owned"


def structure(solution: Solution) -> frozenset[Part]:
    """Return the GPU types of a plan, each owned or rented."""
    return frozenset(part_of(chosen.row) for chosen in solution.chosen)


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


def is_padded(prepared: Prepared, solution: Solution) -> bool:
    """Say whether some node may go and every service still has its demand: such a plan is none of its own."""
    limits, targets = prepared.problem.limits, prepared.candidates.targets()
    total = sum(chosen.nodes for chosen in solution.chosen)
    for position, chosen in enumerate(solution.chosen):
        name = chosen.row.offer_id
        same = sum(other.nodes for other in solution.chosen if other.row.offer_id == name)
        if total <= limits.nodes.min or same <= limits.at_least.get(name, 0):
            continue
        fewer = replace(chosen, nodes=chosen.nodes - 1)
        left = tuple(fewer if i == position else other for i, other in enumerate(solution.chosen))
        without = replace(solution, chosen=tuple(other for other in left if other.nodes))
        if all(
            kept_by(without, i, lambda one, i=i: amount_at(one, targets[i])) >= demand.amount  # type: ignore[misc]
            for i, demand in enumerate(prepared.candidates.demands)
        ):
            return True
    return False


def other_structures(
    prepared: Prepared, best: Solution, most_cost: int, settings: SolveSettings
) -> Iterator[Solution]:
    """Yield the cheapest plan of each other structure in rising cost, none above `most_cost` micro-dollars an hour.

    Each solve excludes the structures seen so far, so nothing in between is skipped; plans that only pad another one
    with a node that could go are left out. The last one is `infeasible` when nothing more lies within the cost, and
    anything but optimal or infeasible when a limit was reached.
    """
    limits, targets = prepared.problem.limits, prepared.candidates.targets()
    within = most_cost if prepared.budget is None else min(most_cost, prepared.budget)
    case = reduce_case(build_case(shortlist(prepared.candidates, limits), limits, targets, within), part_of)
    known, clock, packing = [structure(best)], Clock(settings), Packing.of(case)
    for _ in range(MOST_STRUCTURES):

        def build(cp: CpModel, x: Variables, known: list[frozenset[Part]] = known) -> None:
            """Exclude what is known and minimise."""
            _exclude(cp, case, x, known)
            packing.minimise(cp, case, x)

        run = run_case(case, settings, clock, build)
        solution = solution_of(case, run, packing.cost_bound(run.bound), run.counts, targets, limits.survive)
        if run.status != "optimal" or not is_padded(prepared, solution):
            yield solution
        if run.status != "optimal":
            return
        known = [*known, structure(solution)]
