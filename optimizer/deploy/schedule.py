"""Which replicas run in which hours, where the nodes of a plan come and go by the hour."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from optimizer.deploy.environment import Environment, setting_of
from optimizer.plan.hours import timetable_of
from optimizer.schema.plan import Plan

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class RunningSlot:
    """Hours in which the same replicas run."""

    hours: tuple[int, ...]
    """Of the day from midnight, or of the week from Monday 00:00."""
    replicas: dict[str, int]
    """Deployment -> replicas that run."""
    shares: dict[str, float]
    """Deployment -> share of its service's requests that the balancer sends there."""


def cycle_hours(plan: Plan) -> int:
    """Return 24 or 168 for a plan by the hour of a day or week, 0 for a plan whose nodes always stand."""
    table = timetable_of(plan)
    return 0 if table is None else table.hours


def slots_of(environment: Environment) -> list[RunningSlot]:
    """List the slots of a plan by the hour in the order of time; none for a plan whose nodes always stand."""
    table, found = timetable_of(environment.plan), []
    for slot in table.slots if table else ():
        running = {setting_of(one): one for one in slot.running}
        replicas, carried = {}, {}
        for run in environment.runs:
            one = run.deployment
            here = running.get(setting_of(one))
            replicas[run.name] = here.replicas if here else 0
            units = 0 if here is None else here.replicas if environment.plan.sharing == "nodes" else here.nodes
            carried[run.name] = units * (one.plan_speed_capacity_per_node or one.capacity_per_node)
        total: dict[str, float] = defaultdict(float)
        for run in environment.runs:
            total[run.service_name] += carried[run.name]
        shares = {run.name: carried[run.name] / total[run.service_name] if total[run.service_name] else 0.0
                  for run in environment.runs}
        found.append(RunningSlot(slot.hours, replicas, shares))
    return sorted(found, key=lambda slot: slot.hours)


def replicas_by_hour(environment: Environment, name: str) -> list[int]:
    """Return the replicas of a deployment in each hour of the cycle; nothing where nodes always stand."""
    counts = [0] * cycle_hours(environment.plan)
    for slot in slots_of(environment):
        for hour in slot.hours:
            counts[hour] = slot.replicas[name]
    return counts


def nodes_by_hour(environment: Environment, offer_id: str) -> list[int]:
    """Return the nodes of an offer in each hour of the cycle, resting ones too; nothing where nodes always stand."""
    table = timetable_of(environment.plan)
    return [] if table is None else table.nodes_by_hour().get(offer_id, [0] * table.hours)


def windows(counts: list[int], least: int) -> list[tuple[int, int]]:
    """List the stretches of a cycle with at least so many, as (first hour, hour after the last).

    A stretch over the end of the cycle ends in the next: its end is the smaller number.

    >>> windows([2, 0, 1, 2, 2, 0], 2), windows([2, 0, 0, 1], 1)
    ([(0, 1), (3, 5)], [(3, 1)])
    """
    there = [count >= least for count in counts]
    firsts = [hour for hour, one in enumerate(there) if one and not there[hour - 1]]
    found = []
    for first in firsts:
        length = next(step for step in range(1, len(counts) + 1) if not there[(first + step) % len(counts)])
        end = first + length
        found.append((first, end if end <= len(counts) else end % len(counts)))
    return found


def hours_text(hours: tuple[int, ...], cycle: int) -> str:
    """Write hours as runs of them, with the day where the cycle is a week.

    >>> hours_text((0, 1, 2, 9), 24), hours_text((23, 24, 25, 100), 168)
    ('00-02, 09', 'Mon 23, Tue 00-01, Fri 04')
    """
    runs: list[list[int]] = []
    for hour in hours:
        if runs and hour == runs[-1][-1] + 1 and hour % 24:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return ", ".join(
        (f"{DAYS[run[0] // 24]} " if cycle > 24 else "") + f"{run[0] % 24:02d}"
        + (f"-{run[-1] % 24:02d}" if len(run) > 1 else "") for run in runs)


def schedule_files(environment: Environment) -> dict[str, str]:
    """Write `schedule.json`, for what starts and stops nodes; nothing for a plan whose nodes always stand.

    Each slot has its `hours` (of the day from midnight, of the week from Monday 00:00), the `replicas` of each
    deployment that run in them, and `request_share_fraction`, what the balancer sends there of the service's requests.
    """
    cycle = cycle_hours(environment.plan)
    if not cycle:
        return {}
    slots = [{"hours": list(slot.hours), "replicas": slot.replicas,
              "request_share_fraction": {name: round(share, 6) for name, share in slot.shares.items()}}
             for slot in slots_of(environment)]
    return {"schedule.json": json.dumps({"cycle_hours": cycle, "slots": slots}, indent=1) + "\n"}
