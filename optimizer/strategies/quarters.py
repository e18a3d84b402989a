"""Budget plans: stays of quarters that overlap. SCIP searches; HiGHS where nodes may be lost, with rows of its own."""

from __future__ import annotations

import time
from dataclasses import replace

from optimizer.question.program import Program
from optimizer.question.question import Question
from optimizer.strategies.columns import cuts_of, relax
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Counts, Effort
from optimizer.strategies.highs import by_highs
from optimizer.strategies.rounding import strengthened
from optimizer.strategies.scip import by_scip
from optimizer.strategies.search import confirmed

NODES = 3_000
"""Nodes of the search tree where the user sets no limit: some twenty-five seconds on one core."""

SOON = 0.1
"""CP-SAT's deterministic time of the first attempt, which is enough for most budget plans."""


def spans_quarters(question: Question) -> bool:
    """Say whether nodes come and go by the quarter, each a peak: hours within quarters are left to HiGHS."""
    return question.periods[-1].quarter > 0 and not any(period.hours for period in question.periods)


def by_quarters(program: Program, effort: Effort, least: int = 0) -> Counts:
    """Minimise: CP-SAT soon, else SCIP from what it found.

    Where nodes may be lost one of several rows must hold in each quarter, which the linear relaxation hardly sees: the
    column generation's bound and a row for each quarter that keeps it lift the shipped budget plan's relaxation from
    3.9 to 8.4 million, and HiGHS finds better plans there than SCIP.
    """
    start = time.monotonic()
    first = by_cp_sat(program, effort.within(10.0, SOON), (), least)
    if first.status == "optimal":
        return confirmed(program, first, time.monotonic() - start, effort)
    if first.status == "infeasible" or effort.expired():
        return first
    relaxation, strong = relax(program, effort), strengthened(program, effort)
    if strong is None:
        return by_cp_sat(program, effort)
    best = replace(first, bound=max(first.bound, strong[1], relaxation.bound if relaxation else 0))
    if relaxation is not None and program.choices:
        tighter, engine = replace(program, rows=[*program.rows, *cuts_of(relaxation)]), by_highs
    else:
        tighter, engine = strong[0], by_scip
    found = engine(tighter, effort, best.values, None if effort.end is not None else NODES)
    return replace(best.better(found, program), hard=True)
