"""The least change of a limit of the plan as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import Any

from optimizer.costs import rate_per_usd
from optimizer.explain.doctor.search import Bench, Kept, cheapest_of, least_integer
from optimizer.messages import Message
from optimizer.schema.problem import NodeCount
from optimizer.solve import Prepared
from optimizer.solve.variants import under_limits
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

CENTS = {"USD": 100, "EUR": 100, "JPY": 1}
"""Smallest parts of a currency in one unit of it."""


def budget(bench: Bench, _: int) -> Kept | None:
    """Return the smallest budget, in whole cents (or yen), that a plan stays within."""
    limit = bench.prepared.problem.limits.budget
    found = bench.solved(under_limits(bench.prepared, budget=None))
    if limit is None or found.cost is None:
        return None
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[limit.per]
    rate, cents = rate_per_usd(bench.prepared.catalog, bench.prepared.problem, limit.currency), CENTS[limit.currency]
    amount = Fraction(math.ceil(Fraction(found.cost, MICRO) * hours * rate * cents), cents)
    more, digits = amount - exact(limit.amount), 2 if cents > 1 else 0
    said = {"currency": limit.currency, "per": limit.per, "amount": float(amount), "more": float(more)}
    words = Message("gives.budget" if digits else "gives.budget-whole", **said)
    enough = under_limits(bench.prepared, budget=limit.model_copy(update={"amount": float(amount)}))
    return Kept(words, float(amount), bench.solved(enough))


def _smallest(bench: Bench, asked: int, most: int, change: Callable[[int], Prepared]) -> int | None:
    """Return the smallest number above the one asked with which there is a plan; None when none has one."""
    if most <= asked or not bench.solved(change(most)).has_plan:
        return None
    return least_integer(asked, most, lambda n: bench.solved(change(n)).has_plan)


def gpu_types(bench: Bench, _: int) -> Kept | None:
    """Return the fewest GPU types that make a plan."""

    def change(most: int) -> Prepared:
        """Allow so many types."""
        return under_limits(bench.prepared, max_gpu_types=most)

    most = len({offer.gpu_id for offer in bench.prepared.candidates.offers})
    found = _smallest(bench, bench.prepared.problem.limits.max_gpu_types or 0, most, change)
    return None if found is None else Kept(
        Message("gives.gpu-types", count=found), float(found), bench.solved(change(found)))


def most_nodes(bench: Bench, _: int) -> Kept | None:
    """Return the fewest nodes that make a plan."""
    nodes = bench.prepared.problem.limits.nodes

    def change(most: int) -> Prepared:
        """Allow so many nodes."""
        return under_limits(bench.prepared, nodes=NodeCount(min=nodes.min, max=most))

    free = bench.solved(under_limits(bench.prepared, nodes=NodeCount(min=nodes.min)))
    found = _smallest(bench, nodes.max or 0, sum(chosen.nodes for chosen in free.every), change)
    return None if found is None else Kept(
        Message("gives.nodes", count=found), float(found), bench.solved(change(found)))


def fewest_nodes(bench: Bench, _: int) -> Kept | None:
    """Return the largest minimum of nodes that a plan keeps."""
    nodes = bench.prepared.problem.limits.nodes

    def change(missing: int) -> Prepared:
        """Ask for so many nodes less."""
        return under_limits(bench.prepared, nodes=NodeCount(min=nodes.min - missing, max=nodes.max))

    missing = _smallest(bench, 0, nodes.min, change)
    if missing is None:
        return None
    left = nodes.min - missing
    return Kept(Message("gives.nodes", count=left), float(left), bench.solved(change(missing)))


def engine_policy(bench: Bench, _: int) -> Kept | None:
    """Return the strictest freer policy with a plan."""
    freer = {"fleet": ("per_gpu", "any"), "per_gpu": ("any",)}.get(bench.prepared.problem.limits.engine_policy, ())
    tried = (Kept(Message("asks.names", names=(name,)), None,
                  bench.solved(under_limits(bench.prepared, engine_policy=name))) for name in freer)
    return next((kept for kept in tried if kept.solution.has_plan), None)


def survive(bench: Bench, _: int) -> Kept | None:
    """Return the most that can still be survived: fewer nodes, else without a region or provider, else without both."""
    now = bench.prepared.problem.limits.survive
    flags = [name for name in ("region", "provider") if getattr(now, name)]
    for dropped in (some for size in range(len(flags) + 1) for some in combinations(flags, size)):
        for nodes in range(now.nodes if dropped else now.nodes - 1, -1, -1):
            change: dict[str, Any] = {"nodes": nodes, **dict.fromkeys(dropped, False)}
            solution = bench.solved(under_limits(bench.prepared, survive=now.model_copy(update=change)))
            if solution.has_plan:
                said = {name: value for name, value in change.items() if getattr(now, name) != value}
                words = Message("gives.survive", parts=tuple(
                    Message("gives.survive-nodes", count=value) if name == "nodes"
                    else Message("gives.no-provider" if name == "provider" else "gives.no-region")
                    for name, value in said.items()))
                return Kept(words, float(nodes) if "nodes" in said else None, solution)
    return None


def power(bench: Bench, _: int) -> Kept | None:
    """Return the least power, in whole watts, that a plan draws."""

    def change(watts: int) -> Prepared:
        """Allow so much power."""
        return under_limits(bench.prepared, power_kw=watts / 1000)

    free = bench.solved(under_limits(bench.prepared, power_kw=None))
    most = sum(chosen.nodes * chosen.row.watts for chosen in free.every)
    asked = math.floor(exact(bench.prepared.problem.limits.power_kw or 0.0) * 1000)
    found = _smallest(bench, asked, most, change)
    return None if found is None else Kept(
        Message("asks.kw", value=found / 1000), found / 1000, bench.solved(change(found)))


def at_least(bench: Bench, _: int) -> Kept | None:
    """Return the cheapest commitment to give up, or all of them where one is not enough."""
    now = bench.prepared.problem.limits.at_least

    def without(name: str) -> Prepared:
        """Give one commitment up."""
        return under_limits(bench.prepared, at_least={other: n for other, n in now.items() if other != name})

    one = cheapest_of((Message("gives.without", name=name), bench.solved(without(name))) for name in now)
    return one or cheapest_of([(Message("gives.none"), bench.solved(under_limits(bench.prepared, at_least={})))])


def spot_share(bench: Bench, _: int) -> Kept | None:
    """Return the least share on spot nodes, in whole percent, that a plan needs."""

    def change(percent: int) -> Prepared:
        """Allow so much."""
        return under_limits(bench.prepared, spot_share_fraction=None if percent == 100 else percent / 100)

    asked = math.floor((bench.prepared.problem.limits.spot_share_fraction or 0.0) * 100)
    found = _smallest(bench, asked, 100, change)
    if found is None:
        return None
    words = Message("gives.no-cap") if found == 100 else Message("asks.spot", share=found / 100)
    return Kept(words, found / 100, bench.solved(change(found)))


def contracts(bench: Bench, _: int) -> Kept | None:
    """Return the cheapest contract to do without, or all of them where one is not enough."""
    now = bench.prepared.problem.limits.contracts

    def without(name: str) -> Prepared:
        """Leave one contract out."""
        return under_limits(bench.prepared, contracts={other: one for other, one in now.items() if other != name})

    one = cheapest_of((Message("gives.without", name=name), bench.solved(without(name))) for name in now)
    return one or cheapest_of([(Message("gives.none"), bench.solved(under_limits(bench.prepared, contracts={})))])


def utilisation(bench: Bench, _: int) -> Kept | None:
    """Return the least share of the nodes that must be usable, in whole percent, for a plan."""

    def change(percent: int) -> Prepared:
        """Let so much be used."""
        return under_limits(bench.prepared, max_utilisation_fraction=percent / 100)

    asked = math.floor(bench.prepared.problem.limits.max_utilisation_fraction * 100)
    found = _smallest(bench, asked, 100, change)
    return None if found is None else Kept(Message.quoted(f"{found / 100:g}"), found / 100, bench.solved(change(found)))
