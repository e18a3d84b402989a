"""Every number of replicas, tried one by one: the answer to a tiny pool question."""

from __future__ import annotations

import itertools
import random

from gpumix_referee.pooling.program import PoolCase, PoolOption


def random_pool(seed: int) -> PoolCase:
    """Make a small question: two or three servers, two or three options each, two inventories, often too small."""
    draw = random.Random(seed)
    servers, options = draw.randint(1, 3), []
    demand = [draw.randint(0, 9) for _ in range(servers)]
    least = [draw.choice((0, 0, 0, 1, 2)) for _ in range(servers)]
    for server in range(servers):
        for _ in range(draw.randint(1, 2 if servers == 3 else 3)):
            capacity = max(1, min(draw.randint(2, 9), demand[server]))
            alone = max(-(-demand[server] // capacity), least[server])
            options.append(PoolOption(
                server, draw.randint(1, 9), capacity, draw.randint(0, 1), draw.randint(1, 3), alone))
    stock = tuple(draw.choice((None, 0, 2, 4, 8, 16)) for _ in range(2))
    priority = tuple(draw.randint(1, 2) for _ in range(servers))
    return PoolCase(tuple(demand), tuple(least), priority, tuple(options), stock, draw.random() < 0.5)


def _carries(case: PoolCase, counts: tuple[int, ...], server: int) -> bool:
    mine = [(one, count) for one, count in zip(case.options, counts, strict=True) if one.server == server]
    enough = sum(one.capacity * count for one, count in mine) >= case.demand[server]
    used = [(one, count) for one, count in mine if count]
    whole = len(used) <= 1 and all(count == one.alone for one, count in used)
    return enough and sum(count for _, count in mine) >= case.least[server] and (whole or not case.single)


def _taken(case: PoolCase, counts: tuple[int, ...], inventory: int) -> int:
    return sum(o.cards * n for o, n in zip(case.options, counts, strict=True) if o.inventory == inventory)


def _further(case: PoolCase, counts: tuple[int, ...]) -> int:
    return sum(max(0, _taken(case, counts, i) - stock) for i, stock in enumerate(case.stock) if stock is not None)


def every_answer(case: PoolCase) -> list[tuple[int, int, tuple[bool, ...]]]:
    """List (cost, further cards, which servers are carried) of every number of replicas that no server exceeds."""
    ranges = [range(one.alone + 1) for one in case.options]
    answers = []
    for counts in itertools.product(*ranges):
        carried = tuple(_carries(case, counts, server) for server in range(len(case.demand)))
        cost = sum(one.price * count for one, count in zip(case.options, counts, strict=True))
        idle = all(not any(n for o, n in zip(case.options, counts, strict=True) if o.server == server) or on
                   for server, on in enumerate(carried))
        if idle:
            answers.append((cost, _further(case, counts), carried))
    return answers
