"""The twins of the timetable's rules, hour by hour, in the user's quantities and exactly."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction

from optimizer.costs import PricedOffer
from optimizer.units import MICRO, exact
from optimizer.verify.rules import after_node_loss, beyond_stock
from optimizer.verify.subject import TOLERANCE, Subject
from optimizer.verify.timetable.hours import Held, carried_by, kept_after, nodes_there, timetable_of, work_of


def check_slot_demand(subject: Subject) -> Iterator[str]:
    """What a slot says its hours ask is what the problem asks in each of them."""
    table = timetable_of(subject)
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


def check_meet_demand(subject: Subject) -> Iterator[str]:
    """In every hour each interactive service gets at least what it asks then."""
    for name, service in subject.services.items():
        if service.kind == "sync":
            yield from kept_after(subject, name, carried_by)


def check_finish_work(subject: Subject) -> Iterator[str]:
    """The nodes of each async service get its work done in every window, and the plan says so."""
    for name, service in subject.services.items():
        if service.kind == "async":
            yield from kept_after(subject, name, carried_by)
    shown = {one.service_id: one for one in timetable_of(subject).work}
    for name, service in subject.services.items():
        if service.deadline is None:
            continue
        one, needed = shown.pop(name, None), work_of(subject, name)
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
        yield from kept_after(
            subject, name, lambda held: after_node_loss([(each, one.nodes) for one, each in held], losses))


def _check_group_loss(subject: Subject, group: Callable[[PricedOffer], Hashable]) -> Iterator[str]:
    for name in subject.services:
        for lost in sorted({group(subject.offers[one.offer_id]) for one in subject.of_service(name)}, key=str):
            def left(held: Held, lost: Hashable = lost) -> Fraction:
                """Return what is carried without what is lost."""
                return carried_by([(one, each) for one, each in held if group(subject.offers[one.offer_id]) != lost])

            yield from kept_after(subject, name, left)


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
            left = carried_by([(one, each) for one, each in held if subject.offers[one.offer_id].kind != "spot"])
            return left / (1 - exact(share or 0.0))

        yield from kept_after(subject, name, firm)


def check_respect_stock(subject: Subject) -> Iterator[str]:
    """No offer is used beyond its stock in any hour; the sites of an owned machine share theirs."""
    for slot in timetable_of(subject).slots:
        used = [(subject.offers[name], count) for name, count in nodes_there(subject, slot).items()]
        for name, count, stock in beyond_stock(subject.problem, subject.catalog, used):
            yield f"hour {slot.hours[0]}: {count} of {name}, {stock} in stock"


def check_limit_nodes(subject: Subject) -> Iterator[str]:
    """In every hour the number of nodes is within its limits."""
    allowed = subject.problem.limits.nodes
    for slot in timetable_of(subject).slots:
        total = sum(nodes_there(subject, slot).values())
        if total < allowed.min or (allowed.max is not None and total > allowed.max):
            yield f"hour {slot.hours[0]}: {total} nodes, {allowed.min} to {allowed.max} allowed"


def check_hold_nodes(subject: Subject) -> Iterator[str]:
    """The nodes that the plan must hold are there in every hour."""
    for slot in timetable_of(subject).slots:
        there = nodes_there(subject, slot)
        for name, least in subject.problem.limits.at_least.items():
            if there.get(name, 0) < least:
                yield f"hour {slot.hours[0]}: {there.get(name, 0)} nodes of {name}, at least {least} asked"
