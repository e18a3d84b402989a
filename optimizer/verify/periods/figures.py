"""What a plan of periods prints beside the rules: speeds in every period, services, work."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from math import isclose

from optimizer.costs.quarters import work_in_quarter
from optimizer.demand import window_seconds
from optimizer.schema.base import grade_of
from optimizer.units import MICRO, exact
from optimizer.verify.classes import carried_after_losses
from optimizer.verify.figures import node_at
from optimizer.verify.periods.rules import _each
from optimizer.verify.periods.subject import PeriodsSubject, setting_of
from optimizer.verify.rules import left_after_losses
from optimizer.verify.subject import TOLERANCE


def check_speed_in_periods(subject: PeriodsSubject) -> Iterator[str]:
    """A service's speed is at least its target, and at it every period's demand is carried, losses included."""
    for shown in subject.plan.services:
        service, speed = subject.services[shown.service_id], shown.tokens_per_s_per_user
        target, mine = service.slo.target_tokens_per_s, subject.of_service(shown.service_id)
        if shown.grade != grade_of(speed):
            yield f"{shown.service_id}: grade {shown.grade} for {speed} tokens/s"
        if not mine and any(one.service_id == shown.service_id for one in subject.plan.hosted):
            stated = [one.tokens_per_s for one in subject.plan.hosted if one.service_id == shown.service_id]
            if speed != (None if None in stated else min(filter(None, stated))):
                yield f"{shown.service_id}: {speed} tokens/s, its hosted APIs state {stated}"
            continue
        if speed is None or speed < target:
            if target:
                yield f"{shown.service_id}: {speed} tokens/s, {target:g} asked for"
            continue
        slowest = min((one.tokens_per_s_per_user or 0.0 for one in mine), default=speed)
        if len(service.workload) == 1 and slowest < speed * (1 - TOLERANCE):
            yield f"{shown.service_id}: {slowest:g} tokens/s on some nodes, in a plan of {speed:g}"
        if service.kind == "sync" or target:
            yield from _slow_periods(subject, shown.service_id, speed)


def _slow_periods(subject: PeriodsSubject, service_id: str, tokens_per_s: float) -> Iterator[str]:
    whole = subject.whole

    @cache
    def carried(setting: object, thorough: bool) -> Fraction:
        one = next(one for one in whole.plan.deployments if setting_of(one) == setting)
        return node_at(whole, one, tokens_per_s, thorough)

    for period in subject.plan.periods:
        for running, after, gone in ((period.running, False, None), *(
                (loss.running, True, None if loss.kind == "node" else loss.lost.split("/")[0])
                for loss in period.losses)):
            part = subject.in_period(period, running, after, gone)
            needed = part.amount(service_id)
            if not needed:
                continue
            if subject.services[service_id].routes_classes:
                if not carried_after_losses(part, service_id, tokens_per_s, moved=True):
                    yield f"{period.label}: {service_id} is not carried class by class at {tokens_per_s:g} tokens/s"
                continue
            mine = part.of_service(service_id)
            if all(left_after_losses(part, [(one, carried(setting_of(one), thorough)) for one in mine]) < needed
                   for thorough in (False, True)):
                yield f"{period.label}: {service_id} is not carried at {tokens_per_s:g} tokens/s"


def check_services(subject: PeriodsSubject) -> Iterator[str]:
    """What a plan says of a service repeats the problem and adds up from its deployments."""
    for shown in subject.plan.services:
        service, mine = subject.services[shown.service_id], subject.of_service(shown.service_id)
        demand, rate = subject.demands[shown.service_id], subject.demands[shown.service_id].unit == "rate"
        figures = {
            "model_id": service.model, "kind": service.kind, "ttft_limit_ms": service.slo.ttft_ms,
            "e2e_limit_ms": service.slo.e2e_ms, "target_tokens_per_s": service.slo.target_tokens_per_s,
            "headroom_fraction": service.headroom_fraction,
            "capacity_concurrency": sum(one.replicas * one.concurrency_per_replica for one in mine),
            "gpu_hours_per_day": None,
            "routing": "by_class" if service.routes_classes else None,
        }
        if rate:
            figures["peak_concurrency"] = sum(one.replicas * one.concurrency_at_peak for one in mine)
            figures["planned_concurrency"] = None
        else:
            figures["planned_concurrency"] = int(subject.amount(shown.service_id))
        if subject.problem.roadmap is None:
            figures["demand"] = demand.arithmetic
            figures["peak_rps"] = demand.stated if rate else None
            figures |= {} if rate else {"peak_concurrency": round(demand.stated)}
        for name, value in figures.items():
            if getattr(shown, name) != value:
                yield f"{shown.service_id}: {name} is {value}, the plan says {getattr(shown, name)}"


def check_carried_in_periods(subject: PeriodsSubject) -> Iterator[str]:
    """What a period says its replicas carry follows from the deployments; so does what is done in windows."""
    for period in subject.plan.periods:
        for told in period.demand:
            if subject.services[told.service_id].routes_classes:
                continue
            held = sum((_each(subject, one) for one in period.running if one.service_id == told.service_id),
                       Fraction(0))
            if not isclose(told.capacity, float(held), rel_tol=1e-9, abs_tol=1e-12):
                yield f"{period.label}: {told.service_id} is carried {float(held):g}, the plan says {told.capacity:g}"
    shown = [(one.service_id, one.quarter or 0, one.requests) for one in subject.plan.work]
    asked = [
        (name, quarter, work_in_quarter(
            service, subject.problem, quarter, subject.problem.limits.max_utilisation_fraction) / MICRO)
        for name, service in subject.services.items() if service.deadline is not None and subject.hours > 1
        for quarter in range(subject.quarters)
        if any(any(seconds) for seconds, _ in window_seconds(service.deadline, subject.hours))]
    if shown != asked:
        yield f"work of {shown}, {asked} asked for"
    yield from (f"{one.service_id}: its window is not shown as it is" for one in subject.plan.work
                if (deadline := subject.services[one.service_id].deadline) is not None
                and (one.start_hour, one.end_hour) != (deadline.start_hour, deadline.end_hour))
    yield from (f"{one.service_id}: {one.capacity_requests:g} requests in a window of {one.requests:g}"
                for one in subject.plan.work if exact(one.capacity_requests) < exact(one.requests) * (1 - exact(1e-9)))


def check_shares(subject: PeriodsSubject) -> Iterator[str]:
    """The shares of a service's requests in its busiest period add up to one, of what its replicas carry."""
    for name in subject.services:
        mine = subject.of_service(name)
        total = sum(one.load_fraction for one in mine)
        if any(one.load_fraction < 0 for one in mine) or (mine and abs(total - 1) > 1e-5):
            yield f"{name}: shares of the load add up to {total:g}"
