"""A timetable in words and rows, shared by the reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.plan.hours import Slot, Timetable, timetable_of
from optimizer.reports.wording import counted, money
from optimizer.schema.plan import Plan, WindowWork

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BAR = 24
"""Width of a picture of the nodes in a slot."""

Row = tuple[str, ...]


def cost_by_time(plan: Plan) -> str:
    """Say what nodes cost that stand all the time, and what those cost that come and go."""
    table = timetable_of(plan)
    if table is None:
        return ""
    most = max(slot.hourly_nodes for slot in table.slots)
    standing = counted(sum(table.standing.values()), "node")
    return (f"{standing} standing all the time {money(table.standing_usd_per_month)}/month, up to {most} more by the "
            f"hour {money(table.hourly_usd_per_month)}/month")


def saving_by_time(table: Timetable) -> Iterator[str]:
    """Yield how long so many nodes are there, and what following the load saves against the most of each all day."""
    ladder = ", ".join(f"{counted(count, 'node')} {hours} h" for count, hours in table.hours_at().items())
    yield f"hours at each number of nodes: {ladder}"
    spent = table.standing_usd_per_month + table.hourly_usd_per_month
    saved = table.all_day_usd_per_month - spent
    if saved > 0.005:
        yield (f"the most of each node standing all day would cost {money(table.all_day_usd_per_month)}/month: "
               f"following the load saves {money(saved)}/month ({saved / table.all_day_usd_per_month:.0%})")


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
        first = "hours" if table.hours == 24 else days_of(mine)
        yield [(first, *table.slots[0].demand, *works, "standing", "by hour", "USD/h", ""), *alike]


def days_of(days: list[int]) -> str:
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
    return " ".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else " ".join(DAYS[day] for day in run) for run in runs)


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
    at_work = (f"{nodes} at work" if nodes else "-" for nodes in counts)
    demand = (f"{amount:.4g}" for amount in slot.demand.values())
    return (*demand, *at_work, f"{slot.standing_nodes}", f"+{slot.hourly_nodes}", f"{slot.usd_per_hour:,.2f}",
            bar_of(slot, most))


def bar_of(slot: Slot, most: int) -> str:
    """Draw the nodes of a slot: standing ones as #, the others as +."""
    standing = round(BAR * slot.standing_nodes / most)
    every = round(BAR * slot.total / most)
    return "#" * standing + "+" * (every - standing)
