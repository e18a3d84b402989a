"""Why a problem of several periods or shared nodes has no plan: each rule lifted alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from optimizer.costs.quarters import Calendar
from optimizer.explain.nowhere import why_nowhere
from optimizer.explain.whatif import money
from optimizer.messages import Message
from optimizer.plan.best import best_plan
from optimizer.question.build import ask
from optimizer.schema.problem import Caps, Limits, Roadmap
from optimizer.solve import Prepared, SolveSettings
from optimizer.solve.variants import under_limits

NEITHER = Message("periods.neither")

SPENDING: tuple[Literal["capex", "opex"], ...] = ("capex", "opex")

LONGEST_S = 1.0
"""Seconds that a rule is looked at."""


def why_no_timetable(prepared: Prepared, settings: SolveSettings) -> tuple[Message, ...]:
    """Say which service nothing can serve, else which rules, each lifted alone, leave a plan, and at what cost."""
    nowhere = (*why_nowhere(prepared), *_empty_quarters(prepared))
    if nowhere:
        return nowhere
    within = min(LONGEST_S, settings.time_limit_s or LONGEST_S)
    return tuple(_lifted(prepared, replace(settings, time_limit_s=within))) or (NEITHER,)


def _empty_quarters(prepared: Prepared) -> Iterator[Message]:
    """Name the quarters in which no node that serves a service can stand: lead times, kinds, lives."""
    problem = prepared.problem
    if problem.roadmap is None:
        return
    asked = ask(prepared)
    question, quarters = asked.question, Calendar.of(problem.roadmap, problem)
    for number, service in enumerate(problem.services):
        hosts = {way.host for way in question.ways if way.service == number and way.capacity}
        served = {period.quarter for place, period in enumerate(question.periods)
                  if any(question.standing(place, host) for host in hosts)}
        empty = [quarters.label(quarter) for quarter in range(asked.calendar.quarters) if quarter not in served]
        if empty:
            yield Message("roadmap.nothing-stands", service=service.service_id, quarters=tuple(empty))


def _lifted(prepared: Prepared, settings: SolveSettings) -> Iterator[Message]:
    """Yield the rules that alone stand in the way."""
    asked, free = prepared.problem.limits, Limits()
    for key in ("budget", "purchases", "cash_per_year", "co2_kg_per_month", "nodes", "max_gpu_types", "engine_policy",
                "survive", "power_kw", "at_least", "stock",
                "spot_share_fraction", "max_utilisation_fraction"):
        default: Any = getattr(free, key)
        if getattr(asked, key) == default:
            continue
        plan = best_plan(under_limits(prepared, **{key: default}), settings, with_rejections=False)
        if plan.cost.usd_per_month is not None:
            yield Message("periods.without", key=f"limits.{key}", cost=money(prepared, plan.cost.usd_per_month))
    roadmap = prepared.problem.roadmap
    if roadmap is None:
        return
    kinds = {f"roadmap.caps on {kind}": roadmap.caps.without(kind) for kind in SPENDING}
    found = list(_uncapped(prepared, roadmap, kinds, settings))
    yield from found or _uncapped(prepared, roadmap, {"roadmap.caps": Caps()}, settings)


def _uncapped(
    prepared: Prepared, roadmap: Roadmap, kinds: dict[str, Caps], settings: SolveSettings
) -> Iterator[Message]:
    """Yield the caps without which there is a plan."""
    for key, caps in kinds.items():
        if caps == roadmap.caps:
            continue
        uncapped = prepared.problem.model_copy(update={"roadmap": roadmap.model_copy(update={"caps": caps})})
        plan = best_plan(replace(prepared, problem=uncapped), settings, with_rejections=False)
        if plan.cost.usd_per_month is not None:
            yield Message("periods.without", key=key, cost=money(prepared, plan.cost.usd_per_month))
