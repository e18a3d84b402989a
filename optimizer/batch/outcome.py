"""What a batch says of one variant: a row of figures, the plan behind it, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.schema.plan import Plan

COLUMNS = (
    "name", "status", "usd_per_month", "bound_usd_per_month", "mix", "model", "grade", "tokens_per_s_per_user",
    "evidence", "message",
)
"""Columns of every result; those of the keys that vary follow. Added to, never renamed."""

MONEY = ("usd_per_month", "bound_usd_per_month")
"""Columns that hold numbers."""

SEPARATOR = " + "


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one variant; the same for every worker, order and backend."""

    name: str
    status: str
    """optimal, feasible, infeasible, unknown, or error."""
    usd_per_month: float | None = None
    bound_usd_per_month: float | None = None
    mix: str = ""
    model: str = ""
    grade: str = ""
    """Of each service, in their order."""
    tokens_per_s_per_user: str = ""
    evidence: str = ""
    """Worst evidence of a speed in the plan."""
    message: str = ""
    plan_json: str | None = None
    """The plan without its rejections."""

    def row(self) -> dict[str, Any]:
        """Return the figures by column."""
        return {name: getattr(self, name) for name in COLUMNS}


def outcome_of(name: str, models: Sequence[str], plan: Plan, plan_json: str, message: str) -> Outcome:
    """Sum a plan up in a row; the models are those asked for, also where there is no plan."""
    worst = ("measured", "interpolated", "estimated")
    found = [deployment.evidence for deployment in plan.deployments]
    services = plan.services
    return Outcome(
        name=name,
        status=plan.status,
        usd_per_month=plan.cost.usd_per_month,
        bound_usd_per_month=plan.bound_usd_per_month,
        mix=SEPARATOR.join(f"{node.count} x {node.offer_id}" for node in plan.nodes),
        model=SEPARATOR.join(models),
        grade=SEPARATOR.join(service.grade or "-" for service in services),
        tokens_per_s_per_user=SEPARATOR.join(
            "-" if service.tokens_per_s_per_user is None else f"{service.tokens_per_s_per_user:.2f}"
            for service in services
        ),
        evidence=max(found, key=worst.index) if found else "",
        message=message,
        plan_json=plan_json,
    )
