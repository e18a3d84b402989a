"""One way of obtaining the nodes: its proven plan, and what is paid for it over the years."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optimizer.costs.api_supply import HOSTED
from optimizer.costs.cash import CashFlow, cash_of
from optimizer.costs.contracts import CONTRACTS
from optimizer.load import Catalog
from optimizer.schema.plan import Node, Plan, Status
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH

HORIZONS = (12, 36, 60)
"""Months for which totals are shown: one, three and five years."""

LONGEST_MONTHS = 120
"""Months for which payments are followed."""


@dataclass(frozen=True)
class Variant:
    """A way of obtaining the nodes, with its cheapest plan."""

    name: str
    """`rented`, `owned`, `mixed`, `api`, `mixed with api`, or a provider's id."""
    plan: Plan
    reason: str
    """Why there is no plan; empty when there is one."""
    flows: tuple[tuple[int, CashFlow], ...]
    """(nodes, payments for one) of each offer of the plan."""
    power_watts: int
    """Of the owned nodes at full load, without PUE."""

    @property
    def status(self) -> Status:
        """How the search ended."""
        return self.plan.status

    @property
    def usd_per_month(self) -> float | None:
        """What the plan costs a month, over the problem's horizon."""
        return self.plan.cost.usd_per_month

    @property
    def nodes(self) -> int:
        """Nodes of the plan."""
        return sum(node.count for node in self.plan.nodes)

    @cached_property
    def paid_usd(self) -> tuple[float, ...]:
        """What was paid by the end of each month, from month 0 (the first day) on; empty without a plan."""
        if not self.flows:
            return ()
        return tuple(
            sum(count * flow.paid_usd(month) for count, flow in self.flows) for month in range(LONGEST_MONTHS + 1)
        )

    def total_usd(self, months: int) -> float | None:
        """Return what is paid in the first months; None without a plan."""
        return self.paid_usd[months] if self.flows else None

    def resale_usd(self, months: int) -> float | None:
        """Return what the owned nodes are then sold for."""
        return sum(count * flow.resale_usd(months) for count, flow in self.flows) if self.flows else None

    def owed_usd(self, months: int) -> float | None:
        """Return what of terms that have begun is still to be paid then."""
        return sum(count * flow.owed_usd(months) for count, flow in self.flows) if self.flows else None

    def net_usd(self, months: int) -> float | None:
        """Return the payments of the first months and those still owed, less what the owned nodes are sold for."""
        paid, owed, sold = self.total_usd(months), self.owed_usd(months), self.resale_usd(months)
        return None if paid is None or owed is None or sold is None else paid + owed - sold

    @property
    def upfront_usd(self) -> float:
        """Paid on the first day."""
        return sum(count * flow.upfront_usd for count, flow in self.flows)

    @property
    def running_usd_per_hour(self) -> float:
        """Paid as the months go by, an hour."""
        return sum(count * flow.monthly_usd for count, flow in self.flows) / HOURS_PER_MONTH

    @property
    def around_the_clock_usd_per_month(self) -> float:
        """What the nodes would cost a month if all of them ran in every hour."""
        coming = [node for node in self.plan.nodes if _comes_and_goes(node)]
        more = sum(node.count * node.usd_per_hour_each * HOURS_PER_MONTH - node.usd_per_month for node in coming)
        return (self.usd_per_month or 0.0) + more

    @property
    def hours_fraction(self) -> float | None:
        """Share of the hours in which the nodes run; None without a plan."""
        nodes = [(node.count, node.node_hours_per_month) for node in self.plan.nodes]
        most = sum(count for count, _ in nodes) * HOURS_PER_MONTH
        return sum(count * HOURS_PER_MONTH if h is None else h for count, h in nodes) / most if most else None

    def as_json(self) -> dict[str, Any]:
        """Return the variant as plain data."""
        cost = self.plan.cost

        def by_horizon(of: Any) -> dict[str, float | None]:
            """Tell an amount for each horizon."""
            return {str(months): of(months) for months in HORIZONS}

        return {
            "name": self.name, "status": self.status, "reason": self.reason or None,
            "usd_per_month": self.usd_per_month, "local_per_month": cost.local_per_month,
            "total_usd": by_horizon(self.total_usd), "resale_usd": by_horizon(self.resale_usd),
            "owed_usd": by_horizon(self.owed_usd), "net_usd": by_horizon(self.net_usd),
            "upfront_usd": self.upfront_usd if self.flows else None,
            "running_usd_per_hour": self.running_usd_per_hour if self.flows else None,
            "usd_per_million_output_tokens": cost.usd_per_million_output_tokens,
            "power_kw": self.power_watts / 1000 if self.flows else None,
            "node_count": self.nodes,
            "nodes": [node.model_dump(mode="json") for node in self.plan.nodes],
            "breakdown": cost.breakdown,
        }


def _comes_and_goes(node: Node) -> bool:
    """Say whether nodes are paid by the hours in which they run: rented ones without a term, in a plan by the hour."""
    return node.node_hours_per_month is not None and node.kind not in ("owned", "reserved")


def variant_of(name: str, plan: Plan, catalog: Catalog, problem: Problem, watts: int, reason: str = "") -> Variant:
    """Put a plan together with the payments for its nodes."""
    flows = [
        (1, CashFlow(0.0, node.usd_per_month)) if _comes_and_goes(node)
        else (node.count, cash_of(node.offer_id, catalog, problem)) for node in plan.nodes
    ]
    beside = plan.cost.breakdown.get(CONTRACTS, 0.0) + plan.cost.breakdown.get(HOSTED, 0.0)
    flows += [(1, CashFlow(0.0, beside))] if beside else []
    return Variant(name, plan, reason, tuple(flows), watts)
