"""Every number of nodes and every placement of slices, tried one by one: the answer to a tiny traffic question."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction

from gpumix_referee.splitting.split import Traffic


def random_traffic(seed: int, sliced: bool, types: int = 3, classes: int = 3) -> Traffic:
    """Make a small question; some pairs are impossible, some figures awkward."""
    draw = random.Random(seed)
    bottoms = (1, 2, 3, 4, 7, 1_000_003)
    needed = []
    for _ in range(draw.randint(1, classes)):
        row = [
            None if draw.random() < 0.2 else Fraction(draw.randint(1, 12), draw.choice((2, 3, 4, 5))) /
            draw.choice(bottoms) * draw.choice((1, 1, bottoms[-1])) / draw.choice((1, bottoms[-1]))
            for _ in range(types)
        ]
        needed.append(tuple(None if one is None else min(one, Fraction(4)) for one in row))
    prices = tuple(Fraction(draw.choice((1, 2, 3, 5, 7, 10)), draw.choice((1, 2, 10))) for _ in range(types))
    names = tuple(f"t{t}" for t in range(types))
    return Traffic(names, prices, tuple(f"c{c}" for c in range(len(needed))), tuple(needed),
                   draw.randint(1, 3) if sliced else None)


def _slicings(parts: int, usable: list[int]) -> Iterator[dict[int, int]]:
    """Yield every way to lay equal parts on types."""
    for where in itertools.combinations_with_replacement(usable, parts):
        yield {t: where.count(t) for t in set(where)}


def cheapest_sliced(traffic: Traffic) -> Fraction | None:
    """Return the least cost over every placement of slices; None when a class has no type."""
    parts = traffic.slices or 1
    ways = []
    for row in traffic.nodes_needed:
        usable = [t for t, one in enumerate(row) if one is not None]
        if not usable:
            return None
        ways.append([
            {t: (row[t] or 0) * Fraction(count, parts) for t, count in way.items()} for way in _slicings(parts, usable)
        ])
    costs = []
    for combination in itertools.product(*ways):
        loads = [sum((way.get(t, Fraction(0)) for way in combination), start=Fraction(0))
                 for t in range(len(traffic.node_types))]
        costs.append(sum(
            (price * -(-load // 1) for price, load in zip(traffic.usd_per_hour, loads, strict=True)), Fraction(0)))
    return min(costs)


def highs_split(traffic: Traffic) -> float:
    """Return the least cost of a free split by HiGHS through MathOpt, gap 0."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model()
    nodes = [model.add_integer_variable(lb=0) for _ in traffic.node_types]
    loads: list[list[mathopt.LinearTypes]] = [[] for _ in nodes]
    for row in traffic.nodes_needed:
        shares = [None if one is None else model.add_variable(lb=0) for one in row]
        model.add_linear_constraint(sum(share for share in shares if share is not None) == 1)
        for t, (one, share) in enumerate(zip(row, shares, strict=True)):
            if one is not None and share is not None:
                loads[t].append(float(one) * share)
    for load, count in zip(loads, nodes, strict=True):
        model.add_linear_constraint(sum(load) <= count)
    model.minimize(sum(float(price) * count for price, count in zip(traffic.usd_per_hour, nodes, strict=True)))
    params = mathopt.SolveParameters(relative_gap_tolerance=0.0)
    return mathopt.solve(model, mathopt.SolverType.HIGHS, params=params).objective_value()


def plain_traffic(seed: int, types: int, classes: int) -> Traffic:
    """Make a question of plain figures: hundredths of nodes, cents."""
    draw = random.Random(seed)
    needed = tuple(
        tuple(None if t and draw.random() < 0.2 else Fraction(draw.randint(5, 250), 100) for t in range(types))
        for _ in range(classes))
    prices = tuple(Fraction(draw.randint(30, 400), 100) for _ in range(types))
    return Traffic(tuple(f"t{t}" for t in range(types)), prices, tuple(f"c{c}" for c in range(classes)), needed)


def carries_two(traffic: Traffic, nodes: tuple[int, int]) -> bool:
    """Say whether two node types carry freely split classes: fill the first with those it serves relatively best."""
    room, second, both = Fraction(nodes[0]), Fraction(0), []
    for first, other in traffic.nodes_needed:
        if first is None:
            second += other or 0
        elif other is None:
            room -= first
        else:
            both.append((first / other, first, other))
    if room < 0:
        return False
    for _, first, other in sorted(both):
        share = min(Fraction(1), room / first)
        room -= share * first
        second += (1 - share) * other
    return second <= nodes[1]


def cheapest_split_of_two(traffic: Traffic) -> Fraction | None:
    """Return the least cost of two types under a free split, over every number of nodes that could be needed."""
    if traffic.unserved():
        return None
    most = [int(sum((row[t] or 0 for row in traffic.nodes_needed), start=Fraction(0))) + 1 for t in range(2)]
    return min(
        traffic.usd_per_hour[0] * a + traffic.usd_per_hour[1] * b
        for a in range(most[0] + 1) for b in range(most[1] + 1) if carries_two(traffic, (a, b))
    )
