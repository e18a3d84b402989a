"""What is minimised, one function each; every one has its twin in `verify/rules.py`."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.formulation.case import Case
from optimizer.formulation.cp_sat import LinearExpr
from optimizer.formulation.variables import Variables


def total_cost(case: Case, x: Variables) -> LinearExpr:
    """Micro-dollars an hour of all nodes together: the bills of providers with a contract, the prices of the others."""
    prices = [0 if row.provider in x.billed else row.price for row in case.rows]
    return LinearExpr.weighted_sum([*x.nodes, *x.billed.values()], [*prices, *(1 for _ in x.billed)])


def node_count(case: Case, x: Variables) -> LinearExpr:
    """Nodes of the plan: the tie-break after cost and speed."""
    return LinearExpr.weighted_sum(x.nodes, [1] * len(x.nodes))


OBJECTIVES: dict[str, Callable[[Case, Variables], LinearExpr]] = {"cost": total_cost, "nodes": node_count}
"""By name."""
