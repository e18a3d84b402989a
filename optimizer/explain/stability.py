"""How far demand, speed targets, prices and speeds may move before the cheapest plan is another one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from optimizer.candidates import StatedCapacity
from optimizer.demand import demand_key, quantity_of
from optimizer.explain.doctor.requirements import demand_at, without_speed
from optimizer.explain.whatif import at_pace, at_price, cheapest, over_offers, with_the_slow
from optimizer.formulation import build_case
from optimizer.messages import Message
from optimizer.solve import Prepared, Solution, SolveSettings, prepare
from optimizer.solve.variants import at_demand, at_speed, under_limits
from optimizer.units import usd

FURTHEST = 64
"""Demand and speeds are followed to so many times their value."""

FINE = 0.001
"""Factors of speed are found to this fraction."""

HUNDREDTHS = 100
"""Speed targets are followed in hundredths of a token/s."""

FASTEST = 10**8
"""Hundredths of a token/s up to which targets are followed: no replica is as fast as a million tokens/s."""


@dataclass(frozen=True)
class Stability:
    """One figure and the range over which the cheapest plan costs the same, or, for prices, stays the same."""

    figure: Message
    """Quoted: the key of a requirement."""
    value: float
    low: float
    """The plan is the cheapest from here; 0 when it always is."""
    high: float | None
    """To here; None: however much it grows."""
    unit: Message


def _largest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the largest n in [low, high) that holds; `low` does, and what no longer holds never does again."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _followed(low: int, end: int, holds: Callable[[int], bool]) -> int | None:
    """Return the same without a known end: double n until it holds no more; None when that is never before `end`."""
    high = max(1, 2 * low)
    while high < end and holds(high):
        low, high = high, 2 * high
    return None if high >= end and holds(high) else _largest(low, high, holds)


class Steadiness:
    """Measures the ranges of one plan."""

    def __init__(self, prepared: Prepared, solution: Solution, settings: SolveSettings) -> None:
        self.prepared, self.solution, self.settings = prepared, solution, settings
        self.cost = solution.cost or 0

    @cached_property
    def _unhurried(self) -> Prepared:
        """The problem with the options that are too slow as planned."""
        return with_the_slow(self.prepared)

    def _cost(self, prepared: Prepared) -> int | None:
        return cheapest(prepared, self.settings).cost

    def _costs_no_more(self, prepared: Prepared) -> bool:
        found = self._cost(prepared)
        return found is not None and found <= self.cost

    def _costs_less(self, prepared: Prepared) -> bool:
        found = self._cost(prepared)
        return found is not None and found < self.cost

    def demand(self, index: int) -> Stability:
        """Return the range of a service's demand over which the cheapest plan costs the same."""
        service = self.prepared.problem.services[index]
        key, asked = demand_key(service), quantity_of(service)
        problem = demand_at(self.prepared.problem, index, asked * FURTHEST)
        wide = prepare(self.prepared.loaded, self.prepared.catalog, problem, self.prepared.shelf)
        steps = math.floor(asked / key.step)

        def at(n: int) -> Prepared:
            """Return the problem with a demand of n steps."""
            return at_demand(wide, index, n * key.step)

        high = _largest(steps, steps * FURTHEST + 1, lambda n: self._costs_no_more(at(n)))
        less = _largest(0, math.ceil(asked / key.step), lambda n: n < 1 or self._costs_less(at(n)))
        top = None if high == steps * FURTHEST else float(high * key.step)
        return Stability(
            Message.quoted(f"services.{index}.{key.path}"), float(asked), float((less + 1) * key.step), top, key.words
        )

    def target(self, index: int) -> Stability | None:
        """Return the range of a service's speed target over which the cheapest plan costs the same."""
        asked = self.prepared.problem.services[index].slo.target_tokens_per_s
        if not asked:
            return None
        problem = without_speed(self.prepared.problem, index)
        wide = prepare(self.prepared.loaded, self.prepared.catalog, problem, self.prepared.shelf)
        start = math.floor(asked * HUNDREDTHS)

        def at(n: int) -> Prepared:
            """Return the problem that asks for n hundredths of a token/s."""
            return at_speed(wide, index, n / HUNDREDTHS)

        high = _followed(start, FASTEST, lambda n: n == start or self._costs_no_more(at(n)))
        less = _largest(0, start, lambda n: n < 1 or self._costs_less(at(n)))
        low = (less + 1) / HUNDREDTHS
        top = None if high is None else max(high / HUNDREDTHS, asked)
        key = Message.quoted(f"services.{index}.slo")
        return Stability(key, asked, min(low, asked), top, Message("unit.speed"))

    def price(self, offer_id: str) -> Stability:
        """Return the range of a used offer's price over which this very plan stays the cheapest.

        The plan's cost is a line in the price, the least cost a concave one below it: from an end, take the plan that
        is cheapest there, go to the price at which both cost the same, ask again (Newton's method on whole prices).
        """
        nodes = sum(chosen.nodes for chosen in self.solution.every if chosen.row.offer_id == offer_id)
        price = next(c.row.price for c in self.solution.chosen if c.row.offer_id == offer_id)
        rest = self.cost - price * nodes
        free = under_limits(self.prepared, budget=None)
        high = self._dearest(free, offer_id, rest, nodes)
        if self.prepared.budget is not None:
            within = (self.prepared.budget - rest) // nodes
            high = within if high is None else min(high, within)
        low = self._cheapest_price(free, offer_id, rest, nodes)
        return Stability(
            Message("figure.price-of", offer=offer_id), usd(price), usd(low), None if high is None else usd(high),
            Message("unit.usd-hour")
        )

    def _others(self, solution: Solution, offer_id: str, price: int) -> tuple[int, int]:
        """Return what a plan costs without an offer, and how many nodes of it the plan has."""
        nodes = sum(chosen.nodes for chosen in solution.every if chosen.row.offer_id == offer_id)
        return (solution.cost or 0) - price * nodes, nodes

    def _dearest(self, free: Prepared, offer_id: str, rest: int, nodes: int) -> int | None:
        other = cheapest(over_offers(free, lambda offer: offer.offer_id != offer_id), self.settings)
        if other.cost is None:
            return self._dearest_with_fewer(free, offer_id, rest, nodes)
        price = (other.cost - rest) // nodes
        while (found := cheapest(at_price(free, offer_id, price), self.settings)).cost not in (
            None, rest + price * nodes
        ):
            others, fewer = self._others(found, offer_id, price)
            price = (others - rest) // (nodes - fewer)
        return price

    def _dearest_with_fewer(self, free: Prepared, offer_id: str, rest: int, nodes: int) -> int | None:
        """Return the same where no plan does without the offer: compare with plans that have fewer nodes of it.

        Start where a single node costs more than all others of any plan: with fewer of them every plan is cheaper.
        """
        limits, targets = free.problem.limits, free.candidates.targets()
        price = beyond = build_case(free.candidates, limits, targets, None).cost_bound + 1
        while True:
            found = cheapest(at_price(free, offer_id, price), self.settings)
            others, fewer = self._others(found, offer_id, price)
            if found.cost == rest + price * nodes or fewer >= nodes:
                return None if price == beyond else price
            price = (others - rest) // (nodes - fewer)

    def _cheapest_price(self, free: Prepared, offer_id: str, rest: int, nodes: int) -> int:
        price = 0
        while (found := cheapest(at_price(free, offer_id, price), self.settings)).cost not in (
            None, rest + price * nodes
        ):
            others, more = self._others(found, offer_id, price)
            price = -(-(rest - others) // (more - nodes))
        return price

    def speed(self, gpu: str) -> Stability:
        """Return the factors on the speeds of a used GPU type between which the cheapest plan costs the same."""

        def costs(factor: float) -> int | None:
            """Return the least cost at a factor."""
            return self._cost(at_pace(self._unhurried, factor, gpu))

        slow = self._factor(lambda factor: costs(1 / factor) == self.cost)
        fast = self._factor(lambda factor: costs(factor) == self.cost)
        return Stability(Message("figure.speed-of-gpu", gpu=gpu), 1.0, 1 / slow, None if fast >= FURTHEST else fast,
                         Message("unit.times"))

    def _factor(self, holds: Callable[[float], bool]) -> float:
        """Return the largest factor from 1 up, to a thousandth, that holds."""
        low, high = 1.0, float(FURTHEST)
        if holds(high):
            return high
        while high / low > 1 + FINE:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if holds(middle) else (low, middle)
        return low


def stabilities(prepared: Prepared, solution: Solution, settings: SolveSettings) -> Iterator[Stability]:
    """Yield the range of each demand, speed target, used offer's price and used GPU type's speed."""
    steady = Steadiness(prepared, solution, settings)
    for index in range(len(prepared.problem.services)):
        yield steady.demand(index)
        target = steady.target(index)
        if target is not None:
            yield target
    for offer_id in sorted({chosen.row.offer_id for chosen in solution.chosen}):
        yield steady.price(offer_id)
    stated = {chosen.row.gpu for chosen in solution.chosen
              if isinstance(chosen.row.candidate.option.speed, StatedCapacity)}
    for gpu in sorted({chosen.row.gpu for chosen in solution.chosen} - stated):
        yield steady.speed(gpu)


