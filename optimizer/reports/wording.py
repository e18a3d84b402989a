"""Figures as people read them, shared by every report."""

from __future__ import annotations

from collections import defaultdict

from optimizer.schema.plan import Deployment, Node, Plan, RejectionRow
from optimizer.schema.problem import Problem

STATUS = {
    "optimal": "OPTIMAL: proven, nothing cheaper exists in this catalog",
    "feasible": "FEASIBLE: the limit was reached before the proof",
    "infeasible": "INFEASIBLE: proven, no plan keeps every rule",
    "unknown": "UNKNOWN: the limit was reached before any plan was found",
}

PER = {"on_demand": "on demand", "owned": "owned", "spot": "spot", "marketplace": "marketplace"}


def money(usd: float | None) -> str:
    """Write US dollars.

    >>> money(1234.5), money(None)
    ('$1,234.50', '-')
    """
    return "-" if usd is None else f"${usd:,.2f}"


def kind_of(node: Node) -> str:
    """Name how a node is obtained, with its term."""
    return f"reserved {node.term_months} mo" if node.kind == "reserved" else PER[node.kind]


def evidence_of(one: Deployment) -> str:
    """Write a speed's evidence with its error bar."""
    return one.evidence if one.error_fraction is None else f"{one.evidence} +-{one.error_fraction:.0%}"


def mix_of(nodes: tuple[Node, ...]) -> str:
    """Write nodes in a line: 2 x aws-g5.xlarge-..., 1 x ..."""
    return " + ".join(f"{node.count} x {node.offer_id}" for node in nodes) or "-"


def gap_of(plan: Plan) -> str:
    """Write the bound and the gap."""
    if plan.status == "optimal":
        return f"lower bound {money(plan.bound_usd_per_month)}/month = cost, gap 0%"
    if plan.gap_fraction is None:
        return ""
    return f"lower bound {money(plan.bound_usd_per_month)}/month, gap {plan.gap_fraction:.2%}"


def rejection_groups(rows: tuple[RejectionRow, ...]) -> dict[str, list[RejectionRow]]:
    """Group rejections by step, in the order of the steps."""
    grouped: dict[str, list[RejectionRow]] = defaultdict(list)
    for row in rows:
        grouped[row.step].append(row)
    return {step: grouped[step] for step in ("policy", "engine", "memory", "evidence", "speed") if step in grouped}


def rejected_what(row: RejectionRow) -> str:
    """Name what a rejection dropped."""
    parts = [row.gpu_id, row.engine_id, row.precision, f"tp{row.tp_size}" if row.tp_size else None]
    return " ".join(part for part in parts if part)


def local_money(plan: Plan, problem: Problem | None = None) -> str | None:
    """Write the monthly cost in the problem's currency, with its rate and date; None for US dollars."""
    cost = plan.cost
    if cost.local_per_month is None:
        return None
    sign = {"JPY": "¥", "EUR": "€"}.get(cost.currency, cost.currency + " ")
    digits = 0 if cost.currency == "JPY" else 2
    return f"{sign}{cost.local_per_month:,.{digits}f}/month at {cost.fx_rate_per_usd:g} {cost.currency}/USD ({cost.fx_as_of})"
