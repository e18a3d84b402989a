"""Check services that are cut, and who pays what, in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import isclose

from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem
from optimizer.verify.subject import TOLERANCE


def served_of(plan: Plan, problem: Problem) -> Problem:
    """Return the problem of the services that a plan serves; the same where none is cut."""
    cut = {one.service_id for one in plan.shed}
    kept = tuple(service for service in problem.services if service.service_id not in cut)
    return problem.model_copy(update={"services": kept}) if cut and kept else problem


def check_shed(plan: Plan, problem: Problem) -> Iterator[str]:
    """Those that are cut are services of the problem, each once, with its own priority, and not all of them."""
    priorities = {service.service_id: service.priority for service in problem.services}
    cut = [one.service_id for one in plan.shed]
    if len(set(cut)) < len(cut):
        yield "a service is cut twice"
    if cut and set(cut) >= priorities.keys():
        yield "all services are cut, yet a plan is shown"
    for one in plan.shed:
        if priorities.get(one.service_id) != one.priority:
            yield f"{one.service_id} with priority {one.priority}, {priorities.get(one.service_id)} in the problem"


def check_parts_of_cost(plan: Plan) -> Iterator[str]:
    """Every service served pays once, and each way of sharing adds up to the cost in whole cents."""
    cost = plan.cost.usd_per_month or 0.0
    if plan.shares and sorted(one.service_id for one in plan.shares) != sorted(s.service_id for s in plan.services):
        yield "those who pay are not those served"
    for key in ("proportional_usd_per_month", "shapley_usd_per_month", "marginal_usd_per_month"):
        parts = [getattr(one, key) for one in plan.shares]
        known = [Decimal(repr(part)) for part in parts if part is not None]
        if known and (len(known) < len(parts) or min(known) < 0 or sum(known) != Decimal(f"{cost:.2f}")):
            yield f"{key} adds up to {sum(known)} of {cost:.2f} USD/month"
    saving, alone = plan.saving, [one.alone_usd_per_month for one in plan.shares]
    if saving is None or saving.separate_usd_per_month is None or not alone:
        return
    apart = sum(one or 0.0 for one in alone)
    if None in alone or not isclose(saving.separate_usd_per_month, apart, rel_tol=TOLERANCE, abs_tol=1e-6):
        yield f"separate plans of {saving.separate_usd_per_month} USD/month, {apart} by the services"
    if not isclose(saving.saved_usd_per_month or 0.0, apart - cost, rel_tol=TOLERANCE, abs_tol=1e-6):
        yield f"{saving.saved_usd_per_month} USD/month saved, {apart - cost} by the costs"
