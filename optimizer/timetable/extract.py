"""Read a proven roster back as a plan with its timetable, in the user's words and units, and have it verified."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.candidates import ReplicaSpeed
from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.demand import SECONDS_PER_HOUR, ServiceDemand, micro_work
from optimizer.formulation import CaseRow
from optimizer.messages import Message
from optimizer.schema.base import grade_of
from optimizer.schema.plan import (
    Cost,
    Deployment,
    Node,
    Plan,
    RunningNodes,
    ServicePlan,
    TimeSlot,
    Timetable,
    WindowWork,
)
from optimizer.solve import Chosen, Prepared, Solution, achieved_speed, amount_at, plan_of
from optimizer.solve.extract import arithmetic, concurrency_at_peak, in_user_units, inputs_of, node_of, rejection_rows
from optimizer.timetable.case import TimeCase
from optimizer.timetable.ladder import Roster
from optimizer.timetable.prove import TimeProven
from optimizer.timetable.slots import Slot
from optimizer.units import HOURS_PER_MONTH, MICRO, usd
from optimizer.verify import verify_plan
from optimizer.verify.known import KnownFigures


def monthly_usd(micro_usd: int, hours: int) -> float:
    """Turn micro-dollars of a cycle into dollars a month of 730 hours."""
    return float(Fraction(micro_usd * HOURS_PER_MONTH, hours * MICRO))


@dataclass(frozen=True)
class Shown:
    """A roster with what it answers, to be read out."""

    prepared: Prepared
    case: TimeCase
    roster: Roster

    @cached_property
    def by_slot(self) -> tuple[Solution, ...]:
        """The nodes in use in each slot, as a solution of its own."""
        targets, survive = self.prepared.candidates.targets(), self.prepared.problem.limits.survive
        share = self.case.spot_share
        rows = list(zip(self.case.rows, self.roster.use, strict=True))
        return tuple(
            Solution("feasible", tuple(Chosen(row, counts[slot]) for row, counts in rows if counts[slot]), None, None,
                     targets, survive, share)
            for slot in range(len(self.case.slots)))

    @property
    def most_used(self) -> float:
        """Share of what nodes carry that a demand may fill."""
        return self.prepared.problem.limits.max_utilisation_fraction

    def work(self, service: int) -> int:
        """Return the micro-requests of an async service's window."""
        return micro_work(self.prepared.problem.services[service], self.most_used)

    def demand(self, service: int, slot: int) -> ServiceDemand:
        """Return what a service asks in a slot."""
        return replace(self.prepared.candidates.demands[service], amount=self.case.slots[slot].demand[service])

    def busiest(self, service: int) -> int:
        """Return the slot in which a service asks most; of an async one the slot in which most of its nodes run."""
        slots, rows = self.case.slots, self.case.of_service(service)
        runs = [sum(self.roster.use[i][slot] for i in rows) for slot in range(len(slots))]
        return max(range(len(slots)), key=lambda slot: (slots[slot].demand[service], runs[slot], -slot))

    @cached_property
    def reached(self) -> tuple[float, ...]:
        """The plan speed of each service: what its nodes keep in every slot, losses included."""
        return tuple(
            min((achieved_speed(found, service, slot.demand[service])
                 for found, slot in self._different(service)), default=target)
            if kind == "sync" else target
            for service, (kind, target) in enumerate(
                zip(self.case.kinds, self.prepared.candidates.targets(), strict=True)))

    def _different(self, service: int) -> list[tuple[Solution, Slot]]:
        """Return the slots with a demand, those with the same nodes for a service once, at their largest demand."""
        found: dict[tuple[tuple[int, int], ...], tuple[Solution, Slot]] = {}
        for solution, slot in zip(self.by_slot, self.case.slots, strict=True):
            if not slot.demand[service]:
                continue
            key = tuple((id(one.row), one.nodes) for one in solution.chosen if one.row.service == service)
            if key not in found or found[key][1].demand[service] < slot.demand[service]:
                found[key] = (solution, slot)
        return list(found.values())


def time_plan_of(
    prepared: Prepared, case: TimeCase, found: TimeProven, with_rejections: bool = True,
    known: KnownFigures | None = None,
) -> Plan:
    """Turn the outcome into a verified plan.

    Raises:
        VerificationError: the plan breaks a rule.
    """
    targets, survive = prepared.candidates.targets(), prepared.problem.limits.survive
    if found.roster is None or found.cost is None:
        empty = plan_of(prepared, Solution(found.status, (), None, None, targets, survive), with_rejections)
        bound = None if found.bound is None else monthly_usd(found.bound, case.hours)
        return empty.model_copy(update={"bound_usd_per_month": bound})
    shown = Shown(prepared, case, found.roster)
    deployments = tuple(
        _deployment(shown, i) for i in range(len(case.rows)) if any(found.roster.use[i]))
    bound = found.cost if found.bound is None else found.bound
    plan = Plan(
        problem=prepared.problem.name,
        status=found.status,
        cost=_cost(shown, found.cost),
        bound_usd_per_month=monthly_usd(bound, case.hours),
        gap_fraction=(found.cost - bound) / found.cost if found.cost else 0.0,
        nodes=_nodes(shown),
        deployments=deployments,
        services=tuple(_service(shown, s, deployments) for s in range(len(case.kinds))),
        proposals=(),
        rejections=rejection_rows(prepared) if with_rejections else (),
        inputs=inputs_of(prepared),
        timetable=_timetable(shown),
    )
    return verify_plan(plan, prepared.problem, prepared.catalog, prepared.loaded.own_models, known)


def _node_hours(shown: Shown) -> dict[str, tuple[PricedOffer, int, int]]:
    """Return offer id -> (offer, most nodes at one time, node-hours a cycle)."""
    case, roster, found = shown.case, shown.roster, {}
    for base, count in zip(case.bases, roster.base, strict=True):
        if count:
            offer = case.rows[base.rows[0]].candidate.offer
            found[base.offer_id] = (offer, count, count * case.hours)
    runs: dict[str, list[int]] = defaultdict(lambda: [0] * len(case.slots))
    offers = {case.rows[i].offer_id: case.rows[i].candidate.offer for i in case.elastic}
    for i in case.elastic:
        for slot, count in enumerate(roster.use[i]):
            runs[case.rows[i].offer_id][slot] += count
    for offer_id, counts in runs.items():
        if any(counts):
            hours = sum(count * slot.weight for count, slot in zip(counts, case.slots, strict=True))
            found[offer_id] = (offers[offer_id], max(counts), hours)
    return dict(sorted(found.items()))


def _nodes(shown: Shown) -> tuple[Node, ...]:
    """List the nodes of each offer at their most, each at the cost of the hours it is there."""
    hours = shown.case.hours
    return tuple(
        node_of(offer, count).model_copy(update={
            "usd_per_month": monthly_usd(offer.micro_usd_per_hour * run, hours),
            "usd_per_month_low": monthly_usd(offer.range_micro_usd_per_hour[0] * run, hours),
            "usd_per_month_high": monthly_usd(offer.range_micro_usd_per_hour[1] * run, hours),
            "node_hours_per_month": float(Fraction(run * HOURS_PER_MONTH, hours)),
        })
        for offer, count, run in _node_hours(shown).values()
    )


def _cost(shown: Shown, micro: int) -> Cost:
    """Return the cost of the mean month; what output tokens cost depends on how full the nodes are, and is left out."""
    prepared, problem, hours = shown.prepared, shown.prepared.problem, shown.case.hours
    lines: dict[str, float] = defaultdict(float)
    for offer, _, run in _node_hours(shown).values():
        for line, amount in offer.breakdown.items():
            lines[line] += amount * run / hours
    rate = rate_per_usd(prepared.catalog, problem, problem.currency)
    fx, month, foreign = problem.fx, monthly_usd(micro, hours), problem.currency != "USD"
    dated = fx.as_of.isoformat() if fx else prepared.catalog.fx[problem.currency].as_of if foreign else None
    budget = shown.case.budget
    return Cost(
        usd_per_hour=float(Fraction(micro, hours * MICRO)),
        usd_per_month=month,
        breakdown={line: round(value, 6) for line, value in lines.items() if value},
        local_per_month=month * float(rate) if foreign else None,
        budget_usd_per_month=None if budget is None else monthly_usd(budget, hours),
        currency=problem.currency,
        fx_rate_per_usd=float(rate) if foreign else None,
        fx_as_of=dated,
    )


def _deployment(shown: Shown, i: int) -> Deployment:
    """Describe one way of use: its most nodes at one time, its speed in the fullest hour."""
    row, counts = shown.case.rows[i], shown.roster.use[i]
    option, offer = row.candidate.option, row.candidate.offer
    service, demand = shown.prepared.problem.services[row.service], shown.prepared.candidates.demands[row.service]
    target, per_node, nodes = service.slo.target_tokens_per_s, option.replicas_on(offer), max(counts)
    common = {
        "service_id": service.service_id, "offer_id": offer.offer_id, "engine_id": option.engine_id,
        "precision": option.precision, "tp_size": option.tp_size, "gpu_count": option.gpu_count or offer.gpu_count,
        "layout": option.layout,
        "replicas": per_node * nodes, "nodes": nodes, "load_fraction": round(_share(shown, i), 9),
        "capacity_per_node": in_user_units(demand, per_node * option.speed.amount(target)),
        "plan_speed_capacity_per_node": in_user_units(demand, amount_at(Chosen(row, 1), shown.reached[row.service])),
    }
    speed, peak = option.mixed, _fullest(shown, i)
    if not isinstance(speed, ReplicaSpeed):
        return Deployment.model_validate({
            **common, "concurrency_per_replica": speed.max_concurrency, "concurrency_at_peak": peak,
            "tokens_per_s_per_user": target or None, "ttft_ms": None, "evidence": "measured", "error_fraction": None,
            "source_url": speed.source_url})
    return Deployment.model_validate({
        **common, "concurrency_per_replica": speed.sequences(target), "concurrency_at_peak": peak,
        "tokens_per_s_per_user": speed.speed(peak), "ttft_ms": speed.ttft_ms(peak), "evidence": speed.evidence(peak),
        "error_fraction": speed.error_fraction(peak), "source_url": speed.source_url(peak)})


def _carried(shown: Shown, service: int, slot: int) -> int:
    """Return what a service's nodes carry in a slot at its plan speed."""
    reached = shown.reached[service]
    return sum(one.nodes * amount_at(one, reached) for one in shown.by_slot[slot].chosen if one.row.service == service)


def _share(shown: Shown, i: int) -> float:
    """Return a row's share of its service's requests in the busiest hour, of an async service's work in its windows."""
    row, counts, case = shown.case.rows[i], shown.roster.use[i], shown.case
    amount = amount_at(Chosen(row, 1), shown.reached[row.service])
    if case.kinds[row.service] == "sync":
        slot = shown.busiest(row.service)
        return counts[slot] * amount / _carried(shown, row.service, slot)
    seconds = [sum(work.seconds[slot] for work in case.works if work.service == row.service)
               for slot in range(len(case.slots))]
    mine = sum(count * second for count, second in zip(counts, seconds, strict=True)) * amount
    return mine / sum(_carried(shown, row.service, slot) * second for slot, second in enumerate(seconds))


def _fullest(shown: Shown, i: int) -> int:
    """Return the most requests in flight on each replica over the slots, load sent in proportion to capacity."""
    row, case = shown.case.rows[i], shown.case
    option = row.candidate.option
    speed, reached = option.mixed, shown.reached[row.service]
    if case.kinds[row.service] == "async":
        return speed.sequences(reached) if isinstance(speed, ReplicaSpeed) else speed.max_concurrency
    found = [1]
    for slot, count in enumerate(shown.roster.use[i]):
        demand = shown.demand(row.service, slot)
        if not count or not demand.amount:
            continue
        mine, total = count * amount_at(Chosen(row, 1), reached), _carried(shown, row.service, slot)
        replicas = count * option.replicas_on(row.candidate.offer)
        if isinstance(speed, ReplicaSpeed):
            found.append(concurrency_at_peak(demand, speed, mine, total, replicas, reached))
        else:
            found.append(-(-demand.amount * mine // (total * replicas)))
    return max(found)


def _service(shown: Shown, index: int, deployments: tuple[Deployment, ...]) -> ServicePlan:
    prepared = shown.prepared
    service, demand = prepared.problem.services[index], prepared.candidates.demands[index]
    mine = [one for one in deployments if one.service_id == service.service_id]
    rate, sync, slot = demand.unit == "rate", service.kind == "sync", shown.busiest(index)
    target, reached = service.slo.target_tokens_per_s, shown.reached[index]
    slowest = min((one.tokens_per_s_per_user or 0.0 for one in mine), default=0.0)
    speed = reached if (sync or target > 0) and reached else slowest or None
    carried = [sum(one.nodes * amount_at(one, target) for one in found.chosen if one.row.service == index)
               for found in shown.by_slot]
    asked, held = usage(shown, index, carried)
    return ServicePlan(
        service_id=service.service_id, model_id=service.model, kind=service.kind, ttft_limit_ms=service.slo.ttft_ms,
        e2e_limit_ms=service.slo.e2e_ms,
        peak_concurrency=sum(one.replicas * one.concurrency_at_peak for one in mine) if rate else round(demand.stated),
        capacity_concurrency=sum(one.replicas * one.concurrency_per_replica for one in mine),
        tokens_per_s_per_user=speed, grade=grade_of(speed), target_tokens_per_s=target,
        planned_concurrency=None if rate else demand.amount, peak_rps=demand.stated if rate else None,
        capacity_rps=carried[slot] / MICRO if rate else None, headroom_fraction=service.headroom_fraction,
        demand=demand.arithmetic,
        arithmetic=arithmetic(prepared, shown.by_slot[slot], index) if sync else _window_arithmetic(shown, index),
        gpu_hours_per_day=None, mean_utilisation_fraction=asked / held * shown.most_used if held else None,
        peak_utilisation_fraction=demand.amount / carried[slot] * shown.most_used if sync and carried[slot] else None,
    )


def usage(shown: Shown, service: int, carried: list[int]) -> tuple[int, int]:
    """Return (what a service asks of a cycle, what its nodes can carry), in its unit x hours or micro-requests."""
    case = shown.case
    if case.kinds[service] == "sync":
        held = sum(amount * slot.weight for amount, slot in zip(carried, case.slots, strict=True))
        return sum(slot.demand[service] * slot.weight for slot in case.slots), held
    mine = [(index, work.amount) for index, work in enumerate(case.works) if work.service == service]
    return sum(amount for _, amount in mine), sum(window_capacity(case, shown.roster, index) for index, _ in mine)


def _pairs(case: TimeCase, roster: Roster, rows: list[int]) -> list[tuple[CaseRow, tuple[int, ...]]]:
    return [(case.rows[i], roster.use[i]) for i in rows]


def window_capacity(case: TimeCase, roster: Roster, index: int) -> int:
    """Return the micro-requests that the nodes of an async service can do in one of its windows."""
    work = case.works[index]
    return sum(row.capacity * count * seconds for row, counts in _pairs(case, roster, case.of_service(work.service))
               for count, seconds in zip(counts, work.seconds, strict=True))


def _least_of_windows(shown: Shown, service: int) -> float:
    """Return the requests that can be done in a window, the least of the cycle; of runs of windows their share."""
    case, one = shown.case, shown.work(service)
    return min(
        float(Fraction(window_capacity(case, shown.roster, index) * one, work.amount * MICRO))
        for index, work in enumerate(case.works) if work.service == service)


def _window_arithmetic(shown: Shown, index: int) -> Message:
    """Spell out why the work gets done: node-hours in the window x requests an hour."""
    asked = shown.work(index) / MICRO
    terms = []
    for row, counts in _pairs(shown.case, shown.roster, shown.case.of_service(index)):
        seconds = [sum(work.seconds[slot] for work in shown.case.works if work.service == index)
                   for slot in range(len(shown.case.slots))]
        hours = sum(count * second for count, second in zip(counts, seconds, strict=True)) / SECONDS_PER_HOUR
        if hours:
            each = row.capacity / MICRO * SECONDS_PER_HOUR
            windows = shown.case.hours // 24
            terms.append(Message("capacity.window-term", hours=hours / windows, each=each))
    return Message("capacity.windows", terms=tuple(terms), held=_least_of_windows(shown, index), asked=asked)


def _timetable(shown: Shown) -> Timetable:
    case, roster = shown.case, shown.roster
    standing = {base.offer_id: count for base, count in zip(case.bases, roster.base, strict=True) if count}
    price = sum(base.price * count for base, count in zip(case.bases, roster.base, strict=True))
    slots = tuple(_slot(shown, index, price) for index in range(len(case.slots)))
    hourly = sum(case.rows[i].price * count * slot.weight for i in case.elastic
                 for slot, count in zip(case.slots, roster.use[i], strict=True))
    return Timetable(
        hours=case.hours, standing=dict(sorted(standing.items())), slots=slots, work=_works(shown),
        standing_usd_per_month=monthly_usd(price * case.hours, case.hours),
        hourly_usd_per_month=monthly_usd(hourly, case.hours))


def _slot(shown: Shown, index: int, standing_price: int) -> TimeSlot:
    case, roster, slot = shown.case, shown.roster, shown.case.slots[index]
    hourly = [(case.rows[i].price, roster.use[i][index]) for i in case.elastic]
    running = tuple(
        RunningNodes(
            service_id=shown.prepared.problem.services[row.service].service_id, offer_id=row.offer_id,
            engine_id=row.engine, nodes=counts[index])
        for row, counts in zip(case.rows, roster.use, strict=True) if counts[index])
    demands = shown.prepared.candidates.demands
    return TimeSlot(
        hours=slot.hours,
        demand={service.service_id: in_user_units(demands[s], slot.demand[s])
                for s, service in enumerate(shown.prepared.problem.services) if service.kind == "sync"},
        running=running, standing_nodes=sum(roster.base), hourly_nodes=sum(count for _, count in hourly),
        usd_per_hour=usd(standing_price + sum(price * count for price, count in hourly)))


def _works(shown: Shown) -> tuple[WindowWork, ...]:
    return tuple(
        WindowWork(
            service_id=service.service_id, start_hour=service.deadline.start_hour,
            end_hour=service.deadline.end_hour, requests=shown.work(index) / MICRO,
            capacity_requests=_least_of_windows(shown, index))
        for index, service in enumerate(shown.prepared.problem.services) if service.deadline is not None)
