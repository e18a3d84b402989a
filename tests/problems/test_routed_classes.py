"""Shipped problems whose classes are routed apart: HiGHS agrees on the whole model, and a mix costs more."""

from __future__ import annotations

import pytest
from ortools.math_opt.python import mathopt

from optimizer.formulation import build_case
from optimizer.load import load_catalog, load_problem, shipped_problem_names
from optimizer.load.problem import with_known_shapes
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from tests.problems.conftest import loaded_with_catalog

ROUTED = [
    name for name in shipped_problem_names()
    if any(service.routes_classes for service in load_problem(name).problem.services)
]


def highs_micro_usd_per_hour(name: str) -> int:
    """Return the least cost over every offer and option, nothing reduced, classes split freely."""
    loaded, catalog = loaded_with_catalog(name)
    candidates = prepare(loaded, catalog).candidates
    case = build_case(candidates, loaded.problem.limits, candidates.targets(), None, unreduced=True)
    model = mathopt.Model()
    nodes = [model.add_integer_variable(lb=0, ub=row.most) for row in case.rows]
    loads = [-1.0 * node for node in nodes]
    for k, demand in enumerate(case.class_demands[0]):
        shares = {i: model.add_variable(lb=0.0) for i, row in enumerate(case.rows) if row.classes[k]}
        model.add_linear_constraint(sum(shares.values()) == 1.0)
        for i, share in shares.items():
            loads[i] += float(demand / case.rows[i].classes[k]) * share
    for load in loads:
        model.add_linear_constraint(load <= 0.0)
    model.minimize(sum(row.price * node for row, node in zip(case.rows, nodes, strict=True)))
    params = mathopt.SolveParameters(relative_gap_tolerance=0.0)
    found = mathopt.solve(model, mathopt.SolverType.HIGHS, params=params)
    return sum(row.price * round(found.variable_values(node)) for row, node in zip(case.rows, nodes, strict=True))


@pytest.mark.parametrize("name", ROUTED)
def test_highs_finds_nothing_cheaper(name: str) -> None:
    loaded, catalog = loaded_with_catalog(name)
    prepared = prepare(loaded, catalog)
    found = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings())
    assert found.cost == highs_micro_usd_per_hour(name)


def cost_of(name: str, *overrides: str) -> float:
    loaded = load_problem(name, overrides)
    catalog = load_catalog(references={service.model for service in loaded.problem.services})
    prepared = prepare(with_known_shapes(loaded, catalog), catalog)
    plan = plan_of(prepared, solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings()))
    assert plan.cost.usd_per_month is not None
    return plan.cost.usd_per_month


@pytest.mark.parametrize("name", ["documents-by-length", "chat-with-documents"])
@pytest.mark.parametrize("used", ["1", "0.8"])
def test_routing_saves_money(name: str, used: str) -> None:
    limit = f"limits.max_utilisation_fraction={used}"
    routed, mixed = (cost_of(name, f"services.0.routing={routing}", limit) for routing in ("by_class", "mixed"))
    assert routed <= mixed
    if (name, used) == ("documents-by-length", "1"):  # at today's prices the other needs one kind of node either way
        assert routed < mixed
