"""What one node carries in a budget plan, derived from its replicas as for any plan."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.schema.base import EVIDENCE_ORDER
from optimizer.schema.budget_plan import NodeSetup
from optimizer.schema.plan import Cost, Deployment, Plan
from optimizer.verify.replicas import check_engines_run, check_memory, check_node_capacity, check_replica_promise
from optimizer.verify.roadmap.subject import RoadmapSubject
from optimizer.verify.subject import Check, Subject

REPLICA_CHECKS: tuple[Check, ...] = (check_engines_run, check_replica_promise, check_memory, check_node_capacity)


def _deployment(setup: NodeSetup) -> Deployment:
    """Return a setup as the deployment of one node at its limit."""
    return Deployment(
        **setup.model_dump(), nodes=1, concurrency_at_peak=setup.concurrency_per_replica, load_fraction=1.0)


def check_setups(subject: RoadmapSubject) -> Iterator[str]:
    """Every node that serves is set up once for its service, and carries what the plan says within the promise."""
    plan, seen = subject.plan, set()
    for setup in plan.setups:
        key = (setup.service_id, setup.offer_id)
        if key in seen:
            yield f"{setup.offer_id}: set up twice for {setup.service_id}"
        seen.add(key)
    missing = {(one.service_id, one.offer_id) for quarter in plan.quarters for one in quarter.serving} - seen
    yield from (f"{offer_id}: serves {service_id} and is not set up" for service_id, offer_id in sorted(missing))
    deployments = tuple(_deployment(setup) for setup in plan.setups)
    nothing = Cost(usd_per_hour=None, usd_per_month=None, breakdown={})
    node_plan = Plan(
        problem=plan.problem, status=plan.status, cost=nothing, bound_usd_per_month=None, gap_fraction=None, nodes=(),
        deployments=deployments, services=(), proposals=(), rejections=(), inputs=plan.inputs)
    nodes = Subject(node_plan, subject.problem, subject.catalog, subject.own_models)
    for one in deployments:
        gpus = nodes.offers[one.offer_id].gpu_count
        per_node = 1 if nodes.stated_capacity(one) is not None else gpus // one.gpu_count
        if one.replicas != per_node:
            yield f"{one.offer_id}: {one.replicas} replicas on a node of {gpus} GPUs"
    for check in REPLICA_CHECKS:
        yield from check(nodes)
    least = subject.problem.limits.evidence
    for one in nodes.derived():
        worst = [curve.evidence(one.concurrency_per_replica) for curve in nodes.replica(one).curves if curve]
        found = max((EVIDENCE_ORDER.index(evidence) for evidence in worst), default=0)
        if max(found, EVIDENCE_ORDER.index(one.evidence)) > EVIDENCE_ORDER.index(least):
            yield f"{one.offer_id}: {one.evidence}, {least} asked for"
        if EVIDENCE_ORDER.index(one.evidence) < found:
            yield f"{one.offer_id}: called {one.evidence}, it is {EVIDENCE_ORDER[found]}"
