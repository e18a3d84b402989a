"""Which replicas run in which hours, where the nodes of a plan come and go by the hour."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from optimizer.deploy.environment import Environment

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


def slots_of(environment: Environment) -> list[RunningSlot]:
    """List the slots of a plan by the hour in the order of time; none for a plan whose nodes always stand."""
    table, found = environment.plan.timetable, []
    for slot in table.slots if table else ():
        nodes = {(one.service_id, one.offer_id, one.engine_id): one.nodes for one in slot.running}
        replicas, carried = {}, {}
        for run in environment.runs:
            one = run.deployment
            count = nodes.get((one.service_id, one.offer_id, one.engine_id), 0)
            replicas[run.name] = count * run.replicas_per_node
            carried[run.name] = count * (one.plan_speed_capacity_per_node or 0.0)
        total: dict[str, float] = defaultdict(float)
        for run in environment.runs:
            total[run.service_name] += carried[run.name]
        shares = {run.name: carried[run.name] / total[run.service_name] if total[run.service_name] else 0.0
                  for run in environment.runs}
        found.append(RunningSlot(slot.hours, replicas, shares))
    return sorted(found, key=lambda slot: slot.hours)


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
    table = environment.plan.timetable
    if table is None:
        return {}
    slots = [{"hours": list(slot.hours), "replicas": slot.replicas,
              "request_share_fraction": {name: round(share, 6) for name, share in slot.shares.items()}}
             for slot in slots_of(environment)]
    return {"schedule.json": json.dumps({"cycle_hours": table.hours, "slots": slots}, indent=1) + "\n"}
