"""Many demands on shared nodes: the column generation's bound, then programs over ever more of what may pay.

The regret of a column is what a plan costs more than the bound, at least, when it has one of it. A plan that is known
leaves nothing cheaper among columns of larger regret than its distance from the bound, so that a program over the
others proves as much as the whole one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from optimizer.question.program import Program
from optimizer.question.question import Question
from optimizer.strategies.columns import SCALE, Relaxation, narrowed, regrets, relax
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Counts, Effort
from optimizer.strategies.highs import by_highs
from optimizer.strategies.rounding import strengthened

MANY = 60
"""Demands (services times periods) on shared nodes from which column generation is quicker than the plain program."""

PORTIONS = (2**16, 2**14, 2**12, 2**10, 2**7, 2**4)
"""The first programs hold what costs up to the bound divided by so much more than the bound."""

NODES = 40
"""Nodes of HiGHS's search tree for each program where the user sets no limit."""

SECONDS = 60.0
"""Most seconds for the last program where the user sets no limit."""

FIRST, ROUND_S = 64, 10.0
"""What a use may cost more in the first plan, as a part of the bound, and seconds for it."""

LARGE = 30_000
"""Columns beyond which HiGHS adds nothing within minutes to what the narrower programs found."""

LAST = 1.0
"""CP-SAT's deterministic time for the last attempt at a proof."""

ENOUGH = 1e-6
"""Gap, relative, at which the search ends: HiGHS counts in doubles and proves no more."""


def has_many_demands(question: Question) -> bool:
    """Say whether nodes are shared and there are many demands to cover, by nodes alone."""
    demands = sum(1 for period in question.periods for amount in period.demand if amount)
    shared = any(way.gpus for way in question.ways)
    plain = not question.hosted and not any(question.routes(service) for service in range(question.services))
    return shared and demands >= MANY and plain


def by_columns(program: Program, effort: Effort, least: int = 0) -> Counts:
    """Minimise a program of many covering rows; proven, or with the gap that was reached."""
    relaxation = relax(program, effort)
    if relaxation is None:
        return by_highs(program, effort)
    best, regret = Counts("unknown", (), max(least, relaxation.bound), "columns"), regrets(relaxation)
    best = _rounded(program, best, relaxation, regret, effort)
    for portion in PORTIONS:
        slack = max(1, relaxation.bound // portion) * SCALE
        if best.values:
            slack = min(slack, _distance(program, best, relaxation))
        best = best.better(_over(program, relaxation, regret, slack, best, _share(effort), False), program)
        if effort.expired() or _is_enough(program, best) or (
                best.values and _distance(program, best, relaxation) <= slack * 8):
            break
    best = _ended(program, best, relaxation, regret, effort)
    return replace(_last_parts(program, best, relaxation, regret, effort), hard=True, method="columns")


def _ended(
    program: Program, best: Counts, relaxation: Relaxation, regret: Sequence[int], effort: Effort
) -> Counts:
    """Minimise over all that may still pay; a cheaper plan found there leaves less of it, so twice."""
    for _ in range(2):
        if _is_enough(program, best) or effort.expired():
            break
        distance, known = None, best.values
        if known:
            distance = _distance(program, best, relaxation)
            if sum(map(bool, narrowed(program, relaxation, regret, distance))) > LARGE:
                break
        best = best.better(_over(program, relaxation, regret, distance, best, effort, True), program)
        if known and program.cost_of(best.values) == program.cost_of(known):
            break
    return best


def _last_parts(
    program: Program, best: Counts, relaxation: Relaxation, regret: Sequence[int], effort: Effort
) -> Counts:
    """Let CP-SAT, which counts in whole numbers, prove what is left over the columns that may still pay."""
    if not best.values or best.status == "optimal":
        return best
    most = narrowed(program, relaxation, regret, _distance(program, best, relaxation))
    if sum(map(bool, most)) > LARGE:
        return best
    part, kept = program.within([max(a, b) for a, b in zip(most, best.values, strict=True)])
    found = by_cp_sat(part, effort.within(float("inf"), LAST), [best.values[c] for c in kept], best.bound)
    return best.better(_whole(program, kept, found), program)


def _whole(program: Program, kept: Sequence[int], found: Counts) -> Counts:
    """Write what was found over some columns in those of the whole program; what is claimed of it is left to bounds."""
    values = [0] * len(program.costs)
    for column, value in zip(kept, found.values, strict=False):
        values[column] = value
    stands = bool(found.values) and program.is_kept(values)
    return Counts("unknown", tuple(values) if stands else (), found.bound, "columns")


def _rounded(
    program: Program, best: Counts, relaxation: Relaxation, regret: Sequence[int], effort: Effort
) -> Counts:
    """Find a first plan: demands that the master serves by one set of uses keep it, the others are free."""
    most, slack = list(program.most), max(1, relaxation.scaled // FIRST)
    for rows, counts in zip(relaxation.covers, relaxation.chosen, strict=True):
        for column, count in zip(rows[0].columns, counts or (0,) * len(rows[0].columns), strict=True):
            free = counts is None and regret[column] <= slack
            most[column] = min(most[column], most[column] if free else count)
    part, kept = program.within(most)
    found = by_highs(part, effort.within(ROUND_S, float("inf")), (), NODES)
    return best.better(replace(_whole(program, kept, found), bound=0), program)


def _distance(program: Program, best: Counts, relaxation: Relaxation) -> int:
    """Return by how many parts a known plan lies above the bound."""
    return program.cost_of(best.values) * SCALE - relaxation.scaled


def _is_enough(program: Program, best: Counts) -> bool:
    return bool(best.values) and (cost := program.cost_of(best.values)) - best.bound <= ENOUGH * cost


def _share(effort: Effort) -> Effort:
    """Give one of the first programs a part of the time."""
    left = effort.left()
    return effort if left is None else Effort(time.monotonic() + left / 4, effort.deterministic, effort.seed)


def _over(
    program: Program, relaxation: Relaxation, regret: Sequence[int], slack: int | None, best: Counts, effort: Effort,
    whole: bool,
) -> Counts:
    """Minimise over the columns within a slack and those of the plan that is known, in the whole program's columns.

    Args:
        program: the whole program.
        relaxation: its bound.
        regret: what a plan costs more with one of a column.
        slack: what a plan may cost more than the bound, in parts; None: anything.
        best: the plan that is known.
        effort: limits of the search.
        whole: whether nothing cheaper is left out, so that the bound holds for the whole program.
    """
    most = list(program.most) if slack is None else narrowed(program, relaxation, regret, slack)
    most = [max(a, b) for a, b in zip(most, best.values or (0,) * len(most), strict=True)]
    part, kept = program.within(most)
    strong = strengthened(part, effort)
    if strong is None:
        return Counts("unknown")  # the plain program says whether there is no plan: this relaxation counts in doubles
    hint = [best.values[column] for column in kept] if best.values else ()
    nodes = NODES if effort.end is None else None
    limited = effort if effort.end is not None else effort.within(SECONDS, float("inf"))
    found = by_highs(strong[0], limited, hint, nodes)
    return replace(_whole(program, kept, found), bound=max(strong[1], found.bound) if whole else 0)
