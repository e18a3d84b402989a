"""What it costs to follow the load by the hour, held against the plan's proven bound and against standing still."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.deploy.cluster.hours import LEAD_MINUTES
from optimizer.deploy.environment import Environment
from optimizer.deploy.schedule import cycle_hours, nodes_by_hour
from optimizer.units import HOURS_PER_MONTH

MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class Following:
    """US dollars a month of one plan by the hour."""

    slots: float
    """Nodes run exactly in their slots: the cost of the plan."""
    bound: float | None
    """No plan that serves the same demand costs less; None: nothing is proven."""
    ahead: float
    """What is added by starting nodes some minutes before their slot, billed by the minute."""
    always: float
    """All nodes of the plan run in every hour, as they would if nothing followed the load."""

    @property
    def above_bound_fraction(self) -> float | None:
        """How far following the load, starts ahead included, lies above the bound; None: nothing is proven."""
        return (self.slots + self.ahead) / self.bound - 1 if self.bound else None


def following(environment: Environment, lead_minutes: int = LEAD_MINUTES) -> Following | None:
    """Work out what following the load costs, None for a plan whose nodes always stand.

    A rented node that starts for a slot is paid for `lead_minutes` more, at its own price an hour. Nodes that are paid
    for in every hour cost the same whenever they start.
    """
    cycle, plan = cycle_hours(environment.plan), environment.plan
    if not cycle or plan.cost.usd_per_month is None:
        return None
    ahead = always = 0.0
    for node in plan.nodes:
        paid_hours = node.node_hours_per_month or node.count * HOURS_PER_MONTH
        always += node.usd_per_hour_each * (node.count * HOURS_PER_MONTH - paid_hours)
        if paid_hours < node.count * HOURS_PER_MONTH:
            counts = nodes_by_hour(environment, node.offer_id)
            starts = sum(max(0, count - counts[hour - 1]) for hour, count in enumerate(counts))
            cycles = HOURS_PER_MONTH / cycle
            ahead += node.usd_per_hour_each * starts * cycles * lead_minutes / MINUTES_PER_HOUR
    cost = plan.cost.usd_per_month
    return Following(cost, plan.bound_usd_per_month, ahead, cost + always)


def following_lines(environment: Environment) -> list[str]:
    """Say in a table what following the load costs; nothing for a plan whose nodes always stand."""
    found = following(environment)
    if found is None:
        return []
    rows = [("nodes run in their slots (the plan)", found.slots),
            (f"and start {LEAD_MINUTES} minutes before", found.slots + found.ahead),
            ("all nodes run in every hour", found.always)]
    if found.bound is not None:
        rows.insert(0, ("proven bound: no plan for this demand costs less", found.bound))
    lines = ["## What following the load costs", "", "| | USD a month |", "|---|---|",
             *(f"| {what} | {usd:,.2f} |" for what, usd in rows), ""]
    above = found.above_bound_fraction
    said = f"Following the load costs {above:.1%} more than the bound" if above is not None else "Nothing is proven"
    return [*lines, f"{said}; standing still would cost {found.always / (found.slots + found.ahead) - 1:.1%} more than "
            "following it. Replicas that the queue asks for beyond their slot cost up to the last row."]
