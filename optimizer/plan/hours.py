"""A plan by the hour as its readers see it: what stands in every hour, what comes and goes, what each hour costs."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from optimizer.schema.plan import Period, Plan, RunningReplicas
from optimizer.units import HOURS_PER_MONTH


@dataclass(frozen=True)
class Slot:
    """Hours in which the same nodes run."""

    hours: tuple[int, ...]
    """Of the day from midnight, or of the week from Monday 00:00."""
    demand: dict[str, float]
    """Interactive service -> requests in flight or requests/s, headroom included."""
    nodes: dict[str, int]
    """Offer -> nodes that are there."""
    running: tuple[RunningReplicas, ...]
    standing_nodes: int
    """Of them, those that are there in every hour."""
    usd_per_hour: float
    """Of all nodes that are there; contracts and hosted APIs apart."""

    @property
    def total(self) -> int:
        """All nodes that are there."""
        return sum(self.nodes.values())

    @property
    def hourly_nodes(self) -> int:
        """Nodes that are not there in every hour."""
        return self.total - self.standing_nodes


@dataclass(frozen=True)
class Timetable:
    """The hours of a day or a week."""

    hours: int
    """24 for a day, 168 for a week."""
    standing: dict[str, int]
    """Offer -> nodes that are there in every hour."""
    slots: tuple[Slot, ...]
    standing_usd_per_month: float
    hourly_usd_per_month: float
    all_day_usd_per_month: float
    """What the most nodes of each offer would cost, were they there in every hour."""

    def hours_at(self) -> dict[int, int]:
        """Return number of nodes -> hours of the cycle at which so many are there, rising."""
        found = Counter[int]()
        for slot in self.slots:
            found[slot.total] += len(slot.hours)
        return dict(sorted(found.items()))

    def nodes_by_hour(self) -> dict[str, list[int]]:
        """Return offer -> nodes that are there, hour after hour."""
        found: dict[str, list[int]] = defaultdict(lambda: [0] * self.hours)
        for slot in self.slots:
            for name, count in slot.nodes.items():
                for hour in slot.hours:
                    found[name][hour] = count
        return dict(sorted(found.items()))


def busiest_quarter(plan: Plan) -> int | None:
    """Return the quarter of a roadmap in which most is asked at once, the first of equals; None without a roadmap."""
    asked: dict[int, float] = defaultdict(float)
    for period in plan.periods:
        if period.quarter is not None:
            asked[period.quarter] = max(asked[period.quarter], sum(one.amount for one in period.demand))
    return max(asked, key=lambda quarter: (asked[quarter], -quarter), default=None)


def timetable_of(plan: Plan) -> Timetable | None:
    """Return the hours of a plan, of a roadmap those of its busiest quarter; None where no hours are stated."""
    quarter = busiest_quarter(plan)
    mine = [period for period in plan.periods if period.quarter == quarter and period.hours]
    if not mine:
        return None
    each = {node.offer_id: node.usd_per_hour_each for node in plan.nodes}
    standing = {name: least for name in each if (least := min(period.nodes.get(name, 0) for period in mine))}
    most = {name: max(period.nodes.get(name, 0) for period in mine) for name in each}
    slots = tuple(_slot(plan, period, standing, each) for period in mine)
    hours = sum(len(slot.hours) for slot in slots)
    stands = sum(count * each[name] for name, count in standing.items()) * HOURS_PER_MONTH
    every = sum(slot.usd_per_hour * len(slot.hours) for slot in slots) * HOURS_PER_MONTH / hours
    all_day = sum(count * each[name] for name, count in most.items()) * HOURS_PER_MONTH
    return Timetable(hours, standing, slots, stands, max(0.0, every - stands), all_day)


def _slot(plan: Plan, period: Period, standing: dict[str, int], each: dict[str, float]) -> Slot:
    waits = {service.service_id for service in plan.services if service.kind == "async"}
    demand = {one.service_id: one.amount for one in period.demand if one.service_id not in waits}
    cost = sum(count * each[name] for name, count in period.nodes.items())
    return Slot(period.hours, demand, period.nodes, period.running, sum(standing.values()), cost)
