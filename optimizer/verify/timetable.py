"""The twins of the timetable's rules, hour by hour, in the user's quantities and exactly."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction
from functools import lru_cache
from math import isclose

from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.demand import exact_work, profile_hours, window_seconds
from optimizer.schema.base import grade_of
from optimizer.schema.plan import Deployment, RunningNodes, TimeSlot, Timetable
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.figures import node_at
from optimizer.verify.rules import after_node_loss, left_after_losses
from optimizer.verify.subject import TOLERANCE, Subject


def _timetable(subject: Subject) -> Timetable:
    if subject.plan.timetable is None:
        raise ValueError("the checks of a timetable ask for a plan that has one")
    return subject.plan.timetable


def check_hours(subject: Subject) -> Iterator[str]:
    """The slots hold each hour of the problem's cycle once, and name only what the plan deploys."""
    table = _timetable(subject)
    if table.hours != profile_hours(subject.problem):
        yield f"a timetable of {table.hours} hours, {profile_hours(subject.problem)} by the problem"
    if sorted(hour for slot in table.slots for hour in slot.hours) != list(range(table.hours)):
        yield "the slots do not hold each hour once"
    known = {_key(one) for one in subject.plan.deployments}
    if len(known) != len(subject.plan.deployments):
        yield "two deployments of one service, offer and engine"
    for slot in table.slots:
        keys = [_key(one) for one in slot.running]
        yield from (f"hour {slot.hours[0]}: {key[1]} serves {key[0]}, not deployed" for key in {*keys} - known)
        yield from (f"hour {slot.hours[0]}: {one.nodes} of {one.offer_id}" for one in slot.running if one.nodes < 1)
        if len(set(keys)) != len(keys):
            yield f"hour {slot.hours[0]}: nodes stand twice"
    yield from (f"{name} is no offer of the catalog" for name in table.standing if name not in subject.offers)


def _key(one: Deployment | RunningNodes) -> tuple[str, str, str]:
    return one.service_id, one.offer_id, one.engine_id


def _runs_by_the_hour(subject: Subject, offer: PricedOffer) -> bool:
    """Say whether nodes of an offer may come and go: rented at an hourly price without a term."""
    rented = subject.catalog.offers.get(offer.offer_id)
    by_hour = rented is not None and rented.per == "hour" and offer.term_months == 0
    return by_hour and offer.kind not in ("owned", "reserved")


def _hourly(subject: Subject, slot: TimeSlot) -> dict[str, int]:
    """Return offer -> nodes in a slot that do not stand all the time."""
    counts: dict[str, int] = defaultdict(int)
    for one in slot.running:
        if one.offer_id not in _timetable(subject).standing:
            counts[one.offer_id] += one.nodes
    return counts


def _there(subject: Subject, slot: TimeSlot) -> dict[str, int]:
    """Return offer -> nodes that are there in a slot."""
    return {**_timetable(subject).standing, **_hourly(subject, slot)}


def check_use_nodes_there(subject: Subject) -> Iterator[str]:
    """Only nodes rented by the hour come and go; of standing ones no more serve in an hour than stand."""
    table = _timetable(subject)
    yield from (f"{name} stands {count} times" for name, count in table.standing.items() if count < 1)
    for slot in table.slots:
        serving: dict[str, int] = defaultdict(int)
        for one in slot.running:
            serving[one.offer_id] += one.nodes
        for name, count in serving.items():
            if name in table.standing and count > table.standing[name]:
                yield f"hour {slot.hours[0]}: {count} of {name} serve, {table.standing[name]} stand"
            if name not in table.standing and not _runs_by_the_hour(subject, subject.offers[name]):
                yield f"hour {slot.hours[0]}: {name} cannot come and go by the hour"
        shown = (sum(table.standing.values()), sum(_hourly(subject, slot).values()))
        if (slot.standing_nodes, slot.hourly_nodes) != shown:
            yield f"hour {slot.hours[0]}: shows {slot.standing_nodes} + {slot.hourly_nodes} nodes, {shown} are there"


def check_slot_demand(subject: Subject) -> Iterator[str]:
    """What a slot says its hours ask is what the problem asks in each of them."""
    table = _timetable(subject)
    asked = {name: subject.hourly_amounts(name)
             for name, service in subject.services.items() if service.kind == "sync"}
    for slot in table.slots:
        if slot.demand.keys() != asked.keys():
            yield f"hour {slot.hours[0]}: demands of {', '.join(slot.demand)}"
            continue
        for name, shown in slot.demand.items():
            unit = 1 if subject.demands[name].unit == "concurrency" else MICRO
            for hour in slot.hours:
                if asked[name][hour] / unit != shown:
                    yield f"hour {hour}: {name} asks {asked[name][hour] / unit:g}, the timetable says {shown:g}"


Held = list[tuple[Deployment, Fraction]]
"""(Deployment with the nodes of a slot, what one of them carries)."""


def _held(subject: Subject, slot: TimeSlot, service_id: str, each: Callable[[Deployment], Fraction]) -> Held:
    """List what serves a service in a slot."""
    known = {_key(one): one for one in subject.of_service(service_id)}
    return [
        (known[_key(one)].model_copy(update={"nodes": one.nodes}), each(known[_key(one)]))
        for one in slot.running if one.service_id == service_id
    ]


def _capacity(one: Deployment) -> Fraction:
    """Return what one node carries, as the plan claims it."""
    return exact(one.capacity_per_node)


def _asked(subject: Subject, slot: TimeSlot, service_id: str) -> Fraction:
    """Return what the problem asks in a slot."""
    amounts = subject.hourly_amounts(service_id)
    unit = 1 if subject.demands[service_id].unit == "concurrency" else MICRO
    return Fraction(max(amounts[hour] for hour in slot.hours), unit)


def _carried(held: Held) -> Fraction:
    return sum((one.nodes * each for one, each in held), Fraction(0))


def _every_loss(subject: Subject, name: str, left: Callable[[Held], Fraction]) -> Iterator[str]:
    """Yield where a demand or a window is not kept, given what is left of the nodes that serve it."""
    service, table = subject.services[name], _timetable(subject)
    if service.kind == "sync":
        for slot in table.slots:
            needed = _asked(subject, slot, name)
            held = [(one, min(each, needed)) for one, each in _held(subject, slot, name, _capacity)]
            if needed and left(held) < needed:
                yield f"hour {slot.hours[0]}: {name} has {float(left(held)):g}, {float(needed):g} needed"
        return
    per_slot = [max(Fraction(0), left(_held(subject, slot, name, _capacity)))
                for slot in table.slots]
    hour = {h: carried for slot, carried in zip(table.slots, per_slot, strict=True) for h in slot.hours}
    work = _work(subject, name)
    for seconds, days in window_seconds(service.deadline, table.hours) if service.deadline else ():
        done = sum((hour[h] * second for h, second in enumerate(seconds)), Fraction(0))
        if done < days * work:
            yield f"{name}: {float(done):,.0f} requests done in a window, {float(days * work):,.0f} needed"


def _work(subject: Subject, name: str) -> Fraction:
    """Return the requests of an async service's window, headroom included."""
    service = subject.services[name]
    most_used = exact(subject.problem.limits.max_utilisation_fraction)
    return exact_work(service) * (1 + exact(service.headroom_fraction)) / most_used


def check_meet_demand(subject: Subject) -> Iterator[str]:
    """In every hour each interactive service gets at least what it asks then."""
    for name, service in subject.services.items():
        if service.kind == "sync":
            yield from _every_loss(subject, name, _carried)


def check_finish_work(subject: Subject) -> Iterator[str]:
    """The nodes of each async service get its work done in every window, and the plan says so."""
    for name, service in subject.services.items():
        if service.kind == "async":
            yield from _every_loss(subject, name, _carried)
    shown = {one.service_id: one for one in _timetable(subject).work}
    for name, service in subject.services.items():
        if service.deadline is None:
            continue
        one, needed = shown.pop(name, None), _work(subject, name)
        span = (service.deadline.start_hour, service.deadline.end_hour)
        if one is None or (one.start_hour, one.end_hour) != span or one.requests < needed - Fraction(1, MICRO):
            yield f"{name}: its window is not shown as it is"
        elif one.capacity_requests < one.requests * (1 - TOLERANCE):
            yield f"{name}: shows room for {one.capacity_requests:,.0f} requests, {one.requests:,.0f} come"
    yield from (f"{name}: work that was not asked for" for name in shown)


def check_survive_node_loss(subject: Subject) -> Iterator[str]:
    """Demand and work are kept when any k nodes of a service are gone."""
    losses = subject.problem.limits.survive.nodes
    for name in subject.services if losses else ():
        yield from _every_loss(
            subject, name, lambda held: after_node_loss([(each, one.nodes) for one, each in held], losses))


def _check_group_loss(subject: Subject, group: Callable[[PricedOffer], Hashable]) -> Iterator[str]:
    for name in subject.services:
        for lost in sorted({group(subject.offers[one.offer_id]) for one in subject.of_service(name)}, key=str):
            def left(held: Held, lost: Hashable = lost) -> Fraction:
                """Return what is carried without what is lost."""
                return _carried([(one, each) for one, each in held if group(subject.offers[one.offer_id]) != lost])

            yield from _every_loss(subject, name, left)


def check_survive_provider_loss(subject: Subject) -> Iterator[str]:
    """Demand and work are kept when any one provider is gone."""
    if subject.problem.limits.survive.provider:
        yield from _check_group_loss(subject, lambda offer: offer.provider)


def check_survive_region_loss(subject: Subject) -> Iterator[str]:
    """Demand and work are kept when any one region of a provider is gone."""
    if subject.problem.limits.survive.region:
        yield from _check_group_loss(subject, lambda offer: offer.place)


def check_cap_spot_share(subject: Subject) -> Iterator[str]:
    """The nodes of every service that are not spot carry 1 - share of its demand in every hour, and of its work."""
    share = subject.problem.limits.spot_share_fraction
    for name in subject.services if share is not None else ():
        def firm(held: Held) -> Fraction:
            """Return the demand of which the nodes that are not spot carry their share."""
            left = _carried([(one, each) for one, each in held if subject.offers[one.offer_id].kind != "spot"])
            return left / (1 - exact(share or 0.0))

        yield from _every_loss(subject, name, firm)


def check_respect_stock(subject: Subject) -> Iterator[str]:
    """No offer is used beyond its stock in any hour; the sites of an owned machine share theirs."""
    for slot in _timetable(subject).slots:
        used: dict[str, int] = defaultdict(int)
        for name, count in _there(subject, slot).items():
            used[subject.offers[name].pool] += count
        stocks = {subject.offers[name].pool: subject.offers[name].stock for name in _there(subject, slot)}
        for pool, stock in stocks.items():
            if stock is not None and used[pool] > stock:
                yield f"hour {slot.hours[0]}: {used[pool]} of {pool}, {stock} in stock"


def check_limit_nodes(subject: Subject) -> Iterator[str]:
    """In every hour the number of nodes is within its limits."""
    allowed = subject.problem.limits.nodes
    for slot in _timetable(subject).slots:
        total = sum(_there(subject, slot).values())
        if total < allowed.min or (allowed.max is not None and total > allowed.max):
            yield f"hour {slot.hours[0]}: {total} nodes, {allowed.min} to {allowed.max} allowed"


def check_hold_nodes(subject: Subject) -> Iterator[str]:
    """The nodes that the plan must hold are there in every hour."""
    for slot in _timetable(subject).slots:
        there = _there(subject, slot)
        for name, least in subject.problem.limits.at_least.items():
            if there.get(name, 0) < least:
                yield f"hour {slot.hours[0]}: {there.get(name, 0)} nodes of {name}, at least {least} asked"


def _cycle_micro_usd(subject: Subject) -> tuple[int, int]:
    """Return micro-dollars of a cycle, added up hour by hour: (standing nodes, those that come and go)."""
    table, standing, hourly = _timetable(subject), 0, 0
    slot_of = {hour: slot for slot in table.slots for hour in slot.hours}
    for hour in range(table.hours):
        standing += sum(count * subject.offers[name].micro_usd_per_hour for name, count in table.standing.items())
        hourly += sum(count * subject.offers[name].micro_usd_per_hour
                      for name, count in _hourly(subject, slot_of[hour]).items())
    return standing, hourly


def _monthly(subject: Subject, micro: int) -> float:
    """Turn micro-dollars of a cycle into dollars of a month of 730 hours."""
    return float(Fraction(micro, MICRO) * HOURS_PER_MONTH / _timetable(subject).hours)


def check_total_cost(subject: Subject) -> Iterator[str]:
    """The cost is that of every hour, by node, slot, month and line; no plan is below its bound."""
    plan, cost, table = subject.plan, subject.plan.cost, _timetable(subject)
    standing, hourly = _cycle_micro_usd(subject)
    month = _monthly(subject, standing + hourly)
    if cost.usd_per_month != month or cost.usd_per_hour != float(Fraction(standing + hourly, MICRO * table.hours)):
        yield f"cost {cost.usd_per_month} USD/month, {month} hour by hour"
    parts = (_monthly(subject, standing), _monthly(subject, hourly))
    if (table.standing_usd_per_month, table.hourly_usd_per_month) != parts:
        yield f"standing nodes and others cost {parts} USD/month"
    for slot in table.slots:
        there = _there(subject, slot).items()
        if slot.usd_per_hour != sum(subject.offers[name].micro_usd_per_hour * count for name, count in there) / MICRO:
            yield f"hour {slot.hours[0]}: shows {slot.usd_per_hour} USD/h"
    if abs(sum(cost.breakdown.values()) - month) > 0.01 + 1e-6 * month:
        yield f"cost lines add up to {sum(cost.breakdown.values()):.2f}, {month:.2f} USD/month by the hours"
    if cost.usd_per_million_output_tokens is not None:
        yield "a cost of output tokens that depends on how full the nodes are"
    bound, gap = plan.bound_usd_per_month, plan.gap_fraction
    if bound is None or gap is None:
        yield "a plan without a bound or gap"
    elif bound > month * (1 + TOLERANCE) or abs(gap * month - (month - bound)) > TOLERANCE * month:
        yield f"gap of {gap:g} between a bound of {bound} and a cost of {month} USD/month"
    elif plan.status == "optimal" and gap != 0:
        yield f"called optimal with a gap of {gap:g}"


def check_known_offers(subject: Subject) -> Iterator[str]:
    """Every node has the facts of its offer, its most at one time, its hours and what they cost."""
    table = _timetable(subject)
    hours: dict[str, int] = {name: count * table.hours for name, count in table.standing.items()}
    most: dict[str, int] = dict(table.standing)
    for slot in table.slots:
        for name, count in _hourly(subject, slot).items():
            hours[name] = hours.get(name, 0) + count * len(slot.hours)
            most[name] = max(most.get(name, 0), count)
    if {node.offer_id: node.count for node in subject.plan.nodes} != most:
        yield "the nodes listed are not those of the timetable"
        return
    for node in subject.plan.nodes:
        offer, run = subject.offers[node.offer_id], hours[node.offer_id]
        for name in (
            "gpu_id", "gpu_count", "kind", "provider", "region", "term_months", "price_as_of", "price_evidence",
            "source_url", "from_overlay",
        ):
            if getattr(node, name) != getattr(offer, name):
                yield f"{node.offer_id}: {name} is {getattr(offer, name)}, the plan says {getattr(node, name)}"
        low, high = offer.range_micro_usd_per_hour
        figures = {
            "usd_per_month": _monthly(subject, run * offer.micro_usd_per_hour),
            "usd_per_month_low": _monthly(subject, run * low),
            "usd_per_month_high": _monthly(subject, run * high),
            "usd_per_hour_each": offer.micro_usd_per_hour / MICRO,
            "node_hours_per_month": float(Fraction(run * HOURS_PER_MONTH, table.hours)),
        }
        for name, value in figures.items():
            if getattr(node, name) != value:
                yield f"{node.offer_id}: {name} is {value}, the plan says {getattr(node, name)}"


def check_keep_budget(subject: Subject) -> Iterator[str]:
    """The mean month costs no more than the budget, compared exactly, and the budget printed is the one stated."""
    budget, printed = subject.problem.limits.budget, subject.plan.cost.budget_usd_per_month
    if budget is None:
        if printed is not None:
            yield f"a budget of {printed} USD/month is printed, none is stated"
        return
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[budget.per]
    rate, cycle = rate_per_usd(subject.catalog, subject.problem, budget.currency), _timetable(subject).hours
    spent = Fraction(sum(_cycle_micro_usd(subject)), MICRO * cycle) * hours * rate
    stated = _monthly(subject, math.floor(exact(budget.amount) / rate / hours * cycle * MICRO))
    if printed != stated:
        yield f"a budget of {printed} USD/month is printed, {stated} is stated"
    if spent > exact(budget.amount):
        yield f"costs {float(spent):,.2f} {budget.currency} a {budget.per}, {budget.amount:,.2f} allowed"


def check_deployments(subject: Subject) -> Iterator[str]:
    """A deployment has the most nodes that serve it at one time, and whole replicas on them."""
    most: dict[tuple[str, str, str], int] = defaultdict(int)
    for slot in _timetable(subject).slots:
        for running in slot.running:
            most[_key(running)] = max(most[_key(running)], running.nodes)
    for one in subject.plan.deployments:
        stated, gpus = subject.stated_capacity(one) is not None, subject.offers[one.offer_id].gpu_count
        per_node = 1 if stated else gpus // one.gpu_count
        if one.nodes != most[_key(one)] or one.replicas != one.nodes * per_node:
            yield f"{one.offer_id}: {one.nodes} nodes and {one.replicas} replicas, {most[_key(one)]} serve at most"
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
            if exact(one.load_fraction) * subject.amount(name) > one.nodes * _capacity(one) * (1 + Fraction(1, 10**5)):
                yield f"{one.offer_id}: is sent {one.load_fraction:.3f} of {name}, more than it carries"
        if subject.demands[name].unit == "rate":
            continue
        for slot in _timetable(subject).slots:
            held = _held(subject, slot, name, lambda one: Fraction(one.replicas // one.nodes * one.concurrency_at_peak))
            if _carried(held) < _asked(subject, slot, name):
                yield f"hour {slot.hours[0]}: {float(_carried(held)):g} in flight, {name} asks more"


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
        lru_cache(lambda slow=slow: {_key(one): node_at(subject, one, tokens_per_s, slow) for one in mine})
        for slow in (False, True))
    for slot in _timetable(subject).slots:
        needed = _asked(subject, slot, service_id)
        held = _held(subject, slot, service_id, _capacity)
        if needed and all(
            left_after_losses(subject, [(one, carries()[_key(one)]) for one, _ in held]) < needed
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
    service, table, amount = subject.services[service_id], _timetable(subject), subject.amount(service_id)
    rates = [float(_carried(_held(subject, slot, service_id, _capacity))) for slot in table.slots]
    by_rate = subject.demands[service_id].unit == "rate"
    if (shown.capacity_rps is not None) != by_rate or (by_rate and not any(
            isclose(shown.capacity_rps or 0.0, one, rel_tol=1e-9) for one in rates)):
        yield f"{service_id}: capacity_rps is {shown.capacity_rps}, its nodes carry {max(rates):g} at most"
    peak, mean = shown.peak_utilisation_fraction, shown.mean_utilisation_fraction
    if service.kind == "async":
        asked, held = _work_and_room(subject, service_id, rates)
    else:
        asked = float(sum(_asked(subject, slot, service_id) * len(slot.hours) for slot in table.slots))
        held = sum(rate * len(slot.hours) for rate, slot in zip(rates, table.slots, strict=True))
        full = [float(amount) / rate for rate, slot in zip(rates, table.slots, strict=True)
                if rate and _asked(subject, slot, service_id) == amount]
        if peak is None or not any(isclose(peak, one, rel_tol=1e-9) for one in full):
            yield f"{service_id}: peak_utilisation_fraction is {full}, the plan says {peak}"
    if mean is None or not isclose(mean * held, asked, rel_tol=1e-6):
        yield f"{service_id}: a mean_utilisation_fraction of {mean}, {asked:g} of {held:g} are used"


def _work_and_room(subject: Subject, service_id: str, rates: list[float]) -> tuple[float, float]:
    """Return (requests of an async service, requests that its nodes can do), all windows of a cycle together."""
    service, table = subject.services[service_id], _timetable(subject)
    rate_of = {hour: rate for slot, rate in zip(table.slots, rates, strict=True) for hour in slot.hours}
    windows = window_seconds(service.deadline, table.hours) if service.deadline else ()
    work = float(_work(subject, service_id))
    room = sum(rate_of[hour] * second for seconds, _ in windows for hour, second in enumerate(seconds))
    return sum(days for _, days in windows) * work, room


def check_local_cost(subject: Subject) -> Iterator[str]:
    """The cost in the problem's currency follows from the monthly cost, at the rate that is stated."""
    cost, currency = subject.plan.cost, subject.problem.currency
    rate = float(rate_per_usd(subject.catalog, subject.problem, currency))
    local = None if currency == "USD" else (cost.usd_per_month or 0.0) * rate
    fx = subject.problem.fx
    dated = None if currency == "USD" else fx.as_of.isoformat() if fx else subject.catalog.fx[currency].as_of
    if (cost.currency, cost.local_per_month) != (currency, local):
        yield f"{cost.local_per_month} {cost.currency} a month, {local} {currency} by the rate of {rate:g}"
    if (cost.fx_rate_per_usd, cost.fx_as_of) != (None if currency == "USD" else rate, dated):
        yield f"a rate of {cost.fx_rate_per_usd} of {cost.fx_as_of}, {rate:g} of {dated} is stated"
