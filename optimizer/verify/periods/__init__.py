"""Check a plan of periods again in plain Python, from the problem and the catalog."""

from __future__ import annotations

from optimizer.errors import VerificationError
from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.verify.broken import Broken, broken_by
from optimizer.verify.classes import check_class_promise
from optimizer.verify.figures import (
    check_answered_once,
    check_known_names,
    check_local_cost,
    check_policy,
    check_shown_speeds,
)
from optimizer.verify.known import KnownFigures
from optimizer.verify.periods.figures import (
    check_carried_in_periods,
    check_services,
    check_shares,
    check_speed_in_periods,
)
from optimizer.verify.periods.hosted import (
    check_hosted,
    check_hosted_names,
    check_spot_beside_apis,
    check_survive_api_loss,
)
from optimizer.verify.periods.loads import (
    check_mean_use,
    check_most_at_one_time,
    check_no_classes,
    check_peak_use,
    check_shares_by_period,
)
from optimizer.verify.periods.money import (
    check_contract_line,
    check_node_lines,
    check_node_prices,
    check_sums_to_approve,
    check_total_cost,
)
from optimizer.verify.periods.roadmap import check_cap_spending, check_cash, check_roadmap, check_terms
from optimizer.verify.periods.rules import (
    check_carry_demand,
    check_come_and_go,
    check_finish_work,
    check_fit_on_nodes,
    check_limit_gpu_types,
    check_limits_of_nodes,
    check_periods,
    check_respect_stock,
    check_survive_losses,
)
from optimizer.verify.periods.subject import PeriodsSubject, empty_of
from optimizer.verify.replicas import check_engines_run, check_memory, check_node_capacity, check_replica_promise
from optimizer.verify.rules import check_choose_engines

GUARDS = (check_known_names, check_answered_once, check_periods)
"""They guard the others, which look up what they find to exist."""

OF_REPLICAS = (check_engines_run, check_class_promise, check_replica_promise, check_memory, check_node_capacity,
               check_shown_speeds, check_local_cost)
"""Checks of deployments, each replica of a shared node taken as a node of its own."""

RULES = (
    check_fit_on_nodes, check_carry_demand, check_finish_work, check_survive_losses, check_respect_stock,
    check_limits_of_nodes, check_limit_gpu_types, check_choose_engines, check_come_and_go, check_total_cost,
    check_roadmap, check_cash, check_cap_spending, check_terms, check_node_lines, check_node_prices,
    check_contract_line,
    check_speed_in_periods, check_services,
    check_carried_in_periods, check_shares, check_hosted, check_spot_beside_apis, check_survive_api_loss,
    check_most_at_one_time, check_shares_by_period, check_mean_use, check_peak_use, check_no_classes,
)

LAST = (check_sums_to_approve,)
"""Checks that look at facts of nodes which another check holds first."""


def faults_of_periods(
    plan: Plan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel], known: KnownFigures | None = None
) -> list[Broken]:
    """List every rule that a plan of periods breaks; empty for one that stands, and for an answer without a plan."""
    if plan.status not in ("optimal", "feasible"):
        return [] if empty_of(plan) else [Broken("status", f"{plan.status}, yet a plan is shown")]
    if plan.sharing != problem.sharing:
        return [Broken("sharing", f"{plan.sharing}, {problem.sharing} asked for")]
    subject = PeriodsSubject(plan, problem, catalog, own_models, KnownFigures() if known is None else known)
    whole = subject.whole
    for checks, about in ((GUARDS, whole), ((check_hosted_names,), subject), (OF_REPLICAS, whole), (RULES, subject),
                          (LAST, subject)):
        found = list(broken_by(checks, about))
        if found:
            return found
    already = [] if problem.roadmap is None else [one.offer_id for one in problem.roadmap.owned_already]
    return [Broken("policy", fault) for fault in check_policy(subject) if not any(name in fault for name in already)]


def verify_periods(
    plan: Plan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel], known: KnownFigures | None = None
) -> Plan:
    """Return a plan that stands.

    Raises:
        VerificationError: it breaks a rule, which is our own fault.
    """
    faults = faults_of_periods(plan, problem, catalog, own_models, known)
    if faults:
        raise VerificationError("the plan does not stand:\n  " + "\n  ".join(faults))
    return plan
