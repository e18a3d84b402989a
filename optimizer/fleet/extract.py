"""Read a fleet back in the user's words and units, and have it verified."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.candidates import Candidate
from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand
from optimizer.fleet.case import FleetCase, Item
from optimizer.fleet.losses import Loss
from optimizer.fleet.pack import Layout as Packed
from optimizer.fleet.pack import layouts_of
from optimizer.fleet.solution import FleetSolution, Placement, cost_of
from optimizer.formulation import CaseRow
from optimizer.schema.fleet import (
    AfterLoss,
    FleetDeployment,
    FleetPlan,
    FleetService,
    Layout,
    PlacedReplicas,
    Shed,
)
from optimizer.schema.plan import Deployment
from optimizer.schema.problem import Survive
from optimizer.solve import Chosen, Prepared, Solution, achieved_speed
from optimizer.solve.extract import (
    NO_COST,
    cost_of_nodes,
    deployment_of,
    in_user_units,
    inputs_of,
    node_of,
    output_tokens_per_s,
    service_plan_of,
)
from optimizer.units import usd_per_month
from optimizer.verify.fleet import verify_fleet


@dataclass(frozen=True)
class _Described:
    """One placement in the user's words."""

    layouts: tuple[Layout, ...]
    deployments: tuple[FleetDeployment, ...]
    services: tuple[FleetService, ...]
    tokens_per_s: float
    """Output of everything at the full peak."""


def fleet_plan_of(
    prepared: Prepared, case: FleetCase, solution: FleetSolution, shed: Sequence[Shed] = ()
) -> FleetPlan:
    """Turn a solution into a verified answer.

    Raises:
        VerificationError: the fleet breaks a rule.
    """
    bound = None if solution.bound is None else usd_per_month(solution.bound)
    empty = FleetPlan(
        problem=prepared.problem.name, status=solution.status, cost=NO_COST, bound_usd_per_month=bound,
        gap_fraction=None, nodes=(), deployments=(), services=(), layouts=(), method=solution.method,
        inputs=inputs_of(prepared))
    placement = solution.placement
    if not solution.has_plan or placement is None:
        return empty
    micro = cost_of(case, placement.nodes)
    bought = [(s.offer, count) for s, count in zip(case.supplies, placement.nodes, strict=True) if count]
    told = _described(prepared, case, placement)
    proven = solution.status == "optimal" or not micro
    plan = empty.model_copy(update={
        "cost": cost_of_nodes(prepared, bought, micro, told.tokens_per_s),
        "gap_fraction": 0.0 if proven else (micro - (solution.bound or 0)) / micro,
        "nodes": tuple(node_of(offer, count) for offer, count in bought),
        "deployments": told.deployments, "services": told.services, "layouts": told.layouts, "shed": tuple(shed),
        "after_losses": tuple(
            after for loss, again in solution.after for after in _after(prepared, case, placement, loss, again)),
    })
    return verify_fleet(plan, prepared.problem, prepared.catalog, prepared.loaded.own_models)


def _after(
    prepared: Prepared, case: FleetCase, before: Placement, loss: Loss, again: Placement
) -> list[AfterLoss]:
    """Describe a loss; that of a node once for each offer whose node it may be, as alike nodes stand in for another."""
    if loss.kind == "nothing":
        return []
    if loss.kind == "node":
        lost = [i for i, s in enumerate(case.supplies) if before.nodes[i] and loss.takes_one(s)]
        left = {
            case.supplies[i].offer.offer_id: tuple(n - (j == i) for j, n in enumerate(before.nodes)) for i in lost}
    else:
        left = {"/".join(loss.place): again.nodes}
    found = []
    for name, nodes in left.items():
        told = _described(prepared, case, Placement(nodes, again.replicas))
        found.append(AfterLoss(kind=loss.kind, lost=name, deployments=told.deployments, layouts=told.layouts))
    return found


def _described(prepared: Prepared, case: FleetCase, placement: Placement) -> _Described:
    packed = layouts_of(case, placement)
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for one in packed:
        for item, replicas in one.replicas:
            held, nodes = counts.get((item, one.supply), (0, 0))
            counts[item, one.supply] = held + replicas * one.nodes, nodes + one.nodes
    by_service: dict[int, list[tuple[Chosen, int]]] = defaultdict(list)
    for (item, supply), (replicas, nodes) in sorted(counts.items()):
        by_service[case.items[item].service].append((_chosen(case, item, supply, replicas), nodes))
    deployments: list[FleetDeployment] = []
    services: list[FleetService] = []
    tokens = 0.0
    for service, mine in sorted(by_service.items(), key=lambda pair: case.positions[pair[0]]):
        solution = _alone([chosen for chosen, _ in mine], len(prepared.problem.services), prepared)
        index = case.positions[service]
        reached = achieved_speed(solution, index, prepared.candidates.demands[index].amount)
        found = [deployment_of(prepared, solution, chosen, reached) for chosen, _ in mine]
        deployments += [
            _deployment(one, nodes) for one, (_, nodes) in zip(found, mine, strict=True)]
        services.append(_service(prepared, solution, index, reached, found))
        tokens += output_tokens_per_s(prepared, solution, found)
    return _Described(
        tuple(_layout(case, one) for one in packed), tuple(deployments), tuple(services), tokens)


def _chosen(case: FleetCase, item: int, supply: int, replicas: int) -> Chosen:
    """Describe replicas as nodes of their own, of just the GPUs that each takes."""
    one, offer = case.items[item], case.supplies[supply].offer
    slot = replace(offer, gpu_count=one.gpus)
    return Chosen(_row(case, one, slot), replicas)


def _row(case: FleetCase, item: Item, slot: PricedOffer) -> CaseRow:
    return CaseRow(
        case.positions[item.service], 0, 0, item.capacity, item.most, slot.gpu_id, slot.provider, slot.place,
        item.engine, 0, (slot.offer_id, *item.option.order), Candidate(slot, item.option, item.capacity))


def _alone(chosen: list[Chosen], services: int, prepared: Prepared) -> Solution:
    """Wrap one service's replicas, so that its speed is found as that of any plan, with every node there."""
    targets = prepared.candidates.targets()
    return Solution("optimal", tuple(chosen), None, None, targets[:services], Survive())


def _deployment(one: Deployment, nodes: int) -> FleetDeployment:
    told = one.model_dump(exclude={"capacity_per_node", "nodes"})
    return FleetDeployment(**told, nodes=nodes, capacity_per_replica=one.capacity_per_node)


def _service(
    prepared: Prepared, solution: Solution, index: int, reached: float, mine: list[Deployment]
) -> FleetService:
    plan = service_plan_of(prepared, solution, index, reached, mine)
    told = plan.model_dump() | {"arithmetic": _arithmetic(prepared.candidates.demands[index], mine)}
    return FleetService(
        **told, priority=prepared.problem.services[index].priority, gpus=sum(d.replicas * d.gpu_count for d in mine))


def _arithmetic(demand: ServiceDemand, mine: list[Deployment]) -> str:
    """Spell out why the replicas are enough: 3 replicas x 14 requests = 42 >= 40."""
    rate = demand.unit == "rate"
    unit, digits = ("requests/s", ".4g") if rate else ("requests", "g")
    terms = [
        f"{'1 replica' if one.replicas == 1 else f'{one.replicas} replicas'} x {one.capacity_per_node:{digits}} {unit}"
        for one in mine
    ]
    held, asked = sum(d.replicas * d.capacity_per_node for d in mine), in_user_units(demand, demand.amount)
    return f"{' + '.join(terms)} = {held:{digits}} >= {asked:{digits}}"


def _layout(case: FleetCase, one: Packed) -> Layout:
    offer = case.supplies[one.supply].offer
    used = sum(case.items[item].gpus * replicas for item, replicas in one.replicas)
    return Layout(
        offer_id=offer.offer_id, count=one.nodes, free_gpus=offer.gpu_count - used,
        replicas=tuple(_placed(case, item, replicas) for item, replicas in one.replicas))


def _placed(case: FleetCase, item: int, replicas: int) -> PlacedReplicas:
    one = case.items[item]
    option = one.option
    return PlacedReplicas(
        service_id=case.names[one.service], engine_id=option.engine_id, precision=option.precision,
        tp_size=option.tp_size, gpu_count=one.gpus, layout=option.layout, replicas=replicas)


