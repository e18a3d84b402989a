"""How full nodes are in each period of a plan: what they are sent, what they hold, what part of them is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import isclose

from optimizer.costs.quarters import work_in_quarter
from optimizer.demand import window_seconds
from optimizer.schema.plan import Deployment, RunningReplicas
from optimizer.units import MICRO, exact
from optimizer.verify.figures import node_at
from optimizer.verify.periods.rules import _each
from optimizer.verify.periods.subject import PeriodsSubject, Setting, setting_of

SLACK = Fraction(1, 10**9)


def check_most_at_one_time(subject: PeriodsSubject) -> Iterator[str]:
    """A deployment has the most nodes, and the most replicas, that serve in any period or after any loss."""
    nodes, replicas = Counter[Setting](), Counter[Setting]()
    for period in subject.plan.periods:
        for one in (*period.running, *(one for loss in period.losses for one in loss.running)):
            nodes[setting_of(one)] = max(nodes[setting_of(one)], one.nodes)
            replicas[setting_of(one)] = max(replicas[setting_of(one)], one.replicas)
    for shown in subject.plan.deployments:
        most = nodes[setting_of(shown)], replicas[setting_of(shown)]
        if (shown.nodes, shown.replicas) != most:
            yield f"{shown.offer_id}: {shown.nodes} nodes and {shown.replicas} replicas, {most} serve at most"


def check_shares_by_period(subject: PeriodsSubject) -> Iterator[str]:
    """Requests sent in proportion to what nodes carry at the plan's speed overload none of them in any period."""
    speeds = {shown.service_id: shown.tokens_per_s_per_user for shown in subject.plan.services}
    for name, service in subject.services.items():
        if service.routes_classes or (service.kind == "async" and subject.hours > 1):
            continue
        for one in subject.whole.of_service(name):
            weight = exact(one.plan_speed_capacity_per_node or 0.0)
            carries, speed = exact(one.capacity_per_node), speeds[name]
            if speed and service.slo.target_tokens_per_s and weight <= carries:
                carries = node_at(subject.whole, one, speed, True)
            if not 0 < weight <= carries * (1 + SLACK):
                yield f"{one.offer_id}: {float(weight):g} of {name} at the plan's speed, {float(carries):g} at most"
        for period in subject.plan.periods:
            part = subject.in_period(period, period.running)
            mine = [one for one in period.running if one.service_id == name]
            sent = sum((_units(subject, one) * exact(_of(subject, one).plan_speed_capacity_per_node or 0.0)
                        for one in mine), Fraction(0))
            if part.amount(name) > sent * (1 + SLACK):
                yield f"{period.label}: nodes are sent more of {name} than they carry at the plan's speed"
            held = sum(one.replicas * _of(subject, one).concurrency_at_peak for one in mine)
            if subject.demands[name].unit == "concurrency" and held < part.amount(name):
                yield f"{period.label}: {held} in flight on all replicas, {name} asks {float(part.amount(name)):g}"


def _of(subject: PeriodsSubject, one: RunningReplicas) -> Deployment:
    return subject.by_setting[setting_of(one)]


def _units(subject: PeriodsSubject, one: RunningReplicas) -> int:
    """Return nodes, or replicas where nodes are shared: what capacities are stated of."""
    return one.replicas if subject.is_shared else one.nodes


def check_peak_use(subject: PeriodsSubject) -> Iterator[str]:
    """The rate that nodes carry and the part of them that is used are those of a period in which most is asked."""
    most_used = exact(subject.problem.limits.max_utilisation_fraction)
    hosted = any(period.hosted for period in subject.plan.periods)
    for shown in subject.plan.services:
        name, service = shown.service_id, subject.services[shown.service_id]
        told = shown.capacity_rps, shown.peak_utilisation_fraction
        if service.kind == "async" and subject.hours > 1:
            if told != (None, None):
                yield f"{name}: a rate and a peak utilisation of {told} for work done in windows"
            continue
        if hosted or service.routes_classes:
            continue
        held = {sum((_each(subject, one) for one in period.running if one.service_id == name), Fraction(0))
                for period in subject.plan.periods if subject.amount_in(name, period) == subject.amount(name)}
        if subject.demands[name].unit == "rate" and not any(isclose(told[0] or 0.0, one, rel_tol=1e-9) for one in held):
            yield f"{name}: capacity_rps is {told[0]}, its nodes carry {max(map(float, held)):g}"
        if subject.demands[name].unit != "rate" and told[0] is not None:
            yield f"{name}: capacity_rps is {told[0]} for requests in flight"
        full = [float(subject.amount(name) / one * most_used) for one in held if one]
        if told[1] is None or not any(isclose(told[1], one, rel_tol=1e-9) for one in full):
            yield f"{name}: peak_utilisation_fraction is {full}, the plan says {told[1]}"


def check_no_classes(subject: PeriodsSubject) -> Iterator[str]:
    """Only services that route their request classes apart show classes, and how they are routed."""
    yield from (f"{one.offer_id}: shows classes of a service that does not route them"
                for one in subject.plan.deployments if not subject.services[one.service_id].routes_classes
                and (one.classes is not None or one.utilisation_fraction is not None))


def check_mean_use(subject: PeriodsSubject) -> Iterator[str]:
    """The mean utilisation of a service is what its hours ask of what its nodes carry in them, reserves left out."""
    hosted = any(period.hosted for period in subject.plan.periods)
    for shown in subject.plan.services:
        service, told = subject.services[shown.service_id], shown.mean_utilisation_fraction
        if subject.hours == 1 or hosted or service.routes_classes:
            if told is not None and not hosted:
                yield f"{shown.service_id}: a mean_utilisation_fraction of {told} without hours"
            continue
        asked, held = _work(subject, shown.service_id) if service.kind == "async" else _load(subject, shown.service_id)
        most_used = exact(subject.problem.limits.max_utilisation_fraction)
        if held and (told is None or not isclose(told * held, asked * most_used, rel_tol=1e-6, abs_tol=1e-9)):
            yield f"{shown.service_id}: a mean_utilisation_fraction of {told}, {float(asked):g} of {float(held):g} used"


def _load(subject: PeriodsSubject, name: str) -> tuple[Fraction, Fraction]:
    """Return (demand, what nodes carry), each times its hours."""
    asked = held = Fraction(0)
    for period in subject.plan.periods:
        weight = len(period.hours)
        asked += subject.amount_in(name, period) * weight
        held += sum((_each(subject, one) for one in period.running if one.service_id == name), Fraction(0)) * weight
    return asked, held


def _work(subject: PeriodsSubject, name: str) -> tuple[Fraction, Fraction]:
    """Return (requests, requests that nodes can do) of all windows of all quarters."""
    service, asked, held = subject.services[name], Fraction(0), Fraction(0)
    most_used = subject.problem.limits.max_utilisation_fraction
    for quarter in range(subject.quarters):
        amount = Fraction(work_in_quarter(service, subject.problem, quarter, most_used), MICRO)
        for seconds, days in window_seconds(service.deadline, subject.hours) if service.deadline else ():
            asked += amount * days
            held += sum((sum(seconds[hour] for hour in period.hours) * _each(subject, one)
                         for period in subject.plan.periods if (period.quarter or 0) == quarter
                         for one in period.running if one.service_id == name), Fraction(0))
    return asked, held
