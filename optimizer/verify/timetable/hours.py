"""What a plan says of each hour, and whether the hours are whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction

from optimizer.costs import PricedOffer
from optimizer.demand import exact_work, profile_hours, window_seconds
from optimizer.schema.plan import Deployment, RunningNodes, TimeSlot, Timetable
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.subject import Subject


def timetable_of(subject: Subject) -> Timetable:
    """Return the hours of a plan that has them."""
    if subject.plan.timetable is None:
        raise ValueError("the checks of a timetable ask for a plan that has one")
    return subject.plan.timetable


def check_hours(subject: Subject) -> Iterator[str]:
    """The slots hold each hour of the problem's cycle once, and name only what the plan deploys."""
    table = timetable_of(subject)
    if table.hours != profile_hours(subject.problem):
        yield f"a timetable of {table.hours} hours, {profile_hours(subject.problem)} by the problem"
    if sorted(hour for slot in table.slots for hour in slot.hours) != list(range(table.hours)):
        yield "the slots do not hold each hour once"
    known = {setting_of(one) for one in subject.plan.deployments}
    if len(known) != len(subject.plan.deployments):
        yield "two deployments of one service, offer and engine"
    for slot in table.slots:
        keys = [setting_of(one) for one in slot.running]
        yield from (f"hour {slot.hours[0]}: {key[1]} serves {key[0]}, not deployed" for key in {*keys} - known)
        yield from (f"hour {slot.hours[0]}: {one.nodes} of {one.offer_id}" for one in slot.running if one.nodes < 1)
        if len(set(keys)) != len(keys):
            yield f"hour {slot.hours[0]}: nodes stand twice"
    yield from (f"{name} is no offer of the catalog" for name in table.standing if name not in subject.offers)


def setting_of(one: Deployment | RunningNodes) -> tuple[str, str, str]:
    """Return what tells the deployments of a plan apart."""
    return one.service_id, one.offer_id, one.engine_id


def runs_by_the_hour(subject: Subject, offer: PricedOffer) -> bool:
    """Say whether nodes of an offer may come and go: rented at an hourly price without a term."""
    rented = subject.catalog.offers.get(offer.offer_id)
    by_hour = rented is not None and rented.per == "hour" and offer.term_months == 0
    return by_hour and offer.kind not in ("owned", "reserved")


def hourly_nodes(subject: Subject, slot: TimeSlot) -> dict[str, int]:
    """Return offer -> nodes in a slot that do not stand all the time."""
    counts: dict[str, int] = defaultdict(int)
    for one in slot.running:
        if one.offer_id not in timetable_of(subject).standing:
            counts[one.offer_id] += one.nodes
    return counts


def nodes_there(subject: Subject, slot: TimeSlot) -> dict[str, int]:
    """Return offer -> nodes that are there in a slot."""
    return {**timetable_of(subject).standing, **hourly_nodes(subject, slot)}


def check_use_nodes_there(subject: Subject) -> Iterator[str]:
    """Only nodes rented by the hour come and go; of standing ones no more serve in an hour than stand."""
    table = timetable_of(subject)
    yield from (f"{name} stands {count} times" for name, count in table.standing.items() if count < 1)
    for slot in table.slots:
        serving: dict[str, int] = defaultdict(int)
        for one in slot.running:
            serving[one.offer_id] += one.nodes
        for name, count in serving.items():
            if name in table.standing and count > table.standing[name]:
                yield f"hour {slot.hours[0]}: {count} of {name} serve, {table.standing[name]} stand"
            if name not in table.standing and not runs_by_the_hour(subject, subject.offers[name]):
                yield f"hour {slot.hours[0]}: {name} cannot come and go by the hour"
        shown = (sum(table.standing.values()), sum(hourly_nodes(subject, slot).values()))
        if (slot.standing_nodes, slot.hourly_nodes) != shown:
            yield f"hour {slot.hours[0]}: shows {slot.standing_nodes} + {slot.hourly_nodes} nodes, {shown} are there"


Held = list[tuple[Deployment, Fraction]]
"""(Deployment with the nodes of a slot, what one of them carries)."""


def held_in(subject: Subject, slot: TimeSlot, service_id: str, each: Callable[[Deployment], Fraction]) -> Held:
    """List what serves a service in a slot."""
    known = {setting_of(one): one for one in subject.of_service(service_id)}
    return [
        (known[setting_of(one)].model_copy(update={"nodes": one.nodes}), each(known[setting_of(one)]))
        for one in slot.running if one.service_id == service_id
    ]


def capacity_of(one: Deployment) -> Fraction:
    """Return what one node carries, as the plan claims it."""
    return exact(one.capacity_per_node)


def asked_in(subject: Subject, slot: TimeSlot, service_id: str) -> Fraction:
    """Return what the problem asks in a slot."""
    amounts = subject.hourly_amounts(service_id)
    unit = 1 if subject.demands[service_id].unit == "concurrency" else MICRO
    return Fraction(max(amounts[hour] for hour in slot.hours), unit)


def carried_by(held: Held) -> Fraction:
    """Return what nodes carry together."""
    return sum((one.nodes * each for one, each in held), Fraction(0))


def kept_after(subject: Subject, name: str, left: Callable[[Held], Fraction]) -> Iterator[str]:
    """Yield where a demand or a window is not kept, given what is left of the nodes that serve it."""
    service, table = subject.services[name], timetable_of(subject)
    if service.kind == "sync":
        for slot in table.slots:
            needed = asked_in(subject, slot, name)
            held = [(one, min(each, needed)) for one, each in held_in(subject, slot, name, capacity_of)]
            if needed and left(held) < needed:
                yield f"hour {slot.hours[0]}: {name} has {float(left(held)):g}, {float(needed):g} needed"
        return
    per_slot = [max(Fraction(0), left(held_in(subject, slot, name, capacity_of)))
                for slot in table.slots]
    hour = {h: carried for slot, carried in zip(table.slots, per_slot, strict=True) for h in slot.hours}
    work = work_of(subject, name)
    for seconds, days in window_seconds(service.deadline, table.hours) if service.deadline else ():
        done = sum((hour[h] * second for h, second in enumerate(seconds)), Fraction(0))
        if done < days * work:
            yield f"{name}: {float(done):,.0f} requests done in a window, {float(days * work):,.0f} needed"


def work_of(subject: Subject, name: str) -> Fraction:
    """Return the requests of an async service's window, headroom included."""
    service = subject.services[name]
    most_used = exact(subject.problem.limits.max_utilisation_fraction)
    return exact_work(service) * (1 + exact(service.headroom_fraction)) / most_used


def cycle_micro_usd(subject: Subject) -> tuple[int, int]:
    """Return micro-dollars of a cycle, added up hour by hour: (standing nodes, those that come and go)."""
    table, standing, hourly = timetable_of(subject), 0, 0
    slot_of = {hour: slot for slot in table.slots for hour in slot.hours}
    for hour in range(table.hours):
        standing += sum(count * subject.offers[name].micro_usd_per_hour for name, count in table.standing.items())
        hourly += sum(count * subject.offers[name].micro_usd_per_hour
                      for name, count in hourly_nodes(subject, slot_of[hour]).items())
    return standing, hourly


def monthly_usd(subject: Subject, micro: int) -> float:
    """Turn micro-dollars of a cycle into dollars of a month of 730 hours."""
    return float(Fraction(micro, MICRO) * HOURS_PER_MONTH / timetable_of(subject).hours)
