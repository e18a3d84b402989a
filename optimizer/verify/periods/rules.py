"""The twins of `question/rules.py`, `check_<rule>`, in the user's quantities, period by period."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement
from math import isclose

from optimizer.costs.quarters import work_in_quarter
from optimizer.demand import window_seconds
from optimizer.schema.plan import LossPlan, NodeLayout, Period, RunningReplicas
from optimizer.units import MICRO, exact
from optimizer.verify.classes import carried_after_losses
from optimizer.verify.periods.subject import PeriodsSubject, Setting, setting_of
from optimizer.verify.rules import (
    beyond_stock,
    check_cap_spot_share,
    check_meet_demand,
    check_survive_node_loss,
    check_survive_provider_loss,
    check_survive_region_loss,
)
from optimizer.verify.subject import TOLERANCE, Check


def check_periods(subject: PeriodsSubject) -> Iterator[str]:
    """The periods hold each hour of each quarter once, ask what the problem asks, and name only what is deployed."""
    seen = sorted((period.quarter or 0, hour) for period in subject.plan.periods for hour in period.hours or (0,))
    if seen != [(quarter, hour) for quarter in range(subject.quarters) for hour in range(subject.hours)]:
        yield "the periods do not hold each hour of each quarter once"
        return
    for period in subject.plan.periods:
        if (period.quarter is None) != (subject.problem.roadmap is None):
            yield f"{period.label}: quarter {period.quarter}"
        told = {one.service_id: one.amount for one in period.demand}
        for name in subject.services:
            asked = {subject.asked(name, period.quarter or 0, hour) for hour in period.hours or (0,)}
            amount = subject.amount_in(name, period)
            if len(asked) > 1 or not isclose(told.get(name, -1.0), amount, rel_tol=TOLERANCE):
                yield f"{period.label}: {name} asks {sorted(asked)}, the plan says {told.get(name)}"
        known = {setting_of(one) for one in subject.plan.deployments}
        lines = [*period.running, *(one for loss in period.losses for one in loss.running)]
        yield from (f"{period.label}: {one.offer_id} serves {one.service_id}, not deployed" for one in lines
                    if setting_of(one) not in known)
        yield from (f"{period.label}: {count} of {name}" for name, count in period.nodes.items() if count < 1)


def check_fit_on_nodes(subject: PeriodsSubject) -> Iterator[str]:
    """In each period, and after each loss, what serves fits on the nodes that stand and are not lost."""
    for period in subject.plan.periods:
        yield from _fits(subject, period.label, period.nodes, period.running, period.layouts)
        for loss in period.losses:
            place = f"{period.label} without {loss.lost}"
            yield from _fits(subject, place, period.nodes, loss.running, loss.layouts)
            yield from (f"{place}: {fault}" for fault in _uses_lost_nodes(subject, period, loss))


def _fits(
    subject: PeriodsSubject, place: str, stands: dict[str, int], running: Sequence[RunningReplicas],
    layouts: Sequence[NodeLayout],
) -> Iterator[str]:
    if not subject.is_shared:
        used: dict[str, int] = defaultdict(int)
        for one in running:
            offer, stated = subject.offers[one.offer_id], subject.by_setting.get(setting_of(one))
            used[one.offer_id] += one.nodes
            whole = stated is not None and subject.stated_capacity(stated) is not None
            each = 1 if whole else offer.gpu_count // one.gpu_count
            if one.replicas != each * one.nodes or one.nodes < 1:
                yield f"{place}: {one.replicas} replicas on {one.nodes} of {one.offer_id}"
        yield from (f"{place}: {count} of {name} serve, {stands.get(name, 0)} stand" for name, count in used.items()
                    if count > stands.get(name, 0))
        return
    counted, holders, nodes = Counter[Setting](), Counter[Setting](), Counter[str]()
    for layout in layouts:
        gpus = subject.offers[layout.offer_id].gpu_count if layout.offer_id in subject.offers else 0
        used_gpus = sum(one.replicas * one.gpu_count for one in layout.replicas)
        nodes[layout.offer_id] += layout.count
        if layout.count < 1 or used_gpus + layout.free_gpus != gpus or layout.free_gpus < 0:
            yield f"{place}: replicas of {used_gpus} GPUs on a node of {layout.offer_id}"
        for one in layout.replicas:
            counted[setting_of(one)] += one.replicas * layout.count
            holders[setting_of(one)] += layout.count
    told = {setting_of(one): (one.replicas, one.nodes) for one in running}
    if told != {key: (counted[key], holders[key]) for key in counted}:
        yield f"{place}: the nodes do not hold the replicas that are said to run"
    yield from (f"{place}: {count} nodes of {name} are used, {stands.get(name, 0)} stand"
                for name, count in nodes.items() if count > stands.get(name, 0))


def _kind(subject: PeriodsSubject, offer_id: str) -> str:
    offer = subject.offers[offer_id]
    return f"{offer.gpu_id} x {offer.gpu_count}"


def _uses_lost_nodes(subject: PeriodsSubject, period: Period, loss: LossPlan) -> Iterator[str]:
    """Say which lost nodes are still used after a loss."""
    used, stands = Counter[str](), Counter[str]()
    by_offer = Counter({one.offer_id: 0 for one in loss.running})
    for layout in loss.layouts:
        by_offer[layout.offer_id] += layout.count if layout.replicas else 0
    for one in loss.running if not subject.is_shared else ():
        by_offer[one.offer_id] += one.nodes
    if loss.kind != "node":
        place = tuple(loss.lost.split("/", 1))
        yield from (f"{name} is used" for name, count in by_offer.items()
                    if count and subject.offers[name].place[: len(place)] == place)
        return
    for name, count in by_offer.items():
        used[_kind(subject, name)] += count
    for name, count in period.nodes.items():
        stands[_kind(subject, name)] += count
    for kind, count in (stands - Counter(loss.lost.split(" + "))).items():
        used[kind] -= count
    yield from (f"{count} nodes of {kind} too many are used" for kind, count in used.items() if count > 0)


def check_survive_losses(subject: PeriodsSubject) -> Iterator[str]:
    """Where replicas are placed again, each loss that can happen in a period is answered, and keeps every demand."""
    survive = subject.problem.limits.survive
    for period in subject.plan.periods if subject.is_replaced else ():
        expected: set[tuple[str, str]] = set()
        kinds = Counter[str]()
        for name, count in period.nodes.items():
            kinds[_kind(subject, name)] += count
        most = min(survive.nodes, sum(kinds.values()))  # where fewer nodes stand than may be lost, all of them
        for lost in combinations_with_replacement(sorted(kinds), most) if most else ():
            if all(kinds[kind] >= count for kind, count in Counter(lost).items()):
                expected.add(("node", " + ".join(lost)))
        places = {subject.offers[name].place for name in period.nodes}
        lost_places = {place[0] for place in places} | {one.provider for one in period.hosted}
        expected |= {("provider", place) for place in lost_places} if survive.provider else set()
        expected |= {("region", "/".join(place)) for place in places} if survive.region else set()
        told = {(loss.kind, loss.lost) for loss in period.losses}
        yield from (f"{period.label}: nothing is said of {lost}" for _, lost in sorted(expected - told))
        for loss in period.losses:
            gone = None if loss.kind == "node" else loss.lost.split("/")[0]
            yield from _carried(subject, period, loss.running, f"{period.label} without {loss.lost}", True, gone)
    yield from (f"{period.label}: losses are shown that need not be" for period in subject.plan.periods
                if period.losses and not subject.is_replaced)


def check_carry_demand(subject: PeriodsSubject) -> Iterator[str]:
    """In each period every service gets what it asks, with spare nodes after each loss, and firm nodes their share."""
    for period in subject.plan.periods:
        yield from _carried(subject, period, period.running, period.label, False)


def _carried(
    subject: PeriodsSubject, period: Period, running: Sequence[RunningReplicas], place: str, after_loss: bool,
    lost: str | None = None,
) -> Iterator[str]:
    part = subject.in_period(period, running, after_loss, lost)
    checks: list[Check] = [check_meet_demand]
    if not after_loss:
        checks += [check_survive_node_loss, check_survive_provider_loss, check_survive_region_loss]
    for check in checks:
        yield from (f"{place}: {fault}" for fault in check(part))
    if not after_loss and subject.problem.limits.spot_share_fraction is not None and not period.hosted:
        yield from (f"{place}: {fault}" for fault in check_cap_spot_share(part))
    for name, service in subject.services.items():
        target = service.slo.target_tokens_per_s
        if service.routes_classes and part.amount(name) and not carried_after_losses(part, name, target, moved=True):
            yield f"{place}: {name} is not carried class by class"


def check_finish_work(subject: PeriodsSubject) -> Iterator[str]:
    """Work that may wait is done within each of its windows, after losses to survive too."""
    if subject.hours == 1:
        return
    limits = subject.problem.limits
    for name, service in subject.services.items():
        for quarter in range(subject.quarters) if service.deadline is not None else ():
            for seconds, days in window_seconds(service.deadline, subject.hours):  # type: ignore[arg-type]
                asked = Fraction(work_in_quarter(
                    service, subject.problem, quarter, limits.max_utilisation_fraction) * days, MICRO)
                for label, done in _done(subject, name, quarter, seconds):
                    if done < asked * (1 - exact(TOLERANCE)):
                        yield f"{name}{label}: {float(done):g} requests in a window, {float(asked):g} asked"
                share = limits.spot_share_fraction
                if share is not None and _firm(subject, name, quarter, seconds) < asked * (1 - exact(share)):
                    yield f"{name}: too little of its work is done without spot nodes"


def _each(subject: PeriodsSubject, one: RunningReplicas) -> Fraction:
    """Return requests/s of a line of replicas."""
    shown = subject.by_setting[setting_of(one)]
    return (one.replicas if subject.is_shared else one.nodes) * exact(shown.capacity_per_node)


def _done(
    subject: PeriodsSubject, service_id: str, quarter: int, seconds: Sequence[int]
) -> Iterator[tuple[str, Fraction]]:
    """Yield (loss, requests done in a window): without a loss, with spare nodes lost, and after each loss."""
    survive = subject.problem.limits.survive
    mine = [(period, sum(seconds[hour] for hour in period.hours)) for period in subject.plan.periods
            if (period.quarter or 0) == quarter]
    whole = lost_nodes = Fraction(0)
    left: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    places = {subject.offers[one.offer_id].place for period, _ in mine for one in period.running
              if one.service_id == service_id}
    groups = {place[:parts] for asked, parts in ((survive.provider, 1), (survive.region, 2)) if asked
              for place in places}
    for period, second in mine:
        lines = [one for one in period.running if one.service_id == service_id]
        carried = [(_each(subject, one), one) for one in lines]
        whole += second * sum((amount for amount, _ in carried), Fraction(0))
        sizes = sorted((amount / max(1, one.nodes) for amount, one in carried for _ in range(one.nodes)), reverse=True)
        lost_nodes += second * sum(sizes[: survive.nodes], Fraction(0))
        for group in groups:
            left[group] += second * sum((amount for amount, one in carried
                                         if subject.offers[one.offer_id].place[: len(group)] != group), Fraction(0))
    yield "", whole
    if not subject.is_replaced:
        if survive.nodes:
            yield " after lost nodes", whole - lost_nodes
        yield from ((f" without {'/'.join(group)}", amount) for group, amount in left.items())
        return
    for lost in sorted({(loss.kind, loss.lost) for period, _ in mine for loss in period.losses}):
        done = Fraction(0)
        for period, second in mine:
            running = next((loss.running for loss in period.losses if (loss.kind, loss.lost) == lost), period.running)
            done += second * sum((_each(subject, one) for one in running if one.service_id == service_id), Fraction(0))
        yield f" without {lost[1]}", done


def _firm(subject: PeriodsSubject, service_id: str, quarter: int, seconds: Sequence[int]) -> Fraction:
    return sum(
        (sum(seconds[hour] for hour in period.hours) * _each(subject, one) for period in subject.plan.periods
         if (period.quarter or 0) == quarter for one in period.running
         if one.service_id == service_id and subject.offers[one.offer_id].kind != "spot"), Fraction(0))


def check_respect_stock(subject: PeriodsSubject) -> Iterator[str]:
    """No offer is used beyond its stock: of rented nodes in any period, of bought ones over the whole plan."""
    for period in subject.plan.periods:
        used = [(subject.offers[name], count) for name, count in _obtained(subject, period).items() if count]
        for name, count, stock in beyond_stock(subject.problem, subject.catalog, used):
            yield f"{period.label}: {count} of {name} used, {stock} in stock"
    bought: dict[str, int] = defaultdict(int)
    kept: dict[int, int] = defaultdict(int)
    for stay in subject.plan.roadmap.stays if subject.plan.roadmap else ():
        bought[stay.offer_id] += stay.count if stay.way == "buy" else 0
        if stay.owned_already is not None:
            kept[stay.owned_already] += stay.count
    used = [(subject.offers[name], count) for name, count in bought.items() if count]
    for name, count, stock in beyond_stock(subject.problem, subject.catalog, used):
        yield f"{count} of {name} bought in all, {stock} in stock"
    for place, count in kept.items():
        there = subject.problem.roadmap.owned_already[place].count if subject.problem.roadmap else 0
        if count > there:
            yield f"roadmap.owned_already.{place}: {count} kept, {there} are there"


def _obtained(subject: PeriodsSubject, period: Period) -> dict[str, int]:
    """Return the nodes of a period that are not there already."""
    counts = dict(period.nodes)
    for stay in subject.plan.roadmap.stays if subject.plan.roadmap else ():
        if stay.owned_already is not None and stay.first <= (period.quarter or 0) < stay.end:
            counts[stay.offer_id] = counts.get(stay.offer_id, 0) - stay.count
    return counts


def check_limits_of_nodes(subject: PeriodsSubject) -> Iterator[str]:
    """In each period node limits, held nodes and the power cap are kept."""
    limits = subject.problem.limits
    for period in subject.plan.periods:
        total = sum(period.nodes.values())
        if total < limits.nodes.min or (limits.nodes.max is not None and total > limits.nodes.max):
            yield f"{period.label}: {total} nodes, {limits.nodes.min} to {limits.nodes.max} allowed"
        for name, least in limits.at_least.items():
            if period.nodes.get(name, 0) < least:
                yield f"{period.label}: {period.nodes.get(name, 0)} nodes of {name}, at least {least} asked"
        watts = sum(subject.offers[name].watts * count for name, count in period.nodes.items())
        if limits.power_kw is not None and watts > exact(limits.power_kw) * 1000:
            yield f"{period.label}: {watts} W drawn, {limits.power_kw} kW allowed"


def check_limit_gpu_types(subject: PeriodsSubject) -> Iterator[str]:
    """At most K GPU types stand, over the whole plan or in each period."""
    limits = subject.problem.limits
    if limits.max_gpu_types is None:
        return
    by_period = [{subject.offers[name].gpu_id for name in period.nodes} for period in subject.plan.periods]
    groups = by_period if limits.max_gpu_types_in == "period" else [set[str]().union(*by_period)]
    yield from (f"{len(types)} GPU types, {limits.max_gpu_types} allowed" for types in groups
                if len(types) > limits.max_gpu_types)


def check_come_and_go(subject: PeriodsSubject) -> Iterator[str]:
    """Only nodes rented by the hour come and go within a quarter; over quarters nodes are those of the stays."""
    for quarter in range(subject.quarters):
        mine = [period for period in subject.plan.periods if (period.quarter or 0) == quarter]
        for name in {name for period in mine for name in period.nodes}:
            offer, rented = subject.offers[name], subject.catalog.offers.get(name)
            hourly = (rented is not None and rented.per == "hour" and offer.term_months == 0
                      and offer.kind not in ("owned", "reserved"))
            counts = {period.nodes.get(name, 0) for period in mine}
            if len(counts) > 1 and not hourly:
                yield f"{name} comes and goes: {sorted(counts)} nodes in the periods"
    if subject.plan.roadmap is None:
        return
    for period in subject.plan.periods:
        stands: dict[str, int] = defaultdict(int)
        for stay in subject.plan.roadmap.stays:
            if stay.first <= (period.quarter or 0) < stay.end and (not stay.hours or stay.hours == period.hours):
                stands[stay.offer_id] += stay.count
        if stands != period.nodes:
            yield f"{period.label}: {period.nodes} stand, {dict(stands)} by the stays"
