"""Routing in CP-SAT: counts of nodes under cuts, and for sliced classes the slices on each type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gpumix_referee.splitting.scaled import Cut, ScaledTraffic
from optimizer.errors import Fault, ModelTooLargeError
from optimizer.formulation.case import LARGEST_SUM
from optimizer.formulation.cp_sat import CpModel, IntVar, cp_model


@dataclass(frozen=True)
class RoutingModel:
    """Variables of one question."""

    cp: CpModel
    nodes: tuple[IntVar, ...]
    """By node type."""
    slices: tuple[tuple[IntVar | None, ...], ...]
    """By class and node type; empty where classes are split freely: then cuts alone stand for them."""


def routing_model(case: ScaledTraffic, cuts: Iterable[Cut], lower: int, upper: int) -> RoutingModel:
    """Build the model: least cost between two bounds, under cuts; identical slices are counted, not told apart.

    Loads are those rounded down, so that no routing is lost; where that admits one too many, `forbid` takes it out.

    Raises:
        ModelTooLargeError: prices or loads exceed the solver's integers.
    """
    largest = max(upper, *(case.scale * (upper // price) for price in case.prices if case.sliced), 0)
    if largest >= LARGEST_SUM:
        found, allowed = f"sums that may reach {largest:.1e}", f"less than {LARGEST_SUM:.1e}"
        raise ModelTooLargeError([Fault("traffic", "prices and rates", found, allowed)])
    cp = cp_model.CpModel()
    nodes = tuple(cp.new_int_var(0, upper // price, "") for price in case.prices)
    slices = tuple(
        tuple(None if one is None else cp.new_int_var(0, case.parts, "") for one in row) for row in case.low
    ) if case.sliced else ()
    place_every_slice(cp, case, slices)
    carry_slices(cp, case, nodes, slices)
    model = RoutingModel(cp, nodes, slices)
    for cut in cuts:
        keep_cut(model, cut)
    cost = sum(price * count for price, count in zip(case.prices, nodes, strict=True))
    cp.add_linear_constraint(cost, lower, upper)
    cp.minimize(cost)
    return model


def place_every_slice(cp: CpModel, case: ScaledTraffic, slices: Sequence[Sequence[IntVar | None]]) -> None:
    """Every slice of every class is on one node type."""
    for row in slices:
        cp.add(sum(one for one in row if one is not None) == case.parts)


def carry_slices(
    cp: CpModel, case: ScaledTraffic, nodes: Sequence[IntVar], slices: Sequence[Sequence[IntVar | None]]
) -> None:
    """No node type carries more than its nodes."""
    for t in case.types if slices else ():
        terms = []
        for loads, counts in zip(case.low, slices, strict=True):
            one, count = loads[t], counts[t]
            if one is not None and count is not None:
                terms.append(one * count)
        if terms:
            cp.add(sum(terms) <= case.scale * nodes[t])


LARGEST_WEIGHT = 2**32
"""Cuts of larger weights are made coarser: the solver's sums have 63 bits."""


def coarse(cut: Cut) -> Cut:
    """Return a cut of moderate weights that is no stricter: sum ceil(w / k) y >= ceil(least / k) for whole y >= 0.

    >>> coarse(Cut((2**33, 3), 2**33)) == Cut((2**32, 2), 2**32)
    True
    """
    by = -(-max((cut.least, *cut.weights)) // LARGEST_WEIGHT)
    return cut if by <= 1 else Cut(tuple(-(-weight // by) for weight in cut.weights), -(-cut.least // by))


def keep_cut(model: RoutingModel, exact: Cut) -> None:
    """Nodes keep a cut."""
    cut = coarse(exact)
    if cut.least <= 0:
        return
    model.cp.add(sum(w * count for w, count in zip(cut.weights, model.nodes, strict=True) if w) >= cut.least)


def forbid(model: RoutingModel, node_type: int, count: int, slices: Sequence[Sequence[int]]) -> None:
    """No plan has at most these nodes of a type and at least these slices on it: they are known not to fit."""
    cp, ways = model.cp, []
    more = cp.new_bool_var("")
    cp.add(model.nodes[node_type] >= count + 1).only_enforce_if(more)
    ways.append(more)
    for row, found in zip(model.slices, slices, strict=True):
        variable = row[node_type]
        if variable is not None and found[node_type]:
            fewer = cp.new_bool_var("")
            cp.add(variable <= found[node_type] - 1).only_enforce_if(fewer)
            ways.append(fewer)
    cp.add_bool_or(ways)



def forbid_counts(model: RoutingModel, counts: Sequence[int]) -> None:
    """The nodes are not at most these in every type: they are known to be too few."""
    ways = []
    for variable, count in zip(model.nodes, counts, strict=True):
        more = model.cp.new_bool_var("")
        model.cp.add(variable >= count + 1).only_enforce_if(more)
        ways.append(more)
    model.cp.add_bool_or(ways)
