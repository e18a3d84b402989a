"""Why a problem of several periods or shared nodes has no plan: each rule lifted alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from optimizer.explain.nowhere import why_nowhere
from optimizer.explain.whatif import money
from optimizer.messages import Message
from optimizer.plan.best import best_plan
from optimizer.schema.problem import Caps, Limits
from optimizer.solve import Prepared, SolveSettings
from optimizer.solve.variants import under_limits

NEITHER = Message("periods.neither")

LONGEST_S = 1.0
"""Seconds that a rule is looked at."""


def why_no_timetable(prepared: Prepared, settings: SolveSettings) -> tuple[Message, ...]:
    """Say which service nothing can serve, else which rules, each lifted alone, leave a plan, and at what cost."""
    nowhere = tuple(why_nowhere(prepared))
    if nowhere:
        return nowhere
    within = min(LONGEST_S, settings.time_limit_s or LONGEST_S)
    return tuple(_lifted(prepared, replace(settings, time_limit_s=within))) or (NEITHER,)


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
    if roadmap is not None and roadmap.caps != Caps():
        uncapped = prepared.problem.model_copy(update={"roadmap": roadmap.model_copy(update={"caps": Caps()})})
        plan = best_plan(replace(prepared, problem=uncapped), settings, with_rejections=False)
        if plan.cost.usd_per_month is not None:
            yield Message("periods.without-caps", cost=money(prepared, plan.cost.usd_per_month))
