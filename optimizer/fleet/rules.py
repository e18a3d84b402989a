"""The rules of a shared fleet, one function each; every one has its twin in `verify/fleet.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from optimizer.fleet.case import FleetCase, is_chain
from optimizer.fleet.losses import NOTHING_LOST, Loss
from optimizer.formulation.cp_sat import CpModel, IntVar, LinearExpr, cp_model
from optimizer.question.fillings import fillings


@dataclass
class FleetModel:
    """A model with its variables."""

    cp: CpModel
    nodes: list[IntVar]
    """By offer."""
    served: list[IntVar]
    """By service; all 1 unless services may be left out."""
    replicas: dict[Loss, list[IntVar]] = field(default_factory=dict)
    """By item, after each loss."""
    engines: dict[str, dict[str, IntVar]] = field(default_factory=dict)
    """GPU type (or the fleet) -> engine -> whether it is the one."""


def fleet_model(case: FleetCase, losses: Sequence[Loss] = (), may_drop: bool = False) -> FleetModel:
    """Build every rule.

    Args:
        case: the question.
        losses: what may be lost, one at a time, and must not leave any service short.
        may_drop: services may be left out.
    """
    cp = cp_model.CpModel()
    model = FleetModel(
        cp, [cp.new_int_var(0, supply.most, "") for supply in case.supplies],
        [cp.new_int_var(0 if may_drop else 1, 1, "") for _ in case.demand])
    for rule in NODE_RULES:
        rule(case, model)
    for loss in losses or (NOTHING_LOST,):
        model.replicas[loss] = [cp.new_int_var(0, item.most, "") for item in case.items]
        meet_demand(case, model, loss)
        fit_on_nodes(case, model, loss)
        choose_engines(case, model, loss)
    return model


def _weighted(variables: Sequence[IntVar], weights: Iterable[int]) -> LinearExpr:
    return LinearExpr.weighted_sum(list(variables), list(weights))


def respect_stock(case: FleetCase, model: FleetModel) -> None:
    """No offer is used beyond its stock, all services together."""
    for pool, stock in enumerate(case.stock):
        mine = [i for i, supply in enumerate(case.supplies) if supply.pool == pool]
        if stock is not None and sum(case.supplies[i].most for i in mine) > stock:
            model.cp.add(_weighted([model.nodes[i] for i in mine], [1] * len(mine)) <= stock)


def cost_of_nodes(case: FleetCase, model: FleetModel) -> LinearExpr:
    """Return the micro-dollars an hour of all nodes."""
    return _weighted(model.nodes, [supply.price for supply in case.supplies])


def keep_budget(case: FleetCase, model: FleetModel) -> None:
    """All nodes together cost no more than the budget."""
    if case.budget is not None and case.budget < case.cost_bound:
        model.cp.add(cost_of_nodes(case, model) <= case.budget)


def limit_nodes(case: FleetCase, model: FleetModel) -> None:
    """The fleet has at least the fewest and at most the most nodes allowed."""
    total = _weighted(model.nodes, [1] * len(model.nodes))
    if case.min_nodes:
        model.cp.add(total >= case.min_nodes)
    if case.max_nodes is not None:
        model.cp.add(total <= case.max_nodes)


def hold_nodes(case: FleetCase, model: FleetModel) -> None:
    """The fleet holds the nodes that are bought or committed already."""
    place = {supply.offer.offer_id: i for i, supply in enumerate(case.supplies)}
    for offer_id, nodes in case.at_least:
        if offer_id in place:
            model.cp.add(model.nodes[place[offer_id]] >= nodes)
        else:
            model.cp.add_bool_or([])  # no such node can serve anything: infeasible


def limit_gpu_types(case: FleetCase, model: FleetModel) -> None:
    """At most K different GPU types are used."""
    gpus = sorted({supply.offer.gpu_id for supply in case.supplies})
    if case.max_gpu_types is None or case.max_gpu_types >= len(gpus):
        return
    used = {gpu: model.cp.new_bool_var("") for gpu in gpus}
    for count, supply in zip(model.nodes, case.supplies, strict=True):
        model.cp.add(count <= supply.most * used[supply.offer.gpu_id])
    model.cp.add(sum(used.values()) <= case.max_gpu_types)


def cap_power(case: FleetCase, model: FleetModel) -> None:
    """Owned nodes together draw no more than the power cap at full load."""
    if case.watts is not None:
        model.cp.add(_weighted(model.nodes, [supply.offer.watts for supply in case.supplies]) <= case.watts)


NODE_RULES = (respect_stock, keep_budget, limit_nodes, hold_nodes, limit_gpu_types, cap_power)
"""Those that look at nodes alone."""


def meet_demand(case: FleetCase, model: FleetModel, loss: Loss) -> None:
    """Every service that is served gets its demand from the replicas that are left."""
    replicas = model.replicas[loss]
    for service, demand in enumerate(case.demand):
        mine = case.by_service[service]
        held = _weighted([replicas[i] for i in mine], [case.items[i].capacity for i in mine])
        model.cp.add(held >= demand * model.served[service])


def choose_engines(case: FleetCase, model: FleetModel, loss: Loss) -> None:
    """One engine serves the whole fleet, or each GPU type, whatever is lost."""
    if case.engine_policy == "any":
        return
    gpu_of = {supply.group: supply.offer.gpu_id for supply in case.supplies}
    for item, count in zip(case.items, model.replicas[loss], strict=True):
        scope = gpu_of.get(item.group, "") if case.engine_policy == "per_gpu" else ""
        engines = model.engines.setdefault(scope, {})
        if item.engine not in engines:
            engines[item.engine] = model.cp.new_bool_var("")
        model.cp.add(count <= item.most * engines[item.engine])
    if len(model.replicas) == 1:
        for engines in model.engines.values():
            model.cp.add_at_most_one(engines.values())


def fit_on_nodes(case: FleetCase, model: FleetModel, loss: Loss) -> None:
    """Replicas fit on the GPUs of the nodes that are left, none over two nodes.

    Where the sizes of replicas divide one another it is enough to count slots: for each size t the replicas no smaller,
    each counted gpus / t, are at most sum floor(g / t) N. Else nodes are filled in the ways that cannot hold any more.
    """
    left = nodes_left(case, model, loss)
    replicas = model.replicas[loss]
    for group in case.groups:
        mine, sizes = case.by_group[group], case.sizes(group)
        nodes = left[group]
        for size in sizes:
            larger = [i for i in mine if case.items[i].gpus >= size]
            held = sum(count * (gpus // size) for gpus, count in nodes.items() if gpus >= size)
            model.cp.add(_weighted([replicas[i] for i in larger], [case.items[i].gpus // size for i in larger]) <= held)
        if not is_chain(sizes):
            _fill_nodes(case, model, group, nodes, replicas)


def _fill_nodes(
    case: FleetCase, model: FleetModel, group: int, nodes: dict[int, LinearExpr], replicas: Sequence[IntVar]
) -> None:
    """Every node of a group is filled in one of the ways that leave no room for a further replica."""
    sizes = case.sizes(group)
    room: dict[int, list[LinearExpr]] = defaultdict(list)
    for gpus, count in nodes.items():
        most = sum(case.supplies[i].most for i in case.supplies_of[group] if case.supplies[i].gpus == gpus)
        ways = fillings(gpus, tuple(sizes))
        chosen = [model.cp.new_int_var(0, most, "") for _ in ways]
        model.cp.add(sum(chosen) <= count)
        for way, variable in zip(ways, chosen, strict=True):
            for size, holds in zip(sizes, way, strict=True):
                if holds:
                    room[size].append(variable * holds)
    for size in sizes:
        mine = [i for i in case.by_group[group] if case.items[i].gpus == size]
        model.cp.add(_weighted([replicas[i] for i in mine], [1] * len(mine)) <= sum(room[size]))


def nodes_left(case: FleetCase, model: FleetModel, loss: Loss) -> list[dict[int, LinearExpr]]:
    """Return, by group, how many nodes of so many GPUs are left after a loss."""
    left: list[dict[int, LinearExpr]] = [{} for _ in case.groups]
    for i, supply in enumerate(case.supplies):
        if not loss.takes_all(supply):
            counts = left[supply.group]
            counts[supply.gpus] = counts.get(supply.gpus, 0) + model.nodes[i]
    if loss.kind == "node":
        mine = [i for i, supply in enumerate(case.supplies) if loss.takes_one(supply)]
        if not mine:
            return left
        used = model.cp.new_bool_var("")
        for i in mine:
            model.cp.add(model.nodes[i] <= case.supplies[i].most * used)
        group, gpus = loss.of_group, loss.of_gpus
        left[group][gpus] = left[group][gpus] - used
    return left
