"""What a frontier sets against cost: the promise that is raised, what a plan reaches of it, and what comes next."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from optimizer.candidates import Option, ReplicaSpeed
from optimizer.costs import PricedOffer
from optimizer.demand import demand_key, largest_quantity
from optimizer.solve import (
    Chosen,
    Prepared,
    Solution,
    achieved_speed,
    amount_at,
    classes_at,
    filled_by_classes,
    kept_by,
)
from optimizer.solve.variants import at_demand, at_speed, at_ttft, under_limits
from optimizer.units import largest_holding

Amounts = Callable[[Chosen], int]
"""What one node of a row carries."""


@dataclass(frozen=True)
class BestOf:
    """A node that runs whichever of its options carries most: which one a plan names at a tie is a matter of order."""

    options: tuple[Option, ...]
    offer: PricedOffer

    def amount(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        """Return what the node carries at a speed."""
        return max(o.replicas_on(self.offer) * o.speed.amount(tokens_per_s, strictly_above) for o in self.options)

    def next_speed(self, tokens_per_s: float) -> float | None:
        """Return the lowest speed above this one at which some option carries less."""
        found = (option.speed.next_speed(tokens_per_s) for option in self.options)
        return min((speed for speed in found if speed is not None), default=None)


@dataclass(frozen=True)
class Axis(ABC):
    """One promise of a problem that was prepared at its loosest."""

    base: Prepared
    index: int
    """Service whose promise it is."""
    last: Fraction | None
    """Where the range ends; None: as far as any offer goes."""

    @abstractmethod
    def at(self, value: Fraction) -> Prepared:
        """Return the problem that asks for a value."""

    @abstractmethod
    def reached(self, solution: Solution, value: Fraction) -> Fraction:
        """Return the strictest value that the nodes of a solution keep, at least the one solved for."""

    @abstractmethod
    def beyond(self, value: Fraction) -> Fraction:
        """Return the next stricter value."""

    def between(self, value: Fraction, stricter: Fraction) -> Fraction | None:
        """Return a value half-way between two, None when there is none."""
        middle = Fraction(float((value + stricter) / 2))
        return middle if value < middle < stricter else None

    @abstractmethod
    def bar(self, solution: Solution, value: Fraction) -> tuple[float, float]:
        """Return the value at the slow and at the fast end of the speeds' error bars."""

    def unbound(self, chosen: Chosen) -> tuple[Option, ...]:
        """Return what a node of a row may run, as prepared at the loosest value; its own engine where a rule asks."""
        option, offer = chosen.row.candidate.option, chosen.row.candidate.offer
        found = tuple(self.base.candidates.options_on(option.service, offer))
        free = self.base.problem.limits.engine_policy == "any"
        return tuple(other for other in found if free or other.engine_id == option.engine_id)

    def own(self, chosen: Chosen) -> Chosen:
        """Return a row with its option as prepared at the loosest value."""
        order = chosen.row.candidate.option.order
        return _running(chosen, next(option for option in self.unbound(chosen) if option.order == order))

    def at_best(self, solution: Solution) -> Solution:
        """Let every node of a solution run whichever of its options carries most."""
        return replace(solution, chosen=tuple(self._at_best(chosen) for chosen in solution.chosen))

    def _at_best(self, chosen: Chosen) -> Chosen:
        best = BestOf(self.unbound(chosen), chosen.row.candidate.offer)
        option = replace(chosen.row.candidate.option, gpu_count=0, speed=best)  # type: ignore[arg-type]
        return _running(chosen, option)

    def ends_with(self, value: Fraction) -> bool:
        """Say whether nothing stricter is asked."""
        return self.last is not None and value >= self.last

    def demand(self) -> int:
        """Return the demand of the service, in its own integers."""
        return self.base.candidates.demands[self.index].amount

    def target(self) -> float:
        """Return the service's speed target."""
        return self.base.problem.services[self.index].slo.target_tokens_per_s


def _running(chosen: Chosen, option: Option) -> Chosen:
    """Return the nodes of a row with another option on them."""
    candidate = replace(chosen.row.candidate, setting=option, demand=None)
    return replace(chosen, row=replace(chosen.row, candidate=candidate))


def _error(chosen: Chosen, tokens_per_s: float) -> float:
    """Return the half-width of a row's error bar at a speed (the widest of its classes), 0 for a stated capacity."""
    speeds = chosen.row.candidate.option.replica_speeds()
    return max((one.error_fraction(max(1, one.concurrency(tokens_per_s))) for one in speeds), default=0.0)


def amounts_off(tokens_per_s: float, slower: bool) -> Amounts:
    """Return what nodes carry at a speed when every speed is at an end of its error bar.

    A replica that is e slower than planned keeps V up to where it was planned to keep V (1 + e).
    """

    def amount(chosen: Chosen) -> int:
        """Return what one node of a row carries then."""
        error = 1 + _error(chosen, tokens_per_s)
        return amount_at(chosen, tokens_per_s * error if slower else tokens_per_s / error)

    return amount


def classes_off(tokens_per_s: float, slower: bool) -> Callable[[Chosen], tuple[int, ...]]:
    """Return what nodes carry of each class alone at a speed when every speed is at an end of its error bar."""

    def classes(chosen: Chosen) -> tuple[int, ...]:
        """Return what one node of a row carries then."""
        error = 1 + _error(chosen, tokens_per_s)
        return classes_at(chosen, tokens_per_s * error if slower else tokens_per_s / error)

    return classes


class SpeedAxis(Axis):
    """User speed in tokens/s."""

    def at(self, value: Fraction) -> Prepared:
        """Ask for a speed."""
        return at_speed(self.base, self.index, float(value))

    def reached(self, solution: Solution, value: Fraction) -> Fraction:
        """Return the plan speed v* of the nodes."""
        if solution.is_routed(self.index):
            return Fraction(achieved_speed(solution, self.index, self.demand()))
        return Fraction(achieved_speed(self.at_best(solution), self.index, self.demand()))

    def beyond(self, value: Fraction) -> Fraction:
        """Return the next double."""
        return Fraction(math.nextafter(float(value), math.inf))

    def bar(self, solution: Solution, value: Fraction) -> tuple[float, float]:
        """Scale the speed by the widest error bar of the nodes."""
        mine = [c for c in solution.chosen if c.row.service == self.index]
        error = max((_error(chosen, float(value)) for chosen in mine), default=0.0)
        return float(value) / (1 + error), float(value) * (1 + error)


class UsersAxis(Axis):
    """Demand, in the key and unit in which the problem states it."""

    def at(self, value: Fraction) -> Prepared:
        """Ask for a demand."""
        return at_demand(self.base, self.index, value)

    def _quantity(self, amount: int) -> Fraction:
        most_used = self.base.problem.limits.max_utilisation_fraction
        return largest_quantity(self.base.problem.services[self.index], amount, most_used)

    def reached(self, solution: Solution, value: Fraction) -> Fraction:
        """Return the largest demand that the nodes carry after every loss to survive."""
        if solution.is_routed(self.index):
            return self._clipped(value, self._carried_by_classes(solution, lambda one: classes_at(one, self.target())))
        mix = len(self.base.problem.services[self.index].workload) > 1  # what a mix carries depends on the demand
        nodes = solution if mix else self.at_best(solution)
        most = self._quantity(kept_by(nodes, self.index, lambda chosen: amount_at(chosen, self.target())))
        return self._clipped(value, most)

    def _clipped(self, value: Fraction, most: Fraction) -> Fraction:
        """Return the most that is carried, within what was asked for and the end of the range."""
        return max(value, most if self.last is None else min(most, self.last))

    def _carried_by_classes(self, solution: Solution, classes: Callable[[Chosen], tuple[int, ...]]) -> Fraction:
        """Return the demand at which nodes are just full: what fills them grows with it."""
        filled = filled_by_classes(solution, self.index, classes)
        demand = sum(solution.class_demands[self.index])
        return Fraction(0) if filled is None else self._quantity(math.floor(demand / filled))

    @property
    def _step(self) -> Fraction:
        return demand_key(self.base.problem.services[self.index]).step

    def beyond(self, value: Fraction) -> Fraction:
        """Return one step more."""
        return value + self._step

    def between(self, value: Fraction, stricter: Fraction) -> Fraction | None:
        """Return the step half-way between two demands."""
        middle = (value + stricter) / 2 // self._step * self._step
        return middle if value < middle < stricter else None

    def bar(self, solution: Solution, value: Fraction) -> tuple[float, float]:
        """Return what the nodes carry with every speed at an end of its error bar; memory stays the limit."""
        if solution.is_routed(self.index):
            low, high = (self._carried_by_classes(solution, classes_off(self.target(), end)) for end in (True, False))
            return float(min(low, value)), float(max(high, value))
        planned = replace(solution, chosen=tuple(self.own(chosen) for chosen in solution.chosen))
        ends = [kept_by(planned, self.index, amounts_off(self.target(), slower)) for slower in (True, False)]
        slow, fast = (float(self._quantity(amount)) for amount in ends)
        return min(slow, float(value)), max(fast, float(value))


class LossesAxis(Axis):
    """Nodes that may be lost at once."""

    def at(self, value: Fraction) -> Prepared:
        """Ask that so many lost nodes are survived."""
        survive = self.base.problem.limits.survive.model_copy(update={"nodes": int(value)})
        return under_limits(self.base, survive=survive)

    def _survives(self, solution: Solution, nodes: int, slower: bool | None) -> bool:
        lost = replace(solution, survive=solution.survive.model_copy(update={"nodes": nodes}))
        return all(self._serves(lost, i, slower) for i in range(len(self.base.candidates.demands)))

    def _serves(self, lost: Solution, index: int, slower: bool | None) -> bool:
        """Say whether a service keeps its demand, with its speeds at an end of their error bars (None: as planned)."""
        target = self._target(index)
        if lost.is_routed(index):
            classes = partial(classes_at, tokens_per_s=target) if slower is None else classes_off(target, slower)
            filled = filled_by_classes(lost, index, classes)
            return filled is not None and filled <= 1
        amount: Amounts = (lambda chosen: amount_at(chosen, target)) if slower is None else amounts_off(target, slower)
        return kept_by(lost, index, amount) >= self.base.candidates.demands[index].amount

    def _most(self, solution: Solution, least: int, slower: bool | None) -> int:
        nodes = least
        while not self.ends_with(Fraction(nodes)) and self._survives(solution, nodes + 1, slower):
            nodes += 1
        return nodes

    def _target(self, index: int) -> float:
        return self.base.problem.services[index].slo.target_tokens_per_s

    def reached(self, solution: Solution, value: Fraction) -> Fraction:
        """Return the most nodes that may go within the range."""
        return Fraction(self._most(solution, int(value), None))

    def beyond(self, value: Fraction) -> Fraction:
        """Return one node more."""
        return value + 1

    def bar(self, solution: Solution, value: Fraction) -> tuple[float, float]:
        """Return the losses that are survived with every speed at an end of its error bar; -1: not even none."""
        slow = self._most(solution, -1, slower=True)
        fast = self._most(solution, int(value), slower=False)
        return float(min(slow, int(value))), float(fast)


class TtftAxis(Axis):
    """Time to first token in ms, negated: stricter values are larger."""

    def at(self, value: Fraction) -> Prepared:
        """Ask for a TTFT."""
        return at_ttft(self.base, self.index, float(-value))

    def _replicas(self, chosen: Chosen, ttft_ms: float) -> list[tuple[int, ReplicaSpeed]]:
        """Return what a node may run under a limit: replicas on it, and each of them."""
        slo = self.base.problem.services[self.index].slo.model_copy(update={"ttft_ms": ttft_ms})
        return [
            (option.replicas_on(chosen.row.candidate.offer), ReplicaSpeed(
                tuple(replace(one, slo=slo) for one in option.speed.classes), option.speed.demand
            ))
            for option in self.unbound(chosen) if isinstance(option.speed, ReplicaSpeed)
        ]

    def _carries(self, solution: Solution, ttft_ms: float) -> int:
        def amount(chosen: Chosen) -> int:
            """Return the most that one node carries under the limit."""
            found = (count * speed.amount(self.target()) for count, speed in self._replicas(chosen, ttft_ms))
            return max(found, default=0)

        return kept_by(solution, self.index, amount)

    def _in_use(self, solution: Solution, ttft_ms: float) -> float:
        """Return the longest TTFT at the largest concurrencies that a limit allows: no stricter limit binds sooner."""
        found = [
            one.held_ttft_ms(count)
            for chosen in solution.chosen if chosen.row.service == self.index
            for _, speed in self._replicas(chosen, ttft_ms)
            for one in speed.classes if (count := one.concurrency(self.target()))
        ]
        return max(found, default=ttft_ms)

    def reached(self, solution: Solution, value: Fraction) -> Fraction:
        """Return the shortest TTFT that the nodes keep: halve the way, then step from level to level."""
        if solution.is_routed(self.index):
            return max(value, -self._clipped(self._shortest_of_classes(solution, float(-value))))
        demand, short, long = self.demand(), 0.0, self._in_use(solution, float(-value))
        while self._carries(solution, math.nextafter(long, 0.0)) >= demand:
            middle = (short + long) / 2
            if middle <= short or self._carries(solution, middle) < demand:
                short, following = middle, math.nextafter(long, 0.0)
            else:
                following = middle
            long = min(long, self._in_use(solution, following))
            if self.ends_with(Fraction(-long)):
                break
        return max(value, -self._clipped(long))

    def _shortest_of_classes(self, solution: Solution, longest: float) -> float:
        """Return the shortest TTFT at which the nodes carry every class: one at which some class's capacity ends."""
        target, slo = self.target(), self.base.problem.services[self.index].slo
        mine = [one for chosen in solution.of(self.index) for one in chosen.row.candidate.option.replica_speeds()]
        levels = sorted({
            level for one in mine for alone in one.classes for count in range(1, alone.concurrency(target) + 1)
            if (level := alone.ttft_ms(count)) < longest
        }, reverse=True)

        def kept(count: int) -> bool:
            """Say whether the nodes carry every class under a limit."""
            limit = slo.model_copy(update={"ttft_ms": levels[count - 1]})

            def tightened(chosen: Chosen) -> tuple[int, ...]:
                """Return what a node carries of each class under the limit."""
                option = chosen.row.candidate.option.changed(lambda speed: ReplicaSpeed(
                    tuple(replace(one, slo=limit) for one in speed.classes), speed.demand))
                return classes_at(_running(chosen, option), target)

            filled = filled_by_classes(solution, self.index, tightened)
            return filled is not None and filled <= 1

        count = largest_holding(len(levels), kept)
        return levels[count - 1] if count else longest

    def _clipped(self, ttft_ms: float) -> Fraction:
        return max(Fraction(ttft_ms), Fraction(0) if self.last is None else -self.last)

    def beyond(self, value: Fraction) -> Fraction:
        """Return the next shorter double."""
        return -Fraction(math.nextafter(float(-value), 0.0))

    def bar(self, solution: Solution, value: Fraction) -> tuple[float, float]:
        """Scale the TTFT by the widest error bar of the nodes."""
        errors = [
            one.ttft_error_fraction(max(1, one.concurrency(self.target())))
            for chosen in solution.chosen
            if chosen.row.service == self.index
            for speed in chosen.row.candidate.option.replica_speeds() for one in speed.classes
        ]
        error = max(errors, default=0.0)
        return float(-value) / (1 + error), float(-value) * (1 + error)
