"""The periods of a problem: one peak, the hours of a day or week, quarters, and hours within quarters."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from optimizer.costs.quarters import demand_factor
from optimizer.demand import class_demands, grown_amount, hourly_amounts, micro_work, profile_hours, window_seconds
from optimizer.question.question import Period, Work
from optimizer.schema.problem import Problem, Service


@dataclass(frozen=True)
class Calendar:
    """Periods in order: all of the first quarter, then those of the next."""

    periods: tuple[Period, ...]
    works: tuple[Work, ...]
    cycle_hours: int
    """Hours of the day or week; 1 where one peak stands for all hours."""
    quarters: int
    """1 without a roadmap."""

    @property
    def slots(self) -> int:
        """Periods of one quarter."""
        return len(self.periods) // self.quarters


def calendar_of(problem: Problem) -> Calendar:
    """Cut a problem's time into periods.

    Hours in which every interactive service asks the same, in every quarter, are one period: whatever nodes stand, the
    cheapest nodes beside them are the same. An hour within a window of work that may wait is a period of its own, as
    the work need not be the same in each.
    """
    quarters = problem.roadmap.quarters if problem.roadmap else 1
    factors = [
        tuple(demand_factor(problem.roadmap, service.service_id, quarter) if problem.roadmap else Fraction(1)
              for service in problem.services)
        for quarter in range(quarters)]
    hours = profile_hours(problem)
    if hours is None:
        return _peaks(problem, factors)
    most_used = problem.limits.max_utilisation_fraction
    asked = [
        [hourly_amounts(service, hours, most_used, factor) if service.kind == "sync" else (0,) * hours
         for service, factor in zip(problem.services, quarter, strict=True)]
        for quarter in factors]
    windows = [
        (index, seconds, days) for index, service in enumerate(problem.services) if service.deadline is not None
        for seconds, days in window_seconds(service.deadline, hours)]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for hour in range(hours):
        alone = hour if any(seconds[hour] for _, seconds, _ in windows) else -1
        groups[alone, *(amounts[hour] for quarter in asked for amounts in quarter)].append(hour)
    slots = [tuple(mine) for mine in sorted(groups.values())]
    periods = tuple(
        _period(problem, len(slot), tuple(amounts[slot[0]] for amounts in asked[quarter]), quarter, slot)
        for quarter in range(quarters) for slot in slots)
    works = tuple(
        Work(index, tuple(sum(seconds[hour] for hour in period.hours) if period.quarter == quarter else 0
                          for period in periods),
             days * micro_work(problem.services[index], most_used, factors[quarter][index]))
        for quarter in range(quarters) for index, seconds, days in windows)
    return Calendar(periods, works, hours, quarters)


def _peaks(problem: Problem, factors: list[tuple[Fraction, ...]]) -> Calendar:
    """One peak in each quarter: work that may wait asks for its mean rate."""
    most_used = problem.limits.max_utilisation_fraction
    periods = tuple(
        _period(problem, 1, tuple(grown_amount(service, factor, most_used)
                                  for service, factor in zip(problem.services, quarter, strict=True)), number, ())
        for number, quarter in enumerate(factors))
    return Calendar(periods, (), 1, len(factors))


def _period(problem: Problem, weight: int, demand: tuple[int, ...], quarter: int, hours: tuple[int, ...]) -> Period:
    def split(service: Service, amount: int) -> tuple[Fraction, ...]:
        return class_demands(service, amount) if service.routes_classes and amount else ()

    classes = tuple(split(service, amount) for service, amount in zip(problem.services, demand, strict=True))
    return Period(weight, demand, quarter, hours, classes if any(classes) else ())
