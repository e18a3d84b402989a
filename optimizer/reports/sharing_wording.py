"""What is said of services that share nodes, and of those that are cut, whatever the format."""

from __future__ import annotations

from optimizer.messages import Message
from optimizer.reports.wording import STATUS, money
from optimizer.schema.plan import Plan
from optimizer.schema.sharing import Share

COLUMNS = (
    ("alone", "alone_usd_per_month"), ("proportional", "proportional_usd_per_month"),
    ("Shapley", "shapley_usd_per_month"), ("marginal", "marginal_usd_per_month"))
"""Ways to share a bill, and their keys."""


def status_of(plan: Plan) -> str:
    """Say how sure the answer is; one that cuts services is the cheapest for those it serves."""
    if plan.shed and plan.status in ("optimal", "feasible"):
        cut = len(plan.shed)
        return Message(f"shed.{plan.status}", cut=cut, all=cut + len(plan.services))
    return STATUS[plan.status]


def shed_lines(plan: Plan) -> list[Message]:
    """Say who is cut, and why."""
    return [Message("shed.cut", service=one.service_id, priority=one.priority, demand=one.demand, reason=one.reason)
            for one in plan.shed]


def saving_lines(plan: Plan) -> list[Message]:
    """Set a plan of shared nodes against separate plans; empty for other plans."""
    saving = plan.saving
    if saving is None:
        return []
    if saving.separate_usd_per_month is None or saving.saved_usd_per_month is None or saving.saved_fraction is None:
        return [Message("sharing.unknown")]
    separate, saved = saving.separate_usd_per_month, saving.saved_usd_per_month
    told = [Message("sharing.saves", separate=separate, saved=saved, share=saving.saved_fraction) if saved >= 0
            else Message("sharing.dearer", separate=separate, less=-saved)]
    return [*told, Message("sharing.broken", rules=saving.broken)] if saving.broken else told


def share_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Return a table of what each service pays, only the columns that are known, with their sums; empty without any."""
    shown = [(title, key) for title, key in COLUMNS if any(getattr(one, key) is not None for one in plan.shares)]
    if not shown:
        return []
    rows = [(one.service_id, *(_amount(one, key) for _, key in shown)) for one in plan.shares]
    sums = tuple(_sum([getattr(one, key) for one in plan.shares]) for _, key in shown)
    return [("service", *(title for title, _ in shown)), *rows, ("together", *sums)]


def _amount(one: Share, key: str) -> str:
    return money(getattr(one, key)).replace("$", "")


def _sum(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return money(round(sum(known), 2)).replace("$", "") if len(known) == len(values) else "-"


def share_notes(plan: Plan) -> list[Message]:
    """Say what each column rests on."""
    return [Message(f"sharing.{title.lower()}") for title, key in COLUMNS
            if any(getattr(one, key) is not None for one in plan.shares)]
