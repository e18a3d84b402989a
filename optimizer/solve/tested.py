"""A prepared problem, solved; among equally cheap plans one that rests on own measurements comes first."""

from __future__ import annotations

from optimizer.solve.prepare import Prepared
from optimizer.solve.prove import SolveSettings
from optimizer.solve.search import Solution, solve


def solve_prepared(prepared: Prepared, settings: SolveSettings) -> Solution:
    """Solve a problem; of equally cheap plans return one without estimates, where own measurements allow one.

    Ties of cost are broken by speed, so that an untested engine of a higher estimate would else take the place of one
    that was tested and keeps its promise. Without measured rows of an overlay nothing changes.
    """
    limits, budget = prepared.problem.limits, prepared.budget
    solution = solve(prepared.candidates, limits, budget, settings)
    if solution.status != "optimal" or not prepared.catalog.from_overlay.get("throughput"):
        return solution
    measured = solve(prepared.candidates.under("interpolated"), limits, budget, settings)
    alike = measured.status == "optimal" and measured.cost == solution.cost
    return measured if alike else solution
