"""Services whose request classes are routed apart: each class derived again from its own curve and memory, exactly.

A replica that serves several classes is held to what each of them alone allows: sum m_k / c_k <= 1, where every number
in flight up to c_k keeps the promise and fits.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, isclose

from optimizer.costs import PricedOffer
from optimizer.demand import class_demands, poisson_cdf
from optimizer.schema.base import EVIDENCE_ORDER
from optimizer.schema.plan import ClassShare, Deployment
from optimizer.schema.problem import Service
from optimizer.throughput import SpeedCurve
from optimizer.traffic.class_split import class_loads, least_utilisation, losses
from optimizer.units import MICRO, exact
from optimizer.verify.subject import MOST_FOLLOWED, TOLERANCE, Replica, Subject

SHARE_SLACK = Fraction(1, 10**9)
"""Relative slack for printed shares: they have twelve decimals."""


def routed_ids(subject: Subject) -> Iterator[str]:
    """Yield the services whose classes are routed apart."""
    yield from (service_id for service_id, service in subject.services.items() if service.routes_classes)


def is_routed(subject: Subject, one: Deployment) -> bool:
    """Say whether a deployment's service routes its classes apart."""
    return subject.services[one.service_id].routes_classes


def demands_of(subject: Subject, service_id: str) -> tuple[Fraction, ...]:
    """Return the demand of each class in requests in flight or requests/s, reserves included."""
    demand = subject.demands[service_id]
    parts = class_demands(subject.services[service_id], demand.amount)
    return parts if demand.unit == "concurrency" else tuple(part / MICRO for part in parts)


def index_of(service: Service, one: ClassShare) -> int | None:
    """Return which class of a service is meant."""
    lengths = [(request.isl_tokens, request.osl_tokens) for request in service.workload]
    found = [i for i, length in enumerate(lengths) if length == (one.isl_tokens, one.osl_tokens)]
    return found[0] if found else None


def alone(subject: Subject, one: Deployment, index: int, limit: int) -> Replica | None:
    """Return a deployment's replica that serves one class alone, at most so many in flight; None without a curve."""
    replica = subject.replica(one)
    curve = replica.curves[index]
    if curve is None:
        return None
    request = replica.service.workload[index].model_copy(update={"share_fraction": 1.0})
    service = replica.service.model_copy(update={"workload": (request,)})
    return replace(
        replica, deployment=one.model_copy(update={"concurrency_per_replica": limit}), service=service,
        known=replace(replica.known, curves=(curve,)))


def capacity_alone(subject: Subject, one: Deployment, index: int, tokens_per_s: float, limit: int) -> Fraction:
    """Return what a node carries of one class alone at a speed, at most so many in flight on a replica.

    A rate is the best of all limits up to that, as sequences may be set lower.
    """
    replica = alone(subject, one, index, limit)
    if replica is None or not _context_fits(subject, one, index):
        return Fraction(0)
    per_node, most = one.replicas // one.nodes, replica.most_in_flight(tokens_per_s)
    if subject.demands[one.service_id].unit == "concurrency" or not most:
        return Fraction(per_node * most)
    return per_node * Fraction(max(subject.rate_within(replica, c) for c in range(1, most + 1)))


def _context_fits(subject: Subject, one: Deployment, index: int) -> bool:
    """Say whether one full-length request of a class fits a replica, or a measured row shows it."""
    replica = subject.replica(one)
    request, curve = replica.service.workload[index], replica.curves[index]
    context = replica.service.class_context_tokens(index)
    proven = 0 if curve is None else curve.proven_concurrency * (request.isl_tokens + request.osl_tokens)
    return proven >= context or replica.fitting(1, context) >= 1


def check_class_promise(subject: Subject) -> Iterator[str]:
    """What a replica is said to carry of a class alone keeps speed, TTFT, end-to-end time and memory at every number.

    A rate stays within its sequences as often as asked.
    """
    for one in subject.derived():
        for part in one.classes or () if is_routed(subject, one) else ():
            yield from (f"{one.offer_id}, {part.isl_tokens} + {part.osl_tokens} tokens: {fault}"
                        for fault in _class_faults(subject, one, part))


def _class_faults(subject: Subject, one: Deployment, part: ClassShare) -> Iterator[str]:
    service, demand = subject.services[one.service_id], subject.demands[one.service_id]
    index = index_of(service, part)
    replica = None if index is None else alone(subject, one, index, part.concurrency_alone)
    if index is None or replica is None or replica.curves[0] is None:
        yield "no such class, or no speed is known"
        return
    target, limit, per_node = service.slo.target_tokens_per_s, part.concurrency_alone, one.replicas // one.nodes
    held = replica.held(replica.service.workload[0], replica.curves[0], target, limit)
    if held < limit:
        yield f"{limit} in flight break the promise, {held} keep it"
    if not _context_fits(subject, one, index):
        yield "the KV cache does not hold one request of full length"
    if demand.unit == "concurrency":
        if part.capacity_per_node != per_node * limit:
            yield f"claims {part.capacity_per_node:g} on {per_node} x {limit}"
        return
    in_flight = part.capacity_per_node / per_node * replica.latency_s(limit)
    if demand.percentile is None:
        if in_flight > limit * (1 + TOLERANCE):
            yield f"{part.capacity_per_node:g} requests/s keep more than its sequences in flight"
    elif poisson_cdf(limit, in_flight) < demand.percentile - TOLERANCE:
        yield f"{part.capacity_per_node:g} requests/s exceed its sequences too often"


def check_split_classes(subject: Subject) -> Iterator[str]:
    """All of every class is sent somewhere, and no nodes are filled beyond the share that may be used."""
    for service_id in routed_ids(subject):
        service, demands, mine = subject.services[service_id], demands_of(subject, service_id), subject.of_service(
            service_id)
        sent = [Fraction(0)] * len(demands)
        for one in mine:
            load, seen = Fraction(0), set()
            for part in one.classes or ():
                index = index_of(service, part)
                if index is None or index in seen or part.share_of_class_fraction < 0:
                    yield f"{one.offer_id}: {part.isl_tokens} + {part.osl_tokens} tokens stand there wrongly"
                    continue
                seen.add(index)
                share = exact(part.share_of_class_fraction)
                sent[index] += share
                load += share * demands[index] / exact(part.capacity_per_node)
            yield from _load_faults(subject, one, load / one.nodes)
        for request, share in zip(service.workload, sent, strict=True):
            if abs(share - 1) > SHARE_SLACK:
                yield f"{service_id}: {float(share):.12g} of {request.isl_tokens} + {request.osl_tokens} tokens is sent"


def _load_faults(subject: Subject, one: Deployment, load: Fraction) -> Iterator[str]:
    """Yield what is wrong with how full nodes are; demands are stated with the reserve that may not be used."""
    if load > 1 + SHARE_SLACK:
        yield f"{one.offer_id}: its classes fill {float(load):.9f} of what may be used"
    used = float(load * exact(subject.problem.limits.max_utilisation_fraction))
    said = one.utilisation_fraction
    if said is None or not isclose(said, used, rel_tol=1e-9, abs_tol=1e-9):
        yield f"{one.offer_id}: {said} of it used, {used} by its classes"


def check_class_figures(subject: Subject) -> Iterator[str]:
    """Requests in flight, rates, speed, TTFT, evidence and sources of a class are those of its curve, or worse."""
    for one in subject.plan.deployments:
        if not is_routed(subject, one):
            if one.classes is not None or one.utilisation_fraction is not None:
                yield f"{one.offer_id}: shows classes of a service that does not route them"
            continue
        if one.classes is None:
            yield f"{one.offer_id}: shows no classes"
        elif one.classes:
            yield from (f"{one.offer_id}: {fault}" for fault in _figure_faults(subject, one, one.classes))
    for shown in subject.plan.services:
        routed = "by_class" if subject.services[shown.service_id].routes_classes else None
        if shown.routing != routed:
            yield f"{shown.service_id}: routing is {routed}, the plan says {shown.routing}"


def _figure_faults(subject: Subject, one: Deployment, classes: Sequence[ClassShare]) -> Iterator[str]:
    service, demands, least = subject.services[one.service_id], demands_of(subject, one.service_id), Fraction(0)
    full = sum(part.concurrency / one.replicas / part.concurrency_alone for part in classes)
    rate = subject.demands[one.service_id].unit == "rate"
    for part in classes:
        index = index_of(service, part)
        replica = None if index is None else alone(subject, one, index, part.concurrency_alone)
        if index is None or replica is None or replica.curves[0] is None:
            continue  # another check says so
        comes, curve = exact(part.share_of_class_fraction) * demands[index], replica.curves[0]
        if (part.rps is None) == rate or (part.rps is not None and not isclose(part.rps, comes, rel_tol=1e-9)):
            yield f"{part.rps} requests/s, {float(comes):g} come"
        least = comes * Fraction(_shortest_s(replica, part, part.concurrency / one.replicas)) if rate else comes
        if part.concurrency < least * (1 - SHARE_SLACK):
            yield f"{part.concurrency:g} in flight, {float(least):g} come"
        count = min(part.concurrency_alone, max(1, ceil(full * part.concurrency_alone - 1e-9)))
        yield from _curve_faults(subject, replica, curve, part, count)
    yield from _speed_faults(subject, one, classes)


def _shortest_s(replica: Replica, part: ClassShare, in_flight: float) -> float:
    """Return the seconds that a request is in flight at least, where its own class alone has so many there."""
    first = min(part.concurrency_alone, max(1, ceil(in_flight - 1e-9)))
    return min(replica.latency_s(c) for c in range(first, part.concurrency_alone + 1))


def _curve_faults(
    subject: Subject, replica: Replica, curve: SpeedCurve, part: ClassShare, count: int
) -> Iterator[str]:
    ttft, _ = replica.planned_ms(curve, count)
    if part.ttft_ms is None or part.ttft_ms < ttft * (1 - TOLERANCE):
        yield f"shows a TTFT of {part.ttft_ms} ms, {ttft:g} at {count} requests"
    error, evidence, source = curve.error_fraction(count), curve.evidence(count), curve.source_url(count)
    needs_ttft = replica.service.slo.ttft_ms is not None or replica.service.slo.e2e_ms is not None
    evidence = "estimated" if needs_ttft and not curve.ttft_measured else evidence
    if part.error_fraction is None or part.error_fraction < error * (1 - TOLERANCE):
        yield f"shows an error of {part.error_fraction}, it is {error:g}"
    if EVIDENCE_ORDER.index(part.evidence) < EVIDENCE_ORDER.index(evidence):
        yield f"called {part.evidence}, it is {evidence}"
    if EVIDENCE_ORDER.index(part.evidence) > EVIDENCE_ORDER.index(subject.problem.limits.evidence):
        yield f"{part.evidence}, {subject.problem.limits.evidence} asked for"
    if part.source_url != source:
        yield f"source {part.source_url}, {source} by the catalog"


def _speed_faults(subject: Subject, one: Deployment, classes: Sequence[ClassShare]) -> Iterator[str]:
    """Yield what is wrong with the speed: at it the mean in flight still loads no replica beyond 1."""
    service = subject.services[one.service_id]
    speeds = {part.tokens_per_s_per_user for part in classes} | {one.tokens_per_s_per_user}
    speed = one.tokens_per_s_per_user
    if len(speeds) > 1 or speed is None:
        yield f"shows {sorted(map(str, speeds))} tokens/s for classes that share their steps"
        return
    load = 0.0
    for part in classes:
        index = index_of(service, part)
        replica = None if index is None else alone(subject, one, index, part.concurrency_alone)
        most = 0 if replica is None else replica.most_in_flight(speed)
        load += part.concurrency / one.replicas / most if most else float("inf")
    if load > 1 + TOLERANCE:
        yield f"shows {speed:g} tokens/s, at which its classes load a replica {load:.4f} times"
    totals = {
        "concurrency_at_peak": max(1, ceil(sum(part.concurrency for part in classes) / one.replicas - 1e-6)),
    }
    for name, value in totals.items():
        if getattr(one, name) < value:
            yield f"{name} is {getattr(one, name)}, {value} by its classes"
    if one.ttft_ms is None or one.ttft_ms < max(part.ttft_ms or 0.0 for part in classes):
        yield f"shows a TTFT of {one.ttft_ms} ms, less than that of a class"


def carried_after_losses(
    subject: Subject, service_id: str, tokens_per_s: float, thorough: bool = True, moved: bool = False
) -> bool:
    """Say whether nodes carry every class of a service at a speed, after the losses to survive too.

    Args:
        moved: whether classes may go to other nodes than those listed, as from one period to the next.
    """
    mine, survive = subject.of_service(service_id), subject.problem.limits.survive
    width, losing = len(subject.services[service_id].workload), (
        moved or survive.nodes or survive.provider or survive.region)
    stated = [{index_of(subject.services[service_id], part): part.concurrency_alone for part in one.classes or ()}
              for one in mine]
    capacities = [
        [capacity_alone(subject, one, k, tokens_per_s, MOST_FOLLOWED if losing else limits.get(k, 0))
         * (1 + SHARE_SLACK) if losing or k in limits else Fraction(0) for k in range(width)]
        for one, limits in zip(mine, stated, strict=True)
    ]
    loads = class_loads(demands_of(subject, service_id), capacities)
    groups: list[tuple[bool, list[Hashable]]] = [
        (survive.provider, [_offer(subject, one).provider for one in mine]),
        (survive.region, [_offer(subject, one).place for one in mine]),
    ]
    left = losses([one.nodes for one in mine], [group for asked, group in groups if asked], survive.nodes)
    return all(least_utilisation(loads, loss.counts).fits for loss in left)


def _offer(subject: Subject, one: Deployment) -> PricedOffer:
    return subject.offers[one.offer_id]


def output_tokens_per_s(subject: Subject, one: Deployment) -> float:
    """Return output tokens/s of a deployment's classes at the peak."""
    service, total = subject.services[one.service_id], 0.0
    full = sum(part.concurrency / one.replicas / part.concurrency_alone for part in one.classes or ())
    for part in one.classes or ():
        index = index_of(service, part)
        replica = None if index is None else alone(subject, one, index, part.concurrency_alone)
        if replica is not None:
            count = min(part.concurrency_alone, max(1, ceil(full * part.concurrency_alone - 1e-9)))
            total += part.concurrency * part.osl_tokens / replica.latency_s(count)
    return total
