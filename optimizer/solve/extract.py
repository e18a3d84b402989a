"""Read a solution back as a plan in the user's words and units, and have it verified."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import ortools

from optimizer import __version__
from optimizer.candidates import ReplicaSpeed
from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.priced import rate_as_of
from optimizer.demand import ServiceDemand, mean_output_tokens
from optimizer.messages import Message
from optimizer.schema.base import grade_of
from optimizer.schema.plan import Cost, Deployment, Inputs, Node, Plan, RejectionRow, ServicePlan
from optimizer.solve.extract_classes import Placed, class_arithmetic, gpu_hours, placed_of, routed_deployment
from optimizer.solve.prepare import Prepared
from optimizer.solve.search import Chosen, Solution, achieved_speed, carried
from optimizer.units import MICRO, usd, usd_per_month
from optimizer.verify import verify_plan
from optimizer.verify.known import KnownFigures

ORTOOLS_VERSION: str = ortools.__version__  # type: ignore[attr-defined]


def inputs_of(prepared: Prepared) -> Inputs:
    """Name what an answer was computed from."""
    return Inputs(
        problem_sha256=prepared.loaded.sha256,
        catalog_sha256=prepared.catalog.sha256,
        gpumix_version=__version__,
        ortools_version=ORTOOLS_VERSION,
        overlays=tuple(_last_part(path) for path in prepared.catalog.overlays),
        engine_versions={name: engine.version for name, engine in sorted(prepared.catalog.engines.items())},
    )


def _last_part(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1] or path


def nodes_of(solution: Solution) -> tuple[Node, ...]:
    """Count the nodes of each offer, in the order of their ids."""
    counts: dict[str, int] = defaultdict(int)
    offers: dict[str, PricedOffer] = {}
    for chosen in solution.every:
        offer = chosen.row.candidate.offer
        counts[offer.offer_id] += chosen.nodes
        offers[offer.offer_id] = offer
    idle = {chosen.row.offer_id: chosen.nodes for chosen in solution.idle}
    return tuple(node_of(offers[name], counts[name], idle.get(name, 0)) for name in sorted(counts))


def node_of(offer: PricedOffer, count: int, idle: int = 0) -> Node:
    """Describe so many nodes of an offer, of which some may serve nothing."""
    low, high = offer.range_micro_usd_per_hour
    return Node(
        offer_id=offer.offer_id,
        gpu_id=offer.gpu_id,
        gpu_count=offer.gpu_count,
        kind=offer.kind,
        term_months=offer.term_months,
        provider=offer.provider,
        region=offer.region,
        count=count,
        idle=idle,
        usd_per_month=usd_per_month(offer.micro_usd_per_hour * count),
        price_as_of=offer.price_as_of,
        price_evidence=offer.price_evidence,
        usd_per_hour_each=usd(offer.micro_usd_per_hour),
        usd_per_month_low=usd_per_month(low * count),
        usd_per_month_high=usd_per_month(high * count),
        source_url=offer.source_url,
        from_overlay=offer.from_overlay,
    )


def in_user_units(demand: ServiceDemand, amount: float) -> float:
    """Return an amount of demand in requests in flight or requests/s."""
    return amount if demand.unit == "concurrency" else amount / MICRO


def deployment_of(prepared: Prepared, solution: Solution, chosen: Chosen, reached: float) -> Deployment:
    """Describe one service on the nodes of one offer, at the plan's speed."""
    option, offer = chosen.row.candidate.option, chosen.row.candidate.offer
    service, demand = prepared.problem.services[option.service], prepared.candidates.demands[option.service]
    target = service.slo.target_tokens_per_s
    per_node = option.replicas_on(offer)
    replicas = per_node * chosen.nodes
    total = carried(solution, option.service, reached)
    mine = replicas * option.speed.amount(reached)
    common: dict[str, Any] = {
        "service_id": service.service_id,
        "offer_id": offer.offer_id,
        "engine_id": option.engine_id,
        "precision": option.precision,
        "tp_size": option.tp_size,
        "gpu_count": option.gpu_count or offer.gpu_count,
        "layout": option.layout,
        "replicas": replicas,
        "nodes": chosen.nodes,
        "load_fraction": round(mine / total, 9) if total else 0.0,
        "capacity_per_node": in_user_units(demand, per_node * option.speed.amount(target)),
    }
    speed = option.mixed
    if not isinstance(speed, ReplicaSpeed):
        at_peak = math.ceil(demand.amount * mine / total / replicas)
        return Deployment(
            **common,
            concurrency_per_replica=speed.max_concurrency,
            concurrency_at_peak=at_peak,
            tokens_per_s_per_user=target or None,
            ttft_ms=None,
            evidence="measured",
            error_fraction=None,
            source_url=speed.source_url,
        )
    at_peak = concurrency_at_peak(demand, speed, mine, total, replicas, reached)
    return Deployment(
        **common,
        concurrency_per_replica=speed.sequences(target),
        concurrency_at_peak=at_peak,
        tokens_per_s_per_user=speed.speed(at_peak),
        ttft_ms=speed.ttft_ms(at_peak),
        evidence=speed.evidence(at_peak),
        error_fraction=speed.error_fraction(at_peak),
        source_url=speed.source_url(at_peak),
    )


def concurrency_at_peak(
    demand: ServiceDemand, speed: ReplicaSpeed, mine: int, total: int, replicas: int, reached: float
) -> int:
    """Return requests in flight on each replica when the load is sent in proportion to capacity at the plan's speed."""
    if demand.unit == "concurrency":
        return max(1, -(-demand.amount * mine // (total * replicas)))
    limit = speed.sequences(reached)
    rate = demand.amount / MICRO * mine / total / replicas
    return min(limit, max(1, math.ceil(rate * speed.latency_s(limit) - 1e-9)))


def arithmetic(prepared: Prepared, solution: Solution, index: int) -> Message:
    """Spell out why the nodes are enough: 3 nodes x 1 GPU x 14 requests = 42 >= 40."""
    demand = prepared.candidates.demands[index]
    in_flight = demand.unit == "concurrency"
    target, terms, total = prepared.problem.services[index].slo.target_tokens_per_s, [], 0
    for chosen in solution.chosen:
        if chosen.row.service != index:
            continue
        option, offer = chosen.row.candidate.option, chosen.row.candidate.offer
        replicas, amount = option.replicas_on(offer), option.speed.amount(target)
        total += chosen.nodes * replicas * amount
        each = Message("capacity.requests", amount=amount) if in_flight else Message(
            "capacity.rps", amount=amount / MICRO)
        parts = [Message("capacity.nodes", n=chosen.nodes), each]
        if option.gpu_count == 1:
            parts.insert(1, Message("capacity.gpus", n=offer.gpu_count))
        elif option.gpu_count:
            parts.insert(1, Message("capacity.replicas", n=replicas, gpus=option.gpu_count))
        terms.append(Message("capacity.term", parts=tuple(parts)))
    held, asked = in_user_units(demand, total), in_user_units(demand, demand.amount)
    return Message("capacity.sum" if in_flight else "capacity.sum-rate", terms=tuple(terms), held=held, asked=asked)


def service_plan_of(
    prepared: Prepared, solution: Solution, index: int, reached: float, mine: list[Deployment],
    placed: Sequence[Placed] = (),
) -> ServicePlan:
    """Describe what one service gets at the plan's speed."""
    service, demand = prepared.problem.services[index], prepared.candidates.demands[index]
    rate = demand.unit == "rate"
    capacity = sum(one.replicas * one.concurrency_per_replica for one in mine)
    in_flight = sum(one.replicas * one.concurrency_at_peak for one in mine)
    stated = service.kind == "sync" or service.slo.target_tokens_per_s > 0
    most_used = prepared.problem.limits.max_utilisation_fraction
    if placed:
        held = sum(one.nodes * one.capacity_per_node for one in mine) * (MICRO if rate else 1)
        hours = None if demand.requests_per_day is None else gpu_hours(placed, demand.requests_per_day)
    else:
        held = carried(solution, index, service.slo.target_tokens_per_s)
        hours = _gpu_hours(prepared, solution, index, demand)
    total = sum(
        chosen.nodes * chosen.row.candidate.offer.gpu_count for chosen in solution.chosen if chosen.row.service == index
    )
    speed = (
        reached if stated and reached else min((one.tokens_per_s_per_user or 0.0 for one in mine), default=0.0) or None
    )
    return ServicePlan(
        service_id=service.service_id,
        model_id=service.model,
        kind=service.kind,
        ttft_limit_ms=service.slo.ttft_ms,
        e2e_limit_ms=service.slo.e2e_ms,
        peak_concurrency=in_flight if rate else round(demand.stated),
        capacity_concurrency=capacity,
        tokens_per_s_per_user=speed,
        grade=grade_of(speed),
        target_tokens_per_s=service.slo.target_tokens_per_s,
        planned_concurrency=None if rate else demand.amount,
        peak_rps=demand.stated if rate else None,
        capacity_rps=held / MICRO if rate else None,
        headroom_fraction=service.headroom_fraction,
        demand=demand.arithmetic,
        arithmetic=class_arithmetic(placed, most_used) if placed else arithmetic(prepared, solution, index),
        gpu_hours_per_day=hours,
        mean_utilisation_fraction=hours / (24 * total) if hours is not None and total else None,
        peak_utilisation_fraction=in_user_units(demand, demand.amount) / in_user_units(demand, held) * most_used
        if held
        else None,
        routing="by_class" if placed else None,
    )


def _gpu_hours(prepared: Prepared, solution: Solution, index: int, demand: ServiceDemand) -> float | None:
    """Return GPU-hours a day: requests a day x latency / requests in flight per GPU, by each deployment's share."""
    if demand.requests_per_day is None:
        return None
    target, hours = solution.targets[index], 0.0
    total = carried(solution, index, target)
    for chosen in solution.chosen:
        option, speed = chosen.row.candidate.option, chosen.row.candidate.option.speed
        if chosen.row.service != index or not isinstance(speed, ReplicaSpeed):
            continue
        limit = speed.sequences(target)
        share = chosen.nodes * option.replicas_on(chosen.row.candidate.offer) * speed.amount(target) / total
        hours += demand.requests_per_day * share * speed.latency_s(limit) / limit * option.gpu_count / 3600
    return hours


def output_tokens_per_s(prepared: Prepared, solution: Solution, deployments: list[Deployment]) -> float:
    """Return output tokens/s of everything at the full peak."""
    total = 0.0
    for chosen, one in zip(solution.chosen, deployments, strict=True):
        service, speed = prepared.problem.services[chosen.row.service], chosen.row.candidate.option.speed
        if isinstance(speed, ReplicaSpeed):
            total += (
                one.replicas
                * one.concurrency_at_peak
                * mean_output_tokens(service)
                / speed.latency_s(one.concurrency_at_peak)
            )
    return total


def _cost(
    prepared: Prepared, solution: Solution, deployments: list[Deployment], placed: dict[int, Placed]
) -> Cost:
    bought = [(chosen.row.candidate.offer, chosen.nodes) for chosen in solution.every]
    tokens = output_tokens_per_s(prepared, solution, deployments)
    tokens += sum(one.output_tokens_per_s() for one in placed.values())
    return cost_of_nodes(prepared, bought, solution.cost or 0, tokens)


def cost_of_nodes(
    prepared: Prepared, bought: Sequence[tuple[PricedOffer, int]], micro: int, tokens: float
) -> Cost:
    """Describe what (offer, nodes) cost: micro-dollars an hour in all, output tokens/s at the full peak."""
    problem = prepared.problem
    lines: dict[str, float] = defaultdict(float)
    for offer, count in bought:
        for line, amount in offer.breakdown.items():
            lines[line] += amount * count
    lines[CONTRACTS] = usd_per_month(micro - sum(offer.micro_usd_per_hour * count for offer, count in bought))
    rate = rate_per_usd(prepared.catalog, problem, problem.currency)
    return Cost(
        usd_per_hour=usd(micro),
        usd_per_month=usd_per_month(micro),
        breakdown={line: round(value, 6) for line, value in lines.items() if value},
        usd_per_million_output_tokens=usd(micro) / (tokens * 3600) * 1e6 if tokens else None,
        local_per_month=None if problem.currency == "USD" else usd_per_month(micro) * float(rate),
        budget_usd_per_month=None if prepared.budget is None else usd_per_month(prepared.budget),
        currency=problem.currency,
        fx_rate_per_usd=None if problem.currency == "USD" else float(rate),
        fx_as_of=rate_as_of(prepared.catalog, problem),
    )


def rejection_rows(prepared: Prepared) -> tuple[RejectionRow, ...]:
    """List what was dropped."""
    return tuple(
        RejectionRow(
            service_id=r.service_id,
            gpu_id=r.gpu_id,
            engine_id=r.engine_id,
            precision=r.precision,
            tp_size=r.tp_size,
            offer_ids=r.offer_ids,
            step=r.step,
            reason=r.reason,
        )
        for r in prepared.candidates.rejections
    )


NO_COST = Cost(usd_per_hour=None, usd_per_month=None, breakdown={})


def plan_of(
    prepared: Prepared, solution: Solution, with_rejections: bool = True, known: KnownFigures | None = None
) -> Plan:
    """Turn a solution into a verified plan.

    Args:
        known: keeps what verification works out of replicas for further plans of the same catalog.

    Raises:
        VerificationError: the plan breaks a rule.
    """
    plan = unchecked_plan_of(prepared, solution, with_rejections)
    if not plan.nodes:
        return plan
    return verify_plan(plan, prepared.problem, prepared.catalog, prepared.loaded.own_models, known)


def unchecked_plan_of(prepared: Prepared, solution: Solution, with_rejections: bool = True) -> Plan:
    """Turn a solution into a plan that nobody has checked yet."""
    rejections = rejection_rows(prepared) if with_rejections else ()
    bound = usd_per_month(solution.bound) if solution.bound is not None else None
    if not solution.has_plan or solution.cost is None:
        return Plan(
            problem=prepared.problem.name,
            status=solution.status,
            cost=NO_COST,
            bound_usd_per_month=bound,
            gap_fraction=None,
            nodes=(),
            deployments=(),
            services=(),
            proposals=(),
            rejections=rejections,
            inputs=inputs_of(prepared),
        )
    reached = [achieved_speed(solution, i, demand.amount) for i, demand in enumerate(prepared.candidates.demands)]
    placed = {
        id(one.chosen): one
        for i in range(len(reached)) if solution.is_routed(i) for one in placed_of(prepared, solution, i, reached[i])
    }
    most_used = prepared.problem.limits.max_utilisation_fraction
    deployments = [
        routed_deployment(placed[id(chosen)], most_used) if id(chosen) in placed
        else deployment_of(prepared, solution, chosen, reached[chosen.row.service])
        for chosen in solution.chosen
    ]
    services = tuple(
        service_plan_of(
            prepared, solution, i, reached[i], [d for d in deployments if d.service_id == one.service_id],
            [there for there in placed.values() if there.chosen.row.service == i],
        )
        for i, one in enumerate(prepared.problem.services)
    )
    gap = (
        0.0
        if solution.status == "optimal" or not solution.cost
        else (solution.cost - (solution.bound or 0)) / solution.cost
    )
    return Plan(
        problem=prepared.problem.name,
        status=solution.status,
        cost=_cost(prepared, solution, deployments, placed),
        bound_usd_per_month=bound,
        gap_fraction=gap,
        nodes=nodes_of(solution),
        deployments=tuple(deployments),
        services=services,
        proposals=(),
        rejections=rejections,
        inputs=inputs_of(prepared),
    )
