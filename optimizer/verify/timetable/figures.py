"""What a plan by the hour prints beside the rules: deployments, loads, speeds, services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from math import isclose

from optimizer.demand import window_seconds
from optimizer.schema.base import grade_of
from optimizer.schema.plan import Deployment
from optimizer.units import MICRO, exact
from optimizer.verify.figures import node_at
from optimizer.verify.rules import left_after_losses
from optimizer.verify.subject import SHARES_TO, TOLERANCE, Subject
from optimizer.verify.timetable.hours import (
    asked_in,
    capacity_of,
    carried_by,
    held_in,
    setting_of,
    timetable_of,
    work_of,
)

LEAST_REQUESTS = 1 / MICRO
"""What a share of nodes may be off by in each hour: plans count whole micro-requests."""


def check_deployments(subject: Subject) -> Iterator[str]:
    """A deployment has the most nodes that serve it at one time, and whole replicas on them."""
    most: dict[tuple[str, str, str], int] = defaultdict(int)
    for slot in timetable_of(subject).slots:
        for running in slot.running:
            most[setting_of(running)] = max(most[setting_of(running)], running.nodes)
    for one in subject.plan.deployments:
        stated, gpus = subject.stated_capacity(one) is not None, subject.offers[one.offer_id].gpu_count
        per_node = 1 if stated else gpus // one.gpu_count
        serve = most[setting_of(one)]
        if one.nodes != serve or one.replicas != one.nodes * per_node:
            yield f"{one.offer_id}: {one.nodes} nodes and {one.replicas} replicas, {serve} serve at most"
        if stated and one.gpu_count != gpus:
            yield f"{one.offer_id}: {one.gpu_count} GPUs, the capacity stated is that of the node"


def check_load(subject: Subject) -> Iterator[str]:
    """Shares add up to one; in no hour is a replica sent more than the plan says, nor than it may hold."""
    for name, service in subject.services.items():
        mine = subject.of_service(name)
        total = sum(one.load_fraction for one in mine)
        if any(one.load_fraction < 0 for one in mine) or abs(total - 1) > 1e-5:
            yield f"{name}: shares of the load add up to {total:g}"
        if service.kind == "async":
            continue
        for one in mine:
            carried = one.nodes * capacity_of(one)
            if (exact(one.load_fraction) - SHARES_TO) * subject.amount(name) > carried * (1 + Fraction(1, 10**5)):
                yield f"{one.offer_id}: is sent {one.load_fraction:.3f} of {name}, more than it carries"
        if subject.demands[name].unit == "rate":
            continue
        for slot in timetable_of(subject).slots:
            held = held_in(
                subject, slot, name, lambda one: Fraction(one.replicas // one.nodes * one.concurrency_at_peak))
            if carried_by(held) < asked_in(subject, slot, name):
                yield f"hour {slot.hours[0]}: {float(carried_by(held)):g} in flight, {name} asks more"


def check_shares_by_slot(subject: Subject) -> Iterator[str]:
    """Requests sent in proportion to what nodes carry at the plan's speed overload none of them in any slot."""
    speeds = {shown.service_id: shown.tokens_per_s_per_user for shown in subject.plan.services}
    for name, service in subject.services.items():
        weights = {setting_of(one): _weight(one) for one in subject.of_service(name)}
        for one in subject.of_service(name):
            speed = speeds[name] if service.kind == "sync" or service.slo.target_tokens_per_s else None
            weight, most = weights[setting_of(one)], capacity_of(one)
            if speed and weight <= most:
                most = node_at(subject, one, speed, True) * (1 + Fraction(1, 10**9))
            if not 0 < weight <= most:
                yield f"{one.offer_id}: {float(weight):g} of {name} at the plan's speed, {float(most):g} at most"
        for slot in timetable_of(subject).slots if service.kind == "sync" else ():
            asked, held = asked_in(subject, slot, name), held_in(subject, slot, name, _weight)
            if asked > carried_by(held) * (1 + Fraction(1, 10**9)):
                yield f"hour {slot.hours[0]}: nodes are sent more of {name} than they carry at the plan's speed"


def _weight(one: Deployment) -> Fraction:
    """Return what one node is sent of its service, relative to the other nodes."""
    return exact(one.plan_speed_capacity_per_node or 0.0)


def check_plan_speed(subject: Subject) -> Iterator[str]:
    """A service's speed is at least its target, and at it every hour's demand is carried, losses included."""
    for shown in subject.plan.services:
        service, speed = subject.services[shown.service_id], shown.tokens_per_s_per_user
        target, mine = service.slo.target_tokens_per_s, subject.of_service(shown.service_id)
        if shown.grade != grade_of(speed):
            yield f"{shown.service_id}: grade {shown.grade} for {speed} tokens/s"
        if speed is None or speed < target:
            if target:
                yield f"{shown.service_id}: {speed} tokens/s, {target:g} asked for"
            continue
        slowest = min((one.tokens_per_s_per_user or 0.0 for one in mine), default=0.0)
        if len(service.workload) == 1 and slowest < speed * (1 - TOLERANCE):
            yield f"{shown.service_id}: {slowest:g} tokens/s on some nodes, in a plan of {speed:g}"
        if service.kind == "sync":
            yield from _slow_hours(subject, shown.service_id, speed)


def _slow_hours(subject: Subject, service_id: str, tokens_per_s: float) -> Iterator[str]:
    """Name the hours in which the nodes of a service do not carry its demand at a speed."""
    mine = subject.of_service(service_id)
    quick, thorough = (
        lru_cache(lambda slow=slow: {setting_of(one): node_at(subject, one, tokens_per_s, slow) for one in mine})
        for slow in (False, True))
    for slot in timetable_of(subject).slots:
        needed = asked_in(subject, slot, service_id)
        held = held_in(subject, slot, service_id, capacity_of)
        if needed and all(
            left_after_losses(subject, [(one, carries()[setting_of(one)]) for one, _ in held]) < needed
            for carries in (quick, thorough)
        ):
            yield f"hour {slot.hours[0]}: {service_id} is not carried at {tokens_per_s:g} tokens/s"


def check_service_figures(subject: Subject) -> Iterator[str]:
    """What a plan says of a service repeats the problem, and adds up from the timetable."""
    for shown in subject.plan.services:
        service, demand = subject.services[shown.service_id], subject.demands[shown.service_id]
        mine, rate = subject.of_service(shown.service_id), demand.unit == "rate"
        in_flight = sum(one.replicas * one.concurrency_at_peak for one in mine)
        figures = {
            "model_id": service.model, "kind": service.kind, "ttft_limit_ms": service.slo.ttft_ms,
            "e2e_limit_ms": service.slo.e2e_ms, "target_tokens_per_s": service.slo.target_tokens_per_s,
            "headroom_fraction": service.headroom_fraction, "demand": demand.arithmetic,
            "peak_concurrency": in_flight if rate else round(demand.stated),
            "planned_concurrency": None if rate else demand.amount, "peak_rps": demand.stated if rate else None,
            "capacity_concurrency": sum(one.replicas * one.concurrency_per_replica for one in mine),
            "gpu_hours_per_day": None,
        }
        for name, value in figures.items():
            if getattr(shown, name) != value:
                yield f"{shown.service_id}: {name} is {value}, the plan says {getattr(shown, name)}"
        yield from _wrong_utilisation(subject, shown.service_id)


def _wrong_utilisation(subject: Subject, service_id: str) -> Iterator[str]:
    """Hold rates and utilisation of a service against what its nodes carry in each hour."""
    shown = next(one for one in subject.plan.services if one.service_id == service_id)
    service, table, amount = subject.services[service_id], timetable_of(subject), subject.amount(service_id)
    rates = [float(carried_by(held_in(subject, slot, service_id, capacity_of))) for slot in table.slots]
    by_rate, most_used = subject.demands[service_id].unit == "rate", subject.problem.limits.max_utilisation_fraction
    if (shown.capacity_rps is not None) != by_rate or (by_rate and not any(
            isclose(shown.capacity_rps or 0.0, one, rel_tol=1e-9) for one in rates)):
        yield f"{service_id}: capacity_rps is {shown.capacity_rps}, its nodes carry {max(rates):g} at most"
    peak, mean = shown.peak_utilisation_fraction, shown.mean_utilisation_fraction
    if service.kind == "async":
        asked, held = _work_and_room(subject, service_id, rates)
    else:
        asked = float(sum(asked_in(subject, slot, service_id) * len(slot.hours) for slot in table.slots))
        held = sum(rate * len(slot.hours) for rate, slot in zip(rates, table.slots, strict=True))
        full = [float(amount) / rate * most_used for rate, slot in zip(rates, table.slots, strict=True)
                if rate and asked_in(subject, slot, service_id) == amount]
        if peak is None or not any(isclose(peak, one, rel_tol=1e-9) for one in full):
            yield f"{service_id}: peak_utilisation_fraction is {full}, the plan says {peak}"
    if mean is None or not isclose(mean * held, asked * most_used, rel_tol=1e-6, abs_tol=LEAST_REQUESTS * table.hours):
        yield f"{service_id}: a mean_utilisation_fraction of {mean}, {asked * most_used:g} of {held:g} are used"


def _work_and_room(subject: Subject, service_id: str, rates: list[float]) -> tuple[float, float]:
    """Return (requests of an async service, requests that its nodes can do), all windows of a cycle together."""
    service, table = subject.services[service_id], timetable_of(subject)
    rate_of = {hour: rate for slot, rate in zip(table.slots, rates, strict=True) for hour in slot.hours}
    windows = window_seconds(service.deadline, table.hours) if service.deadline else ()
    work = float(work_of(subject, service_id))
    room = sum(rate_of[hour] * second for seconds, _ in windows for hour, second in enumerate(seconds))
    return sum(days for _, days in windows) * work, room
