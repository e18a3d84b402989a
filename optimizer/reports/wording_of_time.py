"""A timetable in words and rows, shared by the reports."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.reports.wording import counted, money
from optimizer.schema.plan import Plan, TimeSlot, Timetable, WindowWork

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BAR = 24
"""Width of a picture of the nodes in a slot."""

Row = tuple[str, ...]


def spans_of(hours: tuple[int, ...]) -> list[tuple[int, int]]:
    """Join hours that follow each other: (first, one past the last).

    >>> spans_of((0, 1, 5, 23))
    [(0, 2), (5, 6), (23, 24)]
    """
    spans: list[tuple[int, int]] = []
    for hour in sorted(hours):
        if spans and spans[-1][1] == hour:
            spans[-1] = (spans[-1][0], hour + 1)
        else:
            spans.append((hour, hour + 1))
    return spans


def clock(hour: int) -> str:
    """Write an hour of the day.

    >>> clock(7), clock(31)
    ('07', '07')
    """
    return f"{hour % 24:02d}"


def cost_by_time(plan: Plan) -> str:
    """Say what nodes cost that stand all the time, and what those cost that come and go."""
    table = plan.timetable
    if table is None:
        return ""
    most = max(slot.hourly_nodes for slot in table.slots)
    standing = counted(sum(table.standing.values()), "node")
    return (f"{standing} standing all the time {money(table.standing_usd_per_month)}/month, up to {most} more by the "
            f"hour {money(table.hourly_usd_per_month)}/month")


def work_of(work: WindowWork) -> str:
    """Say what an async service gets done in its window."""
    return (f"{work.service_id}: {work.requests:,.0f} requests between {clock_time(work.start_hour)} and "
            f"{clock_time(work.end_hour)}, room for {work.capacity_requests:,.0f}")


def clock_time(hour: float) -> str:
    """Write a time of day, past midnight too.

    >>> clock_time(22.5), clock_time(30)
    ('22:30', '06:00')
    """
    minutes = round(hour * 60)
    return f"{minutes // 60 % 24 if minutes != 1440 else 24:02d}:{minutes % 60:02d}"


def lines_of(table: Timetable) -> list[tuple[int, int, TimeSlot]]:
    """List the runs of hours with the same slot, in the order of time: (first, one past the last, slot).

    Neighbours that differ only in their demand stay apart.
    """
    runs = [(start, end, slot) for slot in table.slots for start, end in spans_of(slot.hours)]
    cut = [(part, min(end, (part // 24 + 1) * 24), slot) for start, end, slot in runs
           for part in (start, *range((start // 24 + 1) * 24, end, 24))]
    return sorted(cut, key=lambda run: run[0])


def running_of(slot: TimeSlot) -> tuple[tuple[str, str, int], ...]:
    """Return (service, offer, nodes) of a slot."""
    return tuple((one.service_id, one.offer_id, one.nodes) for one in slot.running)


def timetable_rows(table: Timetable) -> Iterator[list[Row]]:
    """Yield one table for each different day: hours, demand of each service, nodes, cost, a bar of nodes.

    Days of a week that are alike are one table.
    """
    services = list(table.slots[0].demand)
    days: dict[tuple[Row, ...], list[int]] = {}
    most = max(slot.standing_nodes + slot.hourly_nodes for slot in table.slots) or 1
    by_day: dict[int, list[Row]] = {day: [] for day in range(table.hours // 24)}
    for start, end, slot in lines_of(table):
        hours = f"{clock(start)}-{clock(end - 1)}" if end - start > 1 else clock(start)
        demand = (f"{slot.demand[name]:.4g}" for name in services)
        nodes = (f"{slot.standing_nodes}", f"+{slot.hourly_nodes}")
        by_day[start // 24].append((hours, *demand, *nodes, f"{slot.usd_per_hour:,.2f}", bar_of(slot, most)))
    for day, rows in by_day.items():
        days.setdefault(tuple(rows), []).append(day)
    for alike, mine in days.items():
        first = "hours" if table.hours == 24 else ",".join(DAYS[day] for day in mine)
        yield [(first, *services, "standing", "by hour", "USD/h", ""), *alike]


def bar_of(slot: TimeSlot, most: int) -> str:
    """Draw the nodes of a slot: standing ones as #, the others as +."""
    standing = round(BAR * slot.standing_nodes / most)
    every = round(BAR * (slot.standing_nodes + slot.hourly_nodes) / most)
    return "#" * standing + "+" * (every - standing)
