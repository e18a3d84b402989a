"""The hours of a day or week as slots: hours that ask the same are one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from optimizer.demand import hourly_amounts, micro_work, profile_hours, window_seconds
from optimizer.schema.problem import Problem


@dataclass(frozen=True, slots=True)
class Slot:
    """Hours in which the same nodes run."""

    hours: tuple[int, ...]
    """Of the day from midnight, or of the week from Monday."""
    demand: tuple[int, ...]
    """By service: requests in flight or micro-requests/s; 0 for an async service."""

    @property
    def weight(self) -> int:
        """How many hours of the cycle it has."""
        return len(self.hours)


@dataclass(frozen=True, slots=True)
class Work:
    """What an async service must get done within a window."""

    service: int
    seconds: tuple[int, ...]
    """By slot: seconds of one of its hours' nodes that count, all its hours together."""
    amount: int
    """Micro-requests."""


@dataclass(frozen=True)
class Cycle:
    """A day or week, cut into slots."""

    hours: int
    slots: tuple[Slot, ...]
    works: tuple[Work, ...]


def cycle_of(problem: Problem) -> Cycle:
    """Cut the cycle of a problem with a profile into slots.

    Hours in which every sync service asks the same are one slot: whatever nodes stand, the cheapest nodes beside them
    are the same. An hour within a window of async work is a slot of its own, as the work need not be the same in each.
    """
    hours = profile_hours(problem)
    if hours is None:
        raise ValueError("a problem with a profile has a cycle")
    most_used = problem.limits.max_utilisation_fraction
    asked = [
        hourly_amounts(service, hours, most_used) if service.kind == "sync" else (0,) * hours
        for service in problem.services
    ]
    windows = [
        (index, seconds, days * micro_work(service, most_used))
        for index, service in enumerate(problem.services) if service.deadline is not None
        for seconds, days in window_seconds(service.deadline, hours)
    ]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for hour in range(hours):
        alone = hour if any(seconds[hour] for _, seconds, _ in windows) else -1
        groups[alone, *(amounts[hour] for amounts in asked)].append(hour)
    slots = tuple(
        Slot(tuple(mine), tuple(amounts[mine[0]] for amounts in asked))
        for mine in sorted(groups.values())
    )
    works = tuple(
        Work(index, tuple(sum(seconds[hour] for hour in slot.hours) for slot in slots), amount)
        for index, seconds, amount in windows
    )
    return Cycle(hours, slots, works)
