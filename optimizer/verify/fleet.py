"""Check a shared fleet again in plain Python: every node's GPUs, every service's demand, every rule of the whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isclose

from optimizer.errors import VerificationError
from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.fleet import AfterLoss, FleetDeployment, FleetPlan, Layout
from optimizer.schema.plan import Deployment, Plan, ServicePlan
from optimizer.schema.problem import Limits, Problem, Survive
from optimizer.verify.figures import (
    check_answered_once,
    check_known_names,
    check_known_offers,
    check_load,
    check_plan_speed,
    check_policy,
    check_service_figures,
    check_shown_speeds,
    check_unit_costs,
)
from optimizer.verify.replicas import check_engines_run, check_memory, check_node_capacity, check_replica_promise
from optimizer.verify.rules import (
    check_cap_power,
    check_choose_engines,
    check_hold_nodes,
    check_keep_budget,
    check_limit_gpu_types,
    check_limit_nodes,
    check_meet_demand,
    check_node_count,
    check_respect_stock,
    check_total_cost,
)
from optimizer.verify.subject import TOLERANCE, Check, Subject

WHOLE: tuple[Check, ...] = (
    check_known_offers, check_answered_once, check_policy, check_engines_run, check_replica_promise, check_memory,
    check_node_capacity, check_meet_demand, check_respect_stock, check_keep_budget, check_limit_nodes, check_hold_nodes,
    check_limit_gpu_types, check_choose_engines, check_cap_power, check_total_cost, check_node_count,
    check_shown_speeds, check_load, check_plan_speed, check_service_figures, check_unit_costs,
)
"""Rules of a plan that hold for a fleet too, each replica taken as a node of its own."""

LEFT: tuple[Check, ...] = (
    check_answered_once, check_engines_run, check_replica_promise, check_memory, check_node_capacity, check_meet_demand,
    check_choose_engines, check_shown_speeds, check_load,
)
"""Those that still hold after a loss."""


@dataclass(frozen=True)
class FleetSubject(Subject):
    """A fleet as a plan in which every replica is a node of its own."""

    def gpus_of(self, one: Deployment) -> int:
        """Count the GPUs that a deployment has for itself: those of its replicas."""
        return one.replicas * one.gpu_count


def faults_of_fleet(
    plan: FleetPlan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel]
) -> list[str]:
    """List every rule that a fleet breaks; empty for one that stands, and for an answer without a fleet."""
    if plan.status not in ("optimal", "feasible"):
        shown = plan.nodes or plan.deployments or plan.services or plan.cost.usd_per_month is not None
        return [f"status: {plan.status}, yet a fleet is shown"] if shown else []
    served = _served(plan, problem)
    if isinstance(served, str):
        return [f"services: {served}"]
    subject = FleetSubject(as_plan(plan, plan.deployments), served, catalog, own_models)
    names = [f"known_names: {fault}" for fault in check_known_names(subject)]
    if names:
        return names
    faults = _told(WHOLE, subject)
    faults += [f"fit_on_nodes: {fault}" for fault in check_fit_on_nodes(subject, plan.layouts, plan.deployments)]
    faults += [f"services: {fault}" for fault in check_service_gpus(plan)]
    faults += [f"shares: {fault}" for fault in check_shares(plan)]
    bought = Counter({node.offer_id: node.count for node in plan.nodes})
    if Counter(_nodes_of(plan.layouts)) != bought:
        faults.append("fit_on_nodes: the layouts are not those of the nodes bought")
    return [*faults, *check_survive_losses(subject, plan, problem.limits, bought)]


def _told(checks: Sequence[Check], subject: Subject) -> list[str]:
    return [f"{check.__name__.removeprefix('check_')}: {fault}" for check in checks for fault in check(subject)]


def _served(plan: FleetPlan, problem: Problem) -> Problem | str:
    """Return the problem of the services that are served, or what is wrong with those that are cut."""
    cut = {one.service_id for one in plan.shed}
    kept = tuple(service for service in problem.services if service.service_id not in cut)
    unknown = cut - {service.service_id for service in problem.services}
    if unknown or len(cut) != len(plan.shed):
        return f"cuts {', '.join(sorted(one.service_id for one in plan.shed))}, not all of them services, or one twice"
    if not kept:
        return "all are cut, and yet a fleet is shown"
    priorities = {service.service_id: service.priority for service in problem.services}
    said = [(one.service_id, one.priority) for one in plan.services]
    said += [(one.service_id, one.priority) for one in plan.shed]
    wrong = [name for name, priority in said if priorities.get(name) != priority]
    if wrong:
        return f"{', '.join(wrong)} with another priority than the problem's"
    limits = problem.limits.model_copy(update={"survive": Survive()})
    return problem.model_copy(update={"services": kept, "limits": limits})


def as_plan(plan: FleetPlan, deployments: Sequence[FleetDeployment]) -> Plan:
    """Write a fleet as a plan in which every replica is a node of its own."""
    return Plan(
        problem=plan.problem, status=plan.status, cost=plan.cost, bound_usd_per_month=plan.bound_usd_per_month,
        gap_fraction=plan.gap_fraction, nodes=plan.nodes, deployments=tuple(_as_nodes(one) for one in deployments),
        services=tuple(ServicePlan(**one.model_dump(exclude={"priority", "gpus"})) for one in plan.services),
        proposals=(), rejections=(), inputs=plan.inputs)


def _as_nodes(one: FleetDeployment) -> Deployment:
    told = one.model_dump(exclude={"nodes", "capacity_per_replica"})
    return Deployment(**told, nodes=one.replicas, capacity_per_node=one.capacity_per_replica)


def check_service_gpus(plan: FleetPlan) -> Iterator[str]:
    """The GPUs said to serve a service are those of its replicas."""
    for shown in plan.services:
        gpus = sum(one.replicas * one.gpu_count for one in plan.deployments if one.service_id == shown.service_id)
        if shown.gpus != gpus:
            yield f"{shown.service_id}: {shown.gpus} GPUs said, its replicas take {gpus}"


def _nodes_of(layouts: Sequence[Layout]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for layout in layouts:
        counts[layout.offer_id] += layout.count
    return dict(counts)


def check_fit_on_nodes(
    subject: Subject, layouts: Sequence[Layout], deployments: Sequence[FleetDeployment]
) -> Iterator[str]:
    """Every node holds no more GPUs of replicas than it has, and the nodes together hold exactly the deployments."""
    keys = ("service_id", "engine_id", "precision", "tp_size", "gpu_count")
    placed: Counter[tuple[object, ...]] = Counter()
    holders: Counter[tuple[object, ...]] = Counter()
    for layout in layouts:
        offer = subject.offers.get(layout.offer_id)
        if offer is None or layout.count < 1:
            yield f"{layout.offer_id}: {layout.count} nodes of an offer that is not in the fleet"
            continue
        used = sum(one.replicas * one.gpu_count for one in layout.replicas)
        if any(one.replicas < 1 or one.gpu_count < 1 for one in layout.replicas):
            yield f"{layout.offer_id}: a line without replicas or GPUs"
        if used > offer.gpu_count or layout.free_gpus != offer.gpu_count - used:
            yield f"{layout.offer_id}: replicas of {used} GPUs on {offer.gpu_count}, {layout.free_gpus} called free"
        for one in layout.replicas:
            key = (layout.offer_id, *(getattr(one, name) for name in keys))
            placed[key] += layout.count * one.replicas
            holders[key] += layout.count
    wanted = {(one.offer_id, *(getattr(one, name) for name in keys)): (one.replicas, one.nodes) for one in deployments}
    for key in sorted({*wanted, *placed}, key=str):
        if wanted.get(key) != (placed[key], holders[key]):
            yield f"{key[1]} on {key[0]}: {placed[key]} replicas on {holders[key]} nodes placed, {wanted.get(key)} said"
    stated = {(one.service_id, one.offer_id) for one in _as_deployed(deployments, subject)}
    for layout in layouts:
        if len(layout.replicas) > 1 and any((one.service_id, layout.offer_id) in stated for one in layout.replicas):
            yield f"{layout.offer_id}: a stated capacity is that of a whole node, which is shared"


def _as_deployed(deployments: Sequence[FleetDeployment], subject: Subject) -> list[FleetDeployment]:
    """List the deployments whose capacity is stated for whole nodes."""
    return [one for one in deployments if subject.stated_capacity(_as_nodes(one)) is not None]


def check_survive_losses(
    subject: Subject, plan: FleetPlan, limits: Limits, bought: Counter[str]
) -> list[str]:
    """After every loss asked for, replicas placed again on the nodes that are left carry every service's demand."""
    survive, told = limits.survive, {(one.kind, one.lost): one for one in plan.after_losses}
    expected: dict[tuple[str, str], Counter[str]] = {}
    for offer_id in bought if survive.nodes else ():
        expected["node", offer_id] = bought - Counter([offer_id])
    for kind, asked, parts in (("provider", survive.provider, 1), ("region", survive.region, 2)):
        for place in {subject.offers[name].place[:parts] for name in bought} if asked else ():
            left = {name: count for name, count in bought.items() if subject.offers[name].place[:parts] != place}
            expected[kind, "/".join(place)] = Counter(left)
    faults = [f"survive_{kind}_loss: nothing is said of {lost}" for kind, lost in sorted(expected.keys() - told.keys())]
    faults += [f"survive_{kind}_loss: {lost} need not be lost" for kind, lost in sorted(told.keys() - expected.keys())]
    for key, left in sorted(expected.items()):
        if key in told:
            faults += [f"survive_{key[0]}_loss: without {key[1]}: {f}" for f in _left(subject, plan, told[key], left)]
    return faults


def _left(subject: Subject, plan: FleetPlan, after: AfterLoss, left: Counter[str]) -> Iterator[str]:
    """Say what is wrong with the replicas that are placed again after a loss."""
    nodes = Counter(_nodes_of(after.layouts))
    if nodes - left:
        yield f"uses nodes that are lost: {dict(nodes - left)}"
    again = FleetSubject(as_plan(plan, after.deployments), subject.problem, subject.catalog, subject.own_models)
    unknown = list(check_known_names(again))
    yield from unknown or (*_told(LEFT, again), *check_fit_on_nodes(again, after.layouts, after.deployments))


def check_shares(plan: FleetPlan) -> Iterator[str]:
    """Every service served pays once, and each way of sharing adds up to the cost in whole cents."""
    cost = plan.cost.usd_per_month or 0.0
    if plan.shares and sorted(one.service_id for one in plan.shares) != sorted(s.service_id for s in plan.services):
        yield "those who pay are not those served"
    for key in ("proportional_usd_per_month", "shapley_usd_per_month", "marginal_usd_per_month"):
        parts = [getattr(one, key) for one in plan.shares]
        known = [Decimal(repr(part)) for part in parts if part is not None]
        if known and (len(known) < len(parts) or min(known) < 0 or sum(known) != Decimal(f"{cost:.2f}")):
            yield f"{key} adds up to {sum(known)} of {cost:.2f} USD/month"
    saving, alone = plan.saving, [one.alone_usd_per_month for one in plan.shares]
    if saving is None or saving.separate_usd_per_month is None or not alone:
        return
    apart = sum(one or 0.0 for one in alone)
    if None in alone or not isclose(saving.separate_usd_per_month, apart, rel_tol=TOLERANCE, abs_tol=1e-6):
        yield f"separate plans of {saving.separate_usd_per_month} USD/month, {apart} by the services"
    if not isclose(saving.saved_usd_per_month or 0.0, apart - cost, rel_tol=TOLERANCE, abs_tol=1e-6):
        yield f"{saving.saved_usd_per_month} USD/month saved, {apart - cost} by the costs"


def verify_fleet(
    plan: FleetPlan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel]
) -> FleetPlan:
    """Return a fleet that stands.

    Raises:
        VerificationError: it breaks a rule, which is our own fault.
    """
    faults = faults_of_fleet(plan, problem, catalog, own_models)
    if faults:
        raise VerificationError("the fleet does not stand:\n  " + "\n  ".join(faults))
    return plan
