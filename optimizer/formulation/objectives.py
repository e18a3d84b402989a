"""What is minimised, one function each; every one has its twin in `verify/rules.py`."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.formulation.case import Case
from optimizer.formulation.cp_sat import LinearExpr
from optimizer.formulation.variables import Variables


def total_cost(case: Case, x: Variables) -> LinearExpr:
    """Micro-dollars an hour of all nodes together."""
    return LinearExpr.weighted_sum(x.nodes, [row.price for row in case.rows])


def node_count(case: Case, x: Variables) -> LinearExpr:
    """Nodes of the plan: the tie-break after cost and speed."""
    return LinearExpr.weighted_sum(x.nodes, [1] * len(x.nodes))


OBJECTIVES: dict[str, Callable[[Case, Variables], LinearExpr]] = {"cost": total_cost, "nodes": node_count}
"""By name."""
