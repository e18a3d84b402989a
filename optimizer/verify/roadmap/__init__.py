"""Check any budget plan again in plain Python, from the problem and the catalog: no solver, no formulation.

Each rule of `roadmap/program.py` has its twin in `rules.py`, `check_<rule>`; what a node carries is derived from its
replicas' speed curves and memory as for any plan, and every amount of money from the prices.
"""

from __future__ import annotations

from optimizer.errors import VerificationError
from optimizer.load import Catalog
from optimizer.schema.budget_plan import BudgetPlan
from optimizer.schema.catalog import LlmModel
from optimizer.schema.problem import Problem
from optimizer.verify.roadmap.calendar import check_calendar, check_known_names, check_quarters_count
from optimizer.verify.roadmap.money import check_bound, check_cash, check_fiscal_years, check_terms, check_total_cost
from optimizer.verify.roadmap.rules import (
    check_cap_power,
    check_cap_spending,
    check_limit_gpu_types,
    check_limit_nodes,
    check_meet_demand,
    check_respect_stock,
    check_serve_with_what_stands,
    check_stays,
    check_survive_group_loss,
    check_survive_node_loss,
)
from optimizer.verify.roadmap.setups import check_setups
from optimizer.verify.roadmap.subject import RoadmapCheck, RoadmapSubject

ROADMAP_CHECKS: tuple[RoadmapCheck, ...] = (
    check_known_names, check_calendar, check_stays, check_setups, check_terms, check_quarters_count,
    check_serve_with_what_stands, check_meet_demand, check_respect_stock, check_cap_spending, check_limit_nodes,
    check_cap_power, check_limit_gpu_types, check_survive_node_loss, check_survive_group_loss, check_cash,
    check_fiscal_years, check_total_cost, check_bound,
)
"""All of them; the first two guard the others."""


def faults_of_budget_plan(
    plan: BudgetPlan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel]
) -> list[str]:
    """List every rule that a plan breaks; empty for a plan that stands, and for an answer without a plan."""
    if plan.status not in ("optimal", "feasible"):
        shown = plan.stays or plan.quarters or plan.total_cost_usd is not None
        return [f"status: {plan.status}, yet a plan is shown"] if shown else []
    subject = RoadmapSubject(plan, problem, catalog, own_models)
    for checks in (ROADMAP_CHECKS[:1], ROADMAP_CHECKS[1:3], ROADMAP_CHECKS[3:]):
        faults = [f"{check.__name__.removeprefix('check_')}: {fault}" for check in checks for fault in check(subject)]
        if faults:
            return faults
    return []


def verify_budget_plan(
    plan: BudgetPlan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel]
) -> BudgetPlan:
    """Return a plan that stands.

    Raises:
        VerificationError: it breaks a rule, which is our own fault.
    """
    faults = faults_of_budget_plan(plan, problem, catalog, own_models)
    if faults:
        raise VerificationError("the budget plan does not stand:\n  " + "\n  ".join(faults))
    return plan


__all__ = ["ROADMAP_CHECKS", "faults_of_budget_plan", "verify_budget_plan"]
