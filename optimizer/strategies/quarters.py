"""Budget plans: stays of quarters that overlap. SCIP searches; HiGHS where nodes may be lost, with rows of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from optimizer.question.program import Program
from optimizer.question.question import Question
from optimizer.strategies.columns import SCALE, Relaxation, cuts_of, narrowed, regrets, relax
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import WHOLE, Counts, Effort
from optimizer.strategies.highs import by_highs
from optimizer.strategies.rounding import strengthened
from optimizer.strategies.scip import by_scip
from optimizer.strategies.search import Found, confirmed, search

NODES = 3_000
"""Nodes of SCIP's search tree where the user sets no limit: some twenty-five seconds on one core."""

SOON = 0.1
"""CP-SAT's deterministic time of the first attempt, which is enough for most budget plans."""

LAST, LAST_TIME = 1e-5, 0.6
"""Gap that only CP-SAT can close, as other engines count in doubles; its deterministic time for that."""

PORTIONS = (32, 16, 8)
"""Where nodes may be lost the first searches look at what costs up to the bound divided by so much more than it."""

NEAR_NODES, LOSS_NODES = 150, 2_000
"""Nodes of HiGHS's tree in each of these, and in the last one, where the user sets no limit."""


def spans_quarters(question: Question) -> bool:
    """Say whether nodes come and go by the quarter, each a peak: with hours the plain program's engines are better."""
    return question.periods[-1].quarter > 0 and not any(period.hours for period in question.periods)


def by_quarters(question: Question, effort: Effort, reduce: bool) -> Found:
    """Answer a question by its programs, minimised as budget plans are."""
    return search(question, effort, reduce, minimised)


def minimised(program: Program, effort: Effort, least: int = 0) -> Counts:
    """Minimise: CP-SAT soon, else SCIP over the program with roundings, or HiGHS with rows of its own after losses."""
    start = time.monotonic()
    first = by_cp_sat(program, effort.within(10.0, SOON), (), least)
    if first.status == "optimal":
        return confirmed(program, first, time.monotonic() - start, effort)
    if first.status == "infeasible" or effort.expired():
        return first
    best, relaxation = replace(first, hard=True), relax(program, effort.part(4)) if program.choices else None
    if relaxation is not None:
        best = _after_losses(program, relaxation, best, effort)
    elif (strong := strengthened(program, effort)) is not None:
        found = by_scip(strong[0], effort, best.values, effort.nodes(NODES))
        if found.status != "infeasible":
            best = best.better(replace(found, bound=max(found.bound, strong[1])), program)
    return _closed(program, best, effort)


def _closed(program: Program, best: Counts, effort: Effort) -> Counts:
    """Let CP-SAT say what only whole numbers prove: that there is no plan, or the last part of a gap."""
    if effort.expired() or (best.values and program.cost_of(best.values) - best.bound > LAST * best.bound):
        return best
    most = LAST_TIME if best.values else WHOLE
    limited = effort if effort.end is not None else effort.within(inf, most)
    return best.better(by_cp_sat(program, limited, best.values, best.bound), program)


def _after_losses(program: Program, relaxation: Relaxation, best: Counts, effort: Effort) -> Counts:
    """Search with a row for each quarter that keeps the column generation's bound, first among what is near it.

    After the loss of any node one of several rows must hold in each quarter, which the linear relaxation hardly sees:
    for the shipped budget plan these rows lift it from 3.9 to 8.4 million. HiGHS finds better plans there than SCIP.
    """
    tighter = replace(program, rows=[*program.rows, *cuts_of(relaxation)])
    regret, best = regrets(relaxation), replace(best, bound=max(best.bound, relaxation.bound))
    for portion in PORTIONS:
        most = narrowed(program, relaxation, regret, max(1, relaxation.bound // portion) * SCALE)
        best = best.better(replace(_among(tighter, most, best, effort.part(5), NEAR_NODES), bound=0), program)
    slack = program.cost_of(best.values) * SCALE - relaxation.scaled if best.values else None
    most = program.most if slack is None else narrowed(program, relaxation, regret, slack)
    return best.better(_among(tighter, most, best, effort, LOSS_NODES), program)


def _among(program: Program, most: Sequence[int], best: Counts, effort: Effort, nodes: int) -> Counts:
    """Minimise under lower mosts, which leave room for the plan that is known."""
    part, kept = program.within([max(pair) for pair in zip(most, best.values or (0,) * len(most), strict=True)])
    hint = [best.values[column] for column in kept] if best.values else ()
    found = by_highs(part, effort, hint, effort.nodes(nodes))
    values = [0] * len(most)
    for column, value in zip(kept, found.values, strict=False):
        values[column] = value
    if found.status == "infeasible":  # of the part only, and counted in doubles: nothing that is believed
        return Counts("unknown", method="highs")
    return replace(found, status="unknown", values=tuple(values) if found.values else ())
