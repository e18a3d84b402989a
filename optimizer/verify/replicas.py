"""What a replica can do, derived from its speed curve and memory request by request, not taken from the candidates."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.demand import poisson_cdf
from optimizer.engines import refusal
from optimizer.schema.plan import spread_of
from optimizer.verify.classes import is_routed
from optimizer.verify.subject import TOLERANCE, Subject


def check_engines_run(subject: Subject) -> Iterator[str]:
    """Every deployment's engine runs its model at its precision on its GPUs, and the service allows both."""
    for one in subject.derived():
        service, offer = subject.services[one.service_id], subject.offers[one.offer_id]
        model, engine = subject.model(service), subject.catalog.engines[one.engine_id]
        why = refusal(engine, model, one.precision, subject.catalog.gpus[offer.gpu_id], one.tp_size)
        if why:
            yield f"{one.offer_id}: {why}"
        if one.engine_id not in service.engines if service.engines is not None else not engine.default:
            yield f"{one.offer_id}: engine {one.engine_id} is not allowed"
        if one.precision not in (service.precisions or model.own_precisions):
            yield f"{one.offer_id}: precision {one.precision} is not allowed"
        if spread_of(one).gpu_count != one.gpu_count:
            yield f"{one.offer_id}: a replica of layout {spread_of(one).name} does not take {one.gpu_count} GPUs"
        if service.full_context_tokens > model.longest_context_tokens(asked=service.context_tokens is not None):
            yield f"{one.service_id}: the context exceeds the model's limit"


def check_replica_promise(subject: Subject) -> Iterator[str]:
    """At every number of requests in flight up to a replica's limit speed, TTFT, end-to-end time and memory are kept.

    A mix of classes loads a replica by the sum of c x share / (what the class alone reaches).
    """
    for one in subject.derived():
        if is_routed(subject, one):
            continue  # check_class_promise looks at each class
        replica, limit = subject.replica(one), one.concurrency_per_replica
        if None in replica.curves:
            yield f"{one.offer_id}: no speed is known"
        elif (load := replica.load(limit, replica.service.slo.target_tokens_per_s)) > 1 + TOLERANCE:
            yield f"{one.offer_id}: {limit} requests in flight break the promise (load {load:.3f} of a replica)"


def check_memory(subject: Subject) -> Iterator[str]:
    """The KV cache of a replica holds one request of full length."""
    for one in subject.derived():
        if is_routed(subject, one):
            continue  # check_class_promise looks at each class
        replica = subject.replica(one)
        proven = all(curve is not None and curve.proven_concurrency for curve in replica.curves)
        if not proven and replica.fitting(1, replica.service.full_context_tokens) < 1:
            yield f"{one.offer_id}: the KV cache does not hold one request of full length"


def check_node_capacity(subject: Subject) -> Iterator[str]:
    """What the plan says a node carries follows from its replicas: their limit, or the rate that stays within it."""
    for one in subject.plan.deployments:
        demand, stated = subject.demands[one.service_id], subject.stated_capacity(one)
        if is_routed(subject, one):
            continue  # check_class_promise looks at each class
        if stated is not None:
            if one.capacity_per_node > stated or one.concurrency_per_replica > stated:
                yield f"{one.offer_id}: claims {one.capacity_per_node:g}, {stated} is stated"
            continue
        per_node = one.replicas // one.nodes
        if demand.unit == "concurrency":
            if one.capacity_per_node != per_node * one.concurrency_per_replica:
                yield f"{one.offer_id}: claims {one.capacity_per_node:g} on {per_node} x {one.concurrency_per_replica}"
            continue
        in_flight = one.capacity_per_node / per_node * subject.replica(one).latency_s(one.concurrency_per_replica)
        if demand.percentile is None:
            if in_flight > one.concurrency_per_replica * (1 + TOLERANCE):
                yield f"{one.offer_id}: {one.capacity_per_node:g} requests/s keep more than its sequences in flight"
        elif poisson_cdf(one.concurrency_per_replica, in_flight) < demand.percentile - TOLERANCE:
            yield f"{one.offer_id}: {one.capacity_per_node:g} requests/s exceed its sequences too often"
