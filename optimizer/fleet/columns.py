"""Column generation for fleets of many services.

The master picks for every service one set of replicas that carries it (a column), and nodes with room for all of them;
its linear relaxation bounds the cost from below much better than that of replicas alone. A column enters when it costs
less, at the master's prices of GPUs, than its service pays: the pricing problem, one service at a time. The bound is
the Lagrangian one, in whole numbers: at any prices of GPUs, no fleet costs less than every service's cheapest replicas
plus the least that is left of the nodes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ortools.linear_solver import pywraplp

from optimizer.fleet.case import FleetCase, Supply
from optimizer.fleet.pricing import cheapest_cover
from optimizer.solve.prove import Clock

SCALE = 1024
"""Parts of a micro-dollar that prices of GPUs are rounded to: the bound is computed in whole numbers of them."""

CLOSE = 1e-5
"""Gap between master and bound, relative, at which no more columns are sought."""

MOST_ROUNDS = 120

Column = tuple[tuple[int, int], ...]
"""(item, replicas) of one service."""


@dataclass(frozen=True)
class Slots:
    """A row of the master: room for replicas of a size, in a group of nodes."""

    group: int
    size: int


@dataclass(frozen=True)
class Prices:
    """Prices of what the master's rows hand out, in parts of a micro-dollar; never negative."""

    slots: tuple[int, ...]
    """By row of slots."""
    pools: tuple[int, ...]
    """Of a node of each pool, beyond its own price; 0 where the stock does not bind."""
    node: int
    """Of any node, where their number is capped."""
    watt: int
    """Of a watt, where the power is capped."""


@dataclass(frozen=True)
class Relaxation:
    """What the column generation ends with."""

    bound: int
    """No fleet costs less, in micro-dollars an hour; above any cost when no fleet exists."""
    columns: tuple[tuple[Column, ...], ...]
    """By service: those that the master knows."""
    weights: tuple[tuple[float, ...], ...]
    """How much of each the master took when it was last solved; columns that came later have none."""
    service_costs: tuple[int, ...]
    """What each service adds to the bound, in micro-dollars an hour."""
    prices: Prices


@dataclass
class _Master:
    """The restricted master as a linear program that grows."""

    case: FleetCase
    rows: tuple[Slots, ...]
    solver: pywraplp.Solver = field(init=False)

    def __post_init__(self) -> None:
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        self.objective = self.solver.Objective()
        self.objective.SetMinimization()
        case, infinity = self.case, self.solver.infinity()
        self.slots = [self.solver.Constraint(0.0, infinity) for _ in self.rows]
        self.serve = [self.solver.Constraint(1.0, infinity) for _ in case.demand]
        self.pools = {
            pool: self.solver.Constraint(-infinity, float(stock)) for pool, stock in enumerate(case.stock)
            if stock is not None}
        self.count = self.solver.Constraint(
            float(case.min_nodes), infinity if case.max_nodes is None else float(case.max_nodes))
        self.power = self.solver.Constraint(-infinity, infinity if case.watts is None else float(case.watts))
        self.columns: list[list[tuple[Column, pywraplp.Variable]]] = [[] for _ in case.demand]
        self.known: list[set[Column]] = [set() for _ in case.demand]
        self._nodes()
        # a service that no column serves yet costs more than all nodes there can be
        for serve in self.serve:
            missing = self.solver.NumVar(0.0, infinity, "")
            self.objective.SetCoefficient(missing, case.cost_bound / 1e6 + 1)
            serve.SetCoefficient(missing, 1.0)

    def _nodes(self) -> None:
        case, held = self.case, dict(self.case.at_least)
        for supply in case.supplies:
            least = held.get(supply.offer.offer_id, 0)
            variable = self.solver.NumVar(float(min(least, supply.most)), float(supply.most), "")
            self.objective.SetCoefficient(variable, supply.price / 1e6)
            for row, slots in zip(self.rows, self.slots, strict=True):
                if row.group == supply.group and supply.gpus >= row.size:
                    slots.SetCoefficient(variable, float(supply.gpus // row.size))
            if supply.pool in self.pools:
                self.pools[supply.pool].SetCoefficient(variable, 1.0)
            self.count.SetCoefficient(variable, 1.0)
            self.power.SetCoefficient(variable, float(supply.offer.watts))

    def add(self, service: int, column: Column) -> bool:
        """Let a column in, unless it is there already."""
        if column in self.known[service]:
            return False
        self.known[service].add(column)
        variable = self.solver.NumVar(0.0, self.solver.infinity(), "")
        self.serve[service].SetCoefficient(variable, 1.0)
        taken = slots_of(self.case, self.rows, column)
        for row, amount in taken.items():
            self.slots[row].SetCoefficient(variable, -float(amount))
        self.columns[service].append((column, variable))
        return True

    def solve(self) -> float:
        """Solve the linear program and return its value in dollars an hour."""
        status = self.solver.Solve()
        return float(self.objective.Value()) if status == pywraplp.Solver.OPTIMAL else math.nan

    def prices(self) -> Prices:
        """Read the duals as prices, rounded down."""
        def up(dual: float) -> int:
            return max(0, math.floor(dual * 1e6 * SCALE))

        pools = tuple(
            up(-self.pools[pool].dual_value()) if pool in self.pools else 0 for pool in range(len(self.case.stock)))
        capped = self.case.max_nodes is not None
        return Prices(
            tuple(up(row.dual_value()) for row in self.slots), pools, up(-self.count.dual_value()) if capped else 0,
            up(-self.power.dual_value()) if self.case.watts is not None else 0)

    def weights(self) -> tuple[tuple[float, ...], ...]:
        """Return how much of each column is taken."""
        return tuple(tuple(v.solution_value() for _, v in mine) for mine in self.columns)


def rows_of(case: FleetCase) -> tuple[Slots, ...]:
    """List the rows of slots: a size of replicas in a group.

    Replicas of t GPUs take floor(t / size) slots of each size, nodes of g GPUs have floor(g / size): what fits keeps
    every such row, whatever the sizes.
    """
    return tuple(Slots(group, size) for group in case.groups for size in case.sizes(group))


def slots_of(case: FleetCase, rows: Sequence[Slots], column: Column) -> dict[int, int]:
    """Return the slots of each row that a column takes."""
    taken: dict[int, int] = defaultdict(int)
    for i, count in column:
        item = case.items[i]
        for position, row in enumerate(rows):
            if row.group == item.group and item.gpus >= row.size:
                taken[position] += item.gpus // row.size * count
    return dict(taken)


def relax(case: FleetCase, clock: Clock, most_rounds: int = MOST_ROUNDS) -> Relaxation:
    """Generate columns until bound and master meet, the rounds are spent or the time is over."""
    rows = rows_of(case)
    master = _Master(case, rows)
    by_item = _slots_by_item(case, rows)
    best = _priced(case, by_item, rows, _first_prices(case, rows))
    for service, (_, column) in enumerate(best.covers):
        master.add(service, column)
        for column in _single_kinds(case, service):
            master.add(service, column)
    weights: tuple[tuple[float, ...], ...] = ()
    for _ in range(most_rounds):
        value = master.solve()
        if math.isnan(value):
            break
        weights = master.weights()
        found = _priced(case, by_item, rows, master.prices())
        best = found if found.bound > best.bound else best
        added = [master.add(service, column) for service, (_, column) in enumerate(found.covers)]
        if not any(added) or value * 1e6 - best.bound <= CLOSE * value * 1e6 or clock.expired():
            break
    columns = tuple(tuple(column for column, _ in mine) for mine in master.columns)
    weights = weights or tuple(() for _ in columns)
    costs = tuple(cost // SCALE for cost, _ in best.covers)
    return Relaxation(best.bound, columns, weights, costs, best.prices)


@dataclass(frozen=True)
class Priced:
    """Every service's cheapest replicas at given prices, and the bound that they make."""

    bound: int
    covers: tuple[tuple[int, Column], ...]
    """(cost in parts of a micro-dollar, column) by service."""
    prices: Prices


def _slots_by_item(case: FleetCase, rows: Sequence[Slots]) -> list[list[tuple[int, int]]]:
    """Return (row, slots) of one replica of each item."""
    places: dict[int, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        places[row.group].append(position)
    return [
        [(p, item.gpus // rows[p].size) for p in places[item.group] if rows[p].size <= item.gpus]
        for item in case.items]


def item_costs(case: FleetCase, rows: Sequence[Slots], prices: Prices) -> list[int]:
    """Return what one replica of each item pays for its slots, in parts of a micro-dollar."""
    return [sum(slots * prices.slots[row] for row, slots in taken) for taken in _slots_by_item(case, rows)]


def _priced(
    case: FleetCase, by_item: Sequence[Sequence[tuple[int, int]]], rows: Sequence[Slots], prices: Prices
) -> Priced:
    costs = [sum(slots * prices.slots[row] for row, slots in taken) for taken in by_item]
    covers, total = [], 0
    for service, mine in enumerate(case.by_service):
        cost, bound, counts = cheapest_cover(
            [costs[i] for i in mine], [case.items[i].capacity for i in mine], case.demand[service])
        covers.append((cost, tuple((i, n) for i, n in zip(mine, counts, strict=True) if n)))
        total += bound
    return Priced(-(-(total + left_of_nodes(case, rows, prices)) // SCALE), tuple(covers), prices)


def left_of_nodes(case: FleetCase, rows: Sequence[Slots], prices: Prices) -> int:
    """Return the least that nodes cost beyond the slots they hand out, in parts of a micro-dollar."""
    held, total = dict(case.at_least), 0
    for supply in case.supplies:
        beyond = reduced_cost(supply, rows, prices)
        total += beyond * (min(held.get(supply.offer.offer_id, 0), supply.most) if beyond > 0 else supply.most)
    total -= sum(price * (stock or 0) for price, stock in zip(prices.pools, case.stock, strict=True))
    total -= prices.node * (case.max_nodes or 0) + prices.watt * (case.watts or 0)
    return total


def reduced_cost(supply: Supply, rows: Sequence[Slots], prices: Prices) -> int:
    """Return what a node costs beyond the slots it hands out, in parts of a micro-dollar."""
    rest = supply.price * SCALE + prices.pools[supply.pool] + prices.node + prices.watt * supply.offer.watts
    for row, price in zip(rows, prices.slots, strict=True):
        if row.group == supply.group and supply.gpus >= row.size:
            rest -= supply.gpus // row.size * price
    return rest


def _first_prices(case: FleetCase, rows: Sequence[Slots]) -> Prices:
    """Price a GPU of each group by its cheapest node."""
    each: dict[int, int] = {}
    for supply in case.supplies:
        price = supply.price * SCALE // supply.gpus
        each[supply.group] = min(each.get(supply.group, price), price)
    smallest = {group: min(case.sizes(group), default=1) for group in case.groups}
    slots = tuple(each.get(row.group, 0) * row.size if row.size == smallest[row.group] else 0 for row in rows)
    return Prices(slots, tuple(0 for _ in case.stock), 0, 0)


def _single_kinds(case: FleetCase, service: int) -> list[Column]:
    """Return a service's replicas of one kind alone."""
    return [((i, case.items[i].most),) for i in case.by_service[service]]
