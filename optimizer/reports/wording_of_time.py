"""A timetable in words and rows, shared by the reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.messages import Message
from optimizer.plan.hours import Slot, Timetable, timetable_of
from optimizer.reports.heads import heads
from optimizer.schema.plan import Plan, WindowWork

BAR = 24
"""Width of a picture of the nodes in a slot."""

Row = tuple[str, ...]


def cost_by_time(plan: Plan) -> Message:
    """Say what nodes cost that stand all the time, and what those cost that come and go."""
    table = timetable_of(plan)
    if table is None:
        return Message.quoted("")
    return Message("periods.by-time", n=sum(table.standing.values()), standing=table.standing_usd_per_month,
                   most=max(slot.hourly_nodes for slot in table.slots), hourly=table.hourly_usd_per_month)


def saving_by_time(table: Timetable) -> Iterator[Message]:
    """Yield how long so many nodes are there, and what following the load saves against the most of each all day."""
    yield Message("periods.ladder", rungs=tuple(
        Message("periods.rung", n=count, hours=hours) for count, hours in table.hours_at().items()))
    spent = table.standing_usd_per_month + table.hourly_usd_per_month
    saved = table.all_day_usd_per_month - spent
    if saved > 0.005:
        yield Message("periods.saved", whole=table.all_day_usd_per_month, saved=saved,
                      share=saved / table.all_day_usd_per_month)


def work_of(work: WindowWork) -> Message:
    """Say what an async service gets done in its window."""
    return Message("periods.work-of", service=work.service_id, requests=work.requests,
                   start=clock_time(work.start_hour), end=clock_time(work.end_hour), room=work.capacity_requests)


def clock_time(hour: float) -> str:
    """Write a time of day, past midnight too.

    >>> clock_time(22.5), clock_time(30)
    ('22:30', '06:00')
    """
    minutes = round(hour * 60)
    return f"{minutes // 60 % 24 if minutes != 1440 else 24:02d}:{minutes % 60:02d}"


def lines_of(table: Timetable) -> list[tuple[int, int, Slot]]:
    """List the runs of hours of one slot, in the order of time, cut at midnight: (first, one past the last, slot)."""
    slot_of = {hour: slot for slot in table.slots for hour in slot.hours}
    runs: list[tuple[int, int, Slot]] = []
    for hour in range(table.hours):
        if runs and runs[-1][2] is slot_of[hour] and hour % 24:
            runs[-1] = (runs[-1][0], hour + 1, slot_of[hour])
        else:
            runs.append((hour, hour + 1, slot_of[hour]))
    return runs


def timetable_rows(table: Timetable, work: Sequence[WindowWork]) -> Iterator[list[Row]]:
    """Yield one table for each different day: hours, demand, nodes at work that may wait, nodes, cost, a bar of nodes.

    Days of a week that are alike are one table.
    """
    slot_of = {hour: slot for slot in table.slots for hour in slot.hours}
    works = [one.service_id for one in work]
    days: dict[tuple[Row, ...], list[int]] = {}
    for day in range(table.hours // 24):
        slots = [slot_of[24 * day + hour] for hour in range(24)]
        days.setdefault(tuple(_day_rows(table, works, slots)), []).append(day)
    for alike, mine in days.items():
        first = Message("head.hours") if table.hours == 24 else days_of(mine)
        yield [(first, *table.slots[0].demand, *works, *heads("standing", "by-hour", "usd-hour", "")), *alike]


def days_of(days: list[int]) -> Message:
    """Name days of a week.

    >>> days_of([1, 2, 3, 6]), days_of([0, 1])
    ('Tue-Thu Sun', 'Mon Tue')
    """
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return Message("periods.days", runs=tuple(
        part for run in runs for part in (
            [Message("periods.days-from", first=f"day.{run[0]}", last=f"day.{run[-1]}")] if len(run) > 2
            else [Message("periods.day-name", day=f"day.{day}") for day in run])))


def _day_rows(table: Timetable, works: list[str], slots: list[Slot]) -> Iterator[Row]:
    """Yield the rows of a day; hours in a row that are alike are one."""
    most = max(slot.total for slot in table.slots) or 1
    cells = [_cells(works, slot, most) for slot in slots]
    start = 0
    for hour in range(1, 25):
        if hour == 24 or cells[hour] != cells[start]:
            yield (f"{start:02d}-{hour - 1:02d}" if hour - start > 1 else f"{start:02d}", *cells[start])
            start = hour


def _cells(works: list[str], slot: Slot, most: int) -> Row:
    counts = (sum(one.nodes for one in slot.running if one.service_id == name) for name in works)
    at_work = (Message("periods.at-work", n=nodes) if nodes else "-" for nodes in counts)
    demand = (f"{amount:.4g}" for amount in slot.demand.values())
    return (*demand, *at_work, f"{slot.standing_nodes}", f"+{slot.hourly_nodes}", f"{slot.usd_per_hour:,.2f}",
            bar_of(slot, most))


def bar_of(slot: Slot, most: int) -> str:
    """Draw the nodes of a slot: standing ones as #, the others as +."""
    standing = round(BAR * slot.standing_nodes / most)
    every = round(BAR * slot.total / most)
    return "#" * standing + "+" * (every - standing)
