"""What is said of services that share nodes, and of those that are cut, whatever the format."""

from __future__ import annotations

from optimizer.documents.cells import Money
from optimizer.documents.document import Piece, Section, paragraph, section, table
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.reports.wording import status_words
from optimizer.schema.plan import Plan

COLUMNS = (
    ("alone", "alone_usd_per_month"), ("proportional", "proportional_usd_per_month"),
    ("Shapley", "shapley_usd_per_month"), ("marginal", "marginal_usd_per_month"))
"""Ways to share a bill, and their keys."""


def status_of(plan: Plan) -> Message:
    """Say how sure the answer is; one that cuts services is the cheapest for those it serves."""
    if plan.shed and plan.status in ("optimal", "feasible"):
        cut = len(plan.shed)
        return Message(f"shed.{plan.status}", cut=cut, all=cut + len(plan.services))
    return status_words(plan.status)


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


def share_section(plan: Plan) -> Section | None:
    """Return what each service pays, only the columns that are known, with their sums; None without any."""
    shown = [(title, key) for title, key in COLUMNS if any(getattr(one, key) is not None for one in plan.shares)]
    if not shown:
        return None
    rows: list[tuple[Piece | None, ...]] = [
        (one.service_id, *(Money(getattr(one, key)) for _, key in shown)) for one in plan.shares]
    sums = [Money(_sum([getattr(one, key) for one in plan.shares])) for _, key in shown]
    header = (*heads("service"), *(Message(f"head.{title.lower()}") for title, _ in shown))
    return section("shares", Message("sharing.title"), table(header, [*rows, (Message("cost.together"), *sums)]),
                   *map(paragraph, share_notes(plan)))


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 2) if len(known) == len(values) else None


def share_notes(plan: Plan) -> list[Message]:
    """Say what each column rests on."""
    return [Message(f"sharing.{title.lower()}") for title, key in COLUMNS
            if any(getattr(one, key) is not None for one in plan.shares)]
