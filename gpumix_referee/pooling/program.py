"""Several servers on shared inventories: replicas of each on one accelerator or on a mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation.case import LARGEST_SUM
from optimizer.formulation.cp_sat import CpModel, IntVar, LinearExpr, cp_model


@dataclass(frozen=True, slots=True)
class PoolOption:
    """Replicas of a server on one accelerator."""

    server: int
    price: int
    """Of one replica."""
    capacity: int
    """Of the demand, one replica; never more than all of it."""
    inventory: int
    cards: int
    """Taken of the inventory by one replica."""
    alone: int
    """Replicas that carry the whole server."""


@dataclass(frozen=True)
class PoolCase:
    """Integers of one question."""

    demand: tuple[int, ...]
    """By server."""
    least: tuple[int, ...]
    """Fewest replicas, by server."""
    priority: tuple[int, ...]
    """By server; 1 is the highest."""
    options: tuple[PoolOption, ...]
    stock: tuple[int | None, ...]
    """Cards, by inventory; None: unlimited."""
    single: bool
    """Each server on one accelerator."""


@dataclass(frozen=True)
class PoolModel:
    """Variables of one question."""

    cp: CpModel
    replicas: tuple[LinearExpr, ...]
    """By option."""
    served: tuple[IntVar, ...]
    """By server; all 1 unless servers may be dropped."""
    further: tuple[IntVar, ...]
    """Cards beyond the stock, by inventory; all 0 unless more may be had."""
    cost: LinearExpr | int


def pool_model(case: PoolCase, may_drop: bool = False, may_add: bool = False) -> PoolModel:
    """Build the rules.

    Args:
        case: the question.
        may_drop: servers may be left out.
        may_add: inventories may hold more than their stock.

    Raises:
        ModelTooLargeError: sums exceed the solver's integers.
    """
    _check_size(case)
    cp = cp_model.CpModel()
    served = tuple(cp.new_int_var(0 if may_drop else 1, 1, "") for _ in case.demand)
    counts = tuple(cp.new_int_var(0, 1 if case.single else one.alone, "") for one in case.options)
    replicas = tuple(
        count * (one.alone if case.single else 1) for one, count in zip(case.options, counts, strict=True))
    needed = [sum(one.alone * one.cards for one in case.options if one.inventory == i) for i in range(len(case.stock))]
    further = tuple(cp.new_int_var(0, most if may_add else 0, "") for most in needed)
    if case.single:
        choose_one(cp, case, counts, served)
    else:
        carry_demand(cp, case, counts, served)
    keep_stock(cp, case, replicas, further)
    cost = sum(one.price * count for one, count in zip(case.options, replicas, strict=True))
    return PoolModel(cp, replicas, served, further, cost)


def choose_one(cp: CpModel, case: PoolCase, counts: Sequence[IntVar], served: Sequence[IntVar]) -> None:
    """Every server that is served is on exactly one accelerator."""
    for server in range(len(case.demand)):
        if needs_replicas(case, server):
            mine = [count for one, count in zip(case.options, counts, strict=True) if one.server == server]
            cp.add(sum(mine) == served[server])


def carry_demand(cp: CpModel, case: PoolCase, counts: Sequence[IntVar], served: Sequence[IntVar]) -> None:
    """Replicas of every server that is served carry its demand, and are no fewer than asked."""
    for server, (demand, least) in enumerate(zip(case.demand, case.least, strict=True)):
        mine = [(one, count) for one, count in zip(case.options, counts, strict=True) if one.server == server]
        if demand:
            cp.add(sum(one.capacity * count for one, count in mine) >= demand * served[server])
        if least:
            cp.add(sum(count for _, count in mine) >= least * served[server])


def keep_stock(
    cp: CpModel, case: PoolCase, replicas: Sequence[LinearExpr], further: Sequence[IntVar]
) -> None:
    """No inventory gives more cards than it holds."""
    for inventory, stock in enumerate(case.stock):
        taken = [
            one.cards * count for one, count in zip(case.options, replicas, strict=True) if one.inventory == inventory]
        if stock is not None and taken:
            cp.add(sum(taken) <= stock + further[inventory])


def needs_replicas(case: PoolCase, server: int) -> bool:
    """Say whether a server asks for anything."""
    return bool(case.demand[server] or case.least[server])


def _check_size(case: PoolCase) -> None:
    sums = {
        "prices": sum(one.price * one.alone for one in case.options),
        "rates": max((sum(one.capacity * one.alone for one in case.options if one.server == server)
                      for server in range(len(case.demand))), default=0),
        "cards": sum(one.cards * one.alone for one in case.options),
    }
    faults = [
        Fault("instance", what, f"sums that may reach {most:.1e}", f"less than {LARGEST_SUM:.1e}")
        for what, most in sums.items() if most >= LARGEST_SUM
    ]
    if faults:
        raise ModelTooLargeError(faults)
