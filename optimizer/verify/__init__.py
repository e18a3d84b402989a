"""Check any plan again in plain Python, from the problem and the catalog: no solver, no formulation.

Each rule of `formulation/constraints.py` has its twin here, `check_<rule>`, stated in the user's own quantities; an
objective's twin recomputes it. What a replica can carry is derived from its speed curve and its memory, request by
request, not taken from the candidates; and no figure that the plan prints may look better than it is.
"""

from __future__ import annotations

from optimizer.demand import profile_hours
from optimizer.errors import VerificationError
from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.verify.broken import Broken, broken_by
from optimizer.verify.classes import check_class_figures, check_class_promise, check_split_classes
from optimizer.verify.figures import (
    check_answered_once,
    check_approval,
    check_deployments_fill_nodes,
    check_known_names,
    check_known_offers,
    check_load,
    check_plan_speed,
    check_policy,
    check_service_figures,
    check_shown_speeds,
    check_unit_costs,
)
from optimizer.verify.known import KnownFigures
from optimizer.verify.replicas import check_engines_run, check_memory, check_node_capacity, check_replica_promise
from optimizer.verify.rules import (
    check_cap_power,
    check_cap_spot_share,
    check_choose_engines,
    check_hold_nodes,
    check_keep_budget,
    check_limit_gpu_types,
    check_limit_nodes,
    check_meet_demand,
    check_node_count,
    check_pay_contracts,
    check_respect_stock,
    check_survive_node_loss,
    check_survive_provider_loss,
    check_survive_region_loss,
    check_total_cost,
)
from optimizer.verify.sharing import check_parts_of_cost, check_shed, served_of
from optimizer.verify.subject import Check, Subject

CHECKS: tuple[Check, ...] = (
    check_known_names, check_known_offers, check_answered_once, check_approval, check_policy,
    check_deployments_fill_nodes, check_engines_run, check_replica_promise, check_memory, check_node_capacity,
    check_meet_demand,
    check_class_promise, check_split_classes, check_class_figures, check_respect_stock,
    check_keep_budget, check_limit_nodes, check_hold_nodes, check_limit_gpu_types, check_choose_engines,
    check_survive_node_loss, check_survive_provider_loss, check_survive_region_loss, check_cap_spot_share,
    check_cap_power, check_pay_contracts, check_total_cost,
    check_node_count,
    check_shown_speeds, check_load, check_plan_speed, check_service_figures, check_unit_costs,
)
"""All of them; the first guards the others, which look up what it finds to exist."""


def faults_of_plan(
    plan: Plan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel], known: KnownFigures | None = None
) -> list[Broken]:
    """List every rule that a plan breaks; empty for a plan that stands, and for an answer without a plan.

    Args:
        known: keeps what was worked out of replicas for further plans of the same catalog.
    """
    if plan.status not in ("optimal", "feasible"):
        shown = plan.nodes or plan.deployments or plan.services or plan.cost.usd_per_month is not None
        return [Broken("status", f"{plan.status}, yet a plan is shown")] if shown else []
    beside = [*(Broken("shed", fault) for fault in check_shed(plan, problem)),
              *(Broken("shares", fault) for fault in check_parts_of_cost(plan))]
    if beside:
        return beside
    problem = served_of(plan, problem)
    if plan.periods:
        from optimizer.verify.periods import faults_of_periods  # most plans have none

        return faults_of_periods(plan, problem, catalog, own_models, known)
    if profile_hours(problem) is not None:
        return [Broken("periods", "none are shown, and the problem states a demand by the hour")]
    subject = Subject(plan, problem, catalog, own_models, KnownFigures() if known is None else known)
    for checks in (CHECKS[:1], CHECKS[1:]):
        faults = list(broken_by(checks, subject))
        if faults:
            return faults
    return []


def verify_plan(
    plan: Plan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel], known: KnownFigures | None = None
) -> Plan:
    """Return a plan that stands.

    Raises:
        VerificationError: it breaks a rule, which is our own fault.
    """
    faults = faults_of_plan(plan, problem, catalog, own_models, known)
    if faults:
        raise VerificationError("the plan does not stand:\n  " + "\n  ".join(faults))
    return plan
