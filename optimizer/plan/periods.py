"""Read what a search found as a plan of periods, in the user's words and units, and have it verified."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.candidates import Candidate
from optimizer.costs import PricedOffer
from optimizer.demand import HOURS_PER_DAY, SECONDS_PER_HOUR
from optimizer.formulation import CaseRow
from optimizer.messages import Message
from optimizer.plan.hosted import carried_by_apis, hosted_supplies, shares_in
from optimizer.plan.money import cost_plan, node_lines
from optimizer.plan.placing import Held, placed, standing_nodes
from optimizer.plan.roadmap import roadmap_plan
from optimizer.question.build import Asked
from optimizer.question.question import NOTHING, Loss, Situation, Way
from optimizer.schema.base import grade_of
from optimizer.schema.plan import (
    Deployment,
    LossPlan,
    Node,
    NodeLayout,
    Period,
    PeriodDemand,
    Plan,
    RunningReplicas,
    ServicePlan,
    WindowWork,
)
from optimizer.schema.problem import Survive
from optimizer.solve.extract import NO_COST, deployment_of, in_user_units, inputs_of, rejection_rows, service_plan_of
from optimizer.solve.extract_classes import placed_of, routed_deployment
from optimizer.solve.prepare import Prepared
from optimizer.solve.search import Chosen, Solution, achieved_speed, amount_at
from optimizer.strategies.search import Found
from optimizer.units import MICRO
from optimizer.verify.known import KnownFigures

Key = tuple[str, str, tuple[str, str, int, int, str]]
"""Service, offer, and engine, precision, tensor parallel, GPUs: what tells deployments apart."""


@dataclass(frozen=True)
class Running:
    """One service on nodes of one offer in one situation."""

    key: Key
    way: Way
    offer: PricedOffer
    """With the GPUs of one replica only, where nodes are shared."""
    count: int
    """Whole nodes, or replicas where nodes are shared."""
    replicas: int
    nodes: int
    """That hold one or more of the replicas."""

    @property
    def chosen(self) -> Chosen:
        """The same as nodes of a solution."""
        row = CaseRow(
            self.way.service, 0, 0, self.way.capacity, self.count, self.offer.gpu_id, self.offer.provider,
            self.offer.place, self.way.engine, 0, (self.offer.offer_id, *self.way.option.order),
            Candidate(self.offer, self.way.option, self.way.capacity, None, self.way.classes), self.way.classes)
        return Chosen(row, self.count)


@dataclass(frozen=True)
class Shown:
    """A question with its answer, to be read out."""

    asked: Asked
    found: Found

    @property
    def prepared(self) -> Prepared:
        """The problem at the largest demand of any period, with its candidates."""
        return self.asked.prepared

    @cached_property
    def situations(self) -> tuple[Situation, ...]:
        """Every period, and every loss in it after which replicas are placed again."""
        periods = [Situation(period) for period in range(len(self.asked.calendar.periods))]
        losses = sorted({where for where, _ in self.found.uses if where.loss != NOTHING and self._happens(where)},
                        key=lambda where: (where.period, where.loss))
        return (*periods, *losses)

    def _happens(self, situation: Situation) -> bool:
        """Say whether a loss can happen to what stands: so many nodes of each kind are there, or some of a place."""
        stands = standing_nodes(self.found, Situation(situation.period))
        supplies = self.found.question.supplies
        kinds: dict[tuple[str, int], int] = defaultdict(int)
        for number, count in stands.items():
            kinds[str(supplies[number].host), supplies[number].gpus] += count
        if situation.loss.nodes:
            return self.found.question.can_happen(situation.loss, kinds)
        return any(situation.loss.takes(supplies[number]) for number in stands)

    @cached_property
    def held(self) -> dict[Situation, tuple[Held, ...]]:
        """What nodes hold in each situation."""
        return {situation: placed(self.found, situation) for situation in self.situations}

    @cached_property
    def running(self) -> dict[Situation, tuple[Running, ...]]:
        """Who runs where in each situation."""
        return {situation: tuple(self._running(held)) for situation, held in self.held.items()}

    def _running(self, held: Sequence[Held]) -> list[Running]:
        counts: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
        offers: dict[str, PricedOffer] = {}
        question = self.found.question
        for one in held:
            offer = question.supplies[one.supply].offer
            offers[offer.offer_id] = offer
            for place, each in one.holds:
                entry = counts[place, offer.offer_id]
                entry[0] += each * one.nodes
                entry[1] += one.nodes
        found = []
        for (position, offer_id), (count, nodes) in sorted(counts.items()):
            way, offer = question.ways[position], offers[offer_id]
            key = (self.service_id(way.service), offer_id, way.option.order)
            if way.gpus:
                found.append(Running(key, way, replace(offer, gpu_count=way.gpus), count, count, nodes))
            else:
                found.append(Running(key, way, offer, count, count * way.option.replicas_on(offer), nodes))
        return found

    def service_id(self, service: int) -> str:
        """Name a service."""
        return self.asked.problem.services[service].service_id

    def amount(self, service: int, period: int) -> int:
        """Return what a service asks in a period."""
        return self.asked.calendar.periods[period].demand[service]

    def left_to_nodes(self, service: int, period: int) -> int:
        """Return what a service asks of the nodes in a period: what hosted APIs do not carry."""
        return max(0, self.amount(service, period) - carried_by_apis(self.found, service, period))

    def after(self, service: int, situation: Situation) -> int:
        """Return what a service asks of the nodes in a situation: a lost provider's APIs carry nothing."""
        question, lost = self.found.question, situation.loss.place[:1]
        gone = sum(question.hosted[i].each[situation.period] * parts for (period, i), parts in self.found.hosted.items()
                   if period == situation.period and question.hosted[i].service == service
                   and (question.hosted[i].api.provider,) == lost)
        whole = self.amount(service, situation.period)
        return min(whole, self.left_to_nodes(service, situation.period) + gone)

    def is_waiting(self, service: int) -> bool:
        """Say whether a service's work is done in windows of its own."""
        return service in self.found.question.waiting

    def solution(self, situation: Situation) -> Solution:
        """Return what runs in a situation as a solution of its own; without a loss, spare nodes may be lost."""
        question = self.found.question
        spare = Survive() if question.replaced else self.asked.problem.limits.survive
        survive = spare if situation.loss == NOTHING else Survive()
        chosen = tuple(one.chosen for one in self.running[situation])
        period = self.asked.calendar.periods[situation.period]
        return Solution("feasible", chosen, None, None, self.prepared.candidates.targets(), survive,
                        question.spot_share if situation.loss == NOTHING else None, period.classes)

    @cached_property
    def solutions(self) -> dict[Situation, Solution]:
        """Each situation as a solution."""
        return {situation: self.solution(situation) for situation in self.situations}

    @cached_property
    def reached(self) -> tuple[float, ...]:
        """The plan speed of each service: what its nodes keep in every situation."""
        return tuple(self._reached(service) for service in range(len(self.asked.problem.services)))

    def _reached(self, service: int) -> float:
        target = self.prepared.candidates.targets()[service]
        if self.is_waiting(service) or (self.asked.problem.services[service].kind == "async" and not target):
            return target
        speeds, seen = [], set()
        for situation, solution in self.solutions.items():
            amount = self.after(service, situation)
            mine = tuple((id(one.row.candidate.option), one.row.offer_id, one.nodes) for one in solution.of(service))
            if amount and (mine, amount, situation.loss == NOTHING) not in seen:
                seen.add((mine, amount, situation.loss == NOTHING))
                speeds.append(achieved_speed(solution, service, amount))
        return min(speeds, default=target)

    def at(self, period: int, of_nodes: bool = False) -> Prepared:
        """Return the problem with what is asked in one period, of everything or of the nodes alone."""
        candidates = self.prepared.candidates

        def asked(service: int, period: int) -> int:
            """Count at least something of what is asked, so that nodes which stand for a loss alone are described."""
            whole = self.amount(service, period)
            return max(min(1, whole), self.left_to_nodes(service, period)) if of_nodes else whole

        demands = tuple(
            demand if self.is_waiting(service) else replace(demand, amount=asked(service, period))
            for service, demand in enumerate(candidates.demands))
        return replace(self.prepared, candidates=replace(candidates, demands=demands))

    def busiest(self, service: int) -> int:
        """Return the period in which a service asks most; of waiting work the one in which most of it runs."""
        periods = range(len(self.asked.calendar.periods))

        def fullness(period: int) -> tuple[int, int, int]:
            runs = sum(one.count for one in self.running[Situation(period)] if one.way.service == service)
            return self.amount(service, period), runs, -period

        return max(periods, key=fullness)

    def deployments_in(self, situation: Situation) -> dict[Key, Deployment]:
        """Describe what runs in one situation as a plan of it alone."""
        prepared = self.at(situation.period, of_nodes=True)
        solution, found = self.solutions[situation], {}
        routed = {
            id(one.chosen.row): routed_deployment(one, self.asked.problem.limits.max_utilisation_fraction)
            for service in range(len(self.reached)) if solution.is_routed(service) and solution.of(service)
            for one in placed_of(prepared, solution, service, self.reached[service])}
        for running, chosen in zip(self.running[situation], solution.chosen, strict=True):
            service = running.way.service
            one = routed.get(id(chosen.row))
            if one is None:
                demand = prepared.candidates.demands[service]
                if not demand.amount:
                    continue
                one = deployment_of(prepared, solution, chosen, self.reached[service])
                each = in_user_units(demand, amount_at(Chosen(chosen.row, 1), self.reached[service]))
                one = one.model_copy(update={"plan_speed_capacity_per_node": each})
            found[running.key] = one.model_copy(update={"nodes": running.nodes, "replicas": running.replicas})
        return found

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        """Each service on each offer: its most nodes at one time, its speed in the fullest period."""
        found: dict[Key, Deployment] = {}
        busiest = {self.service_id(service): self.busiest(service) for service in range(len(self.reached))}
        shares: dict[Key, float] = {}
        for situation in self.situations:
            for key, one in self.deployments_in(situation).items():
                known = found.get(key)
                most = one if known is None or one.concurrency_at_peak > known.concurrency_at_peak else known
                found[key] = most.model_copy(update={
                    "nodes": max(one.nodes, known.nodes if known else 0),
                    "replicas": max(one.replicas, known.replicas if known else 0)})
                if situation == Situation(busiest[key[0]]):
                    shares[key] = one.load_fraction
        return tuple(
            one.model_copy(update={"load_fraction": shares.get(key, 0.0)}) for key, one in sorted(found.items()))


def plan_of_periods(
    asked: Asked, found: Found, with_rejections: bool = True, known: KnownFigures | None = None
) -> Plan:
    """Turn an answer into a verified plan.

    Raises:
        VerificationError: the plan breaks a rule.
    """
    problem, money = asked.problem, asked.money
    empty = Plan(
        problem=problem.name, status=found.status, cost=NO_COST,
        bound_usd_per_month=None if found.status == "infeasible" else money.usd_per_month(found.bound),
        gap_fraction=None, nodes=(), deployments=(), services=(), proposals=(),
        rejections=rejection_rows(asked.prepared) if with_rejections else (), inputs=inputs_of(asked.prepared),
        sharing=problem.sharing, method=found.method)
    if not found.has_plan or found.cost is None:
        return empty
    shown = Shown(asked, found)
    plan = empty.model_copy(update={
        "cost": cost_plan(asked, found),
        "gap_fraction": (found.cost - found.bound) / found.cost if found.cost else 0.0,
        "nodes": _with_idle(node_lines(asked, found), shown),
        "deployments": shown.deployments,
        "services": tuple(_service(shown, service) for service in range(len(problem.services))),
        "periods": tuple(_period(shown, period) for period in range(len(asked.calendar.periods))),
        "work": _works(shown),
        "hosted": hosted_supplies(asked, found),
        "roadmap": roadmap_plan(asked, found),
    })
    from optimizer.verify.periods import verify_periods  # most plans have none

    return verify_periods(plan, problem, asked.prepared.catalog, asked.prepared.loaded.own_models, known)


def _with_idle(nodes: Sequence[Node], shown: Shown) -> tuple[Node, ...]:
    """Mark the nodes that stand only because they must be held: nothing runs on them in any situation."""
    held = dict(shown.found.question.at_least)
    used = {one.offer_id for one in shown.deployments}
    return tuple(
        node.model_copy(update={"idle": node.count}) if node.offer_id in held and node.offer_id not in used else node
        for node in nodes)


def _service(shown: Shown, service: int) -> ServicePlan:
    """Describe what one service gets, its arithmetic that of its busiest period."""
    period = shown.busiest(service)
    prepared, solution = shown.at(period), shown.solutions[Situation(period)]
    reached = shown.reached[service]
    mine = [one for one in shown.deployments if one.service_id == shown.service_id(service)]
    every = shown.deployments_in(Situation(period)).values()
    here = [one for one in every if one.service_id == shown.service_id(service)]
    parts = placed_of(prepared, solution, service, reached) if solution.is_routed(service) else []
    plan = service_plan_of(prepared, solution, service, reached, here, parts)
    rate = prepared.candidates.demands[service].unit == "rate"
    changes: dict[str, object] = {
        "capacity_concurrency": sum(one.replicas * one.concurrency_per_replica for one in mine),
        "peak_concurrency": sum(one.replicas * one.concurrency_at_peak for one in mine) if rate
        else plan.peak_concurrency,
        "gpu_hours_per_day": None, "mean_utilisation_fraction": _mean_use(shown, service),
    }
    if shown.asked.shares_nodes and not parts:
        changes["arithmetic"] = _by_replicas(shown, service, period)
    if any(one.service == service for one in shown.found.question.hosted) and carried_by_apis(
            shown.found, service, period):
        changes["arithmetic"] = _with_apis(shown, service, period)
    if not mine:
        stated = [one.tokens_per_s for one in hosted_supplies(shown.asked, shown.found)
                  if one.service_id == shown.service_id(service)]
        slow = None if None in stated else min(filter(None, stated), default=None)
        changes |= {"tokens_per_s_per_user": slow, "grade": grade_of(slow)}
    if shown.is_waiting(service):
        slowest = min((one.tokens_per_s_per_user or 0.0 for one in mine), default=0.0)
        speed = reached or slowest or None
        changes |= {"capacity_rps": None, "peak_utilisation_fraction": None, "tokens_per_s_per_user": speed,
                    "grade": grade_of(speed),
                    "arithmetic": _in_windows(shown, service)}
    return plan.model_copy(update=changes)


def _mean_use(shown: Shown, service: int) -> float | None:
    """Return the share of what nodes carry over the hours that is asked, reserves left out; None without hours."""
    question = shown.found.question
    if not question.periods[0].hours or question.routes(service) or shown.found.hosted:
        return None
    asked = held = 0
    if shown.is_waiting(service):
        for work in question.works:
            if work.service == service:
                asked, held = asked + work.amount, held + _done(shown, service, work.seconds)
    else:
        target = shown.prepared.candidates.targets()[service]
        for number, period in enumerate(question.periods):
            mine = shown.solutions[Situation(number)].of(service)
            asked += period.demand[service] * period.weight
            held += sum(one.nodes * amount_at(one, target) for one in mine) * period.weight
    return asked / held * shown.asked.problem.limits.max_utilisation_fraction if held else None


def _in_windows(shown: Shown, service: int) -> Message:
    """Spell out why work gets done: node-hours in the window x requests an hour; of a roadmap, that it does."""
    question, terms = shown.found.question, []
    if shown.asked.problem.roadmap is not None or shown.found.hosted:
        return Message("capacity.in-windows")
    seconds = [sum(work.seconds[period] for work in question.works if work.service == service)
               for period in range(len(question.periods))]
    hours: dict[int, int] = defaultdict(int)
    for period, second in enumerate(seconds):
        for one in shown.running[Situation(period)]:
            if one.way.service == service:
                hours[one.way.capacity] += one.count * second
    for capacity, spent in hours.items():
        days = shown.asked.calendar.cycle_hours // HOURS_PER_DAY
        if spent:
            terms.append(Message("capacity.window-term", hours=spent / SECONDS_PER_HOUR / days,
                                 each=capacity / MICRO * SECONDS_PER_HOUR))
    told = next(one for one in _works(shown) if one.service_id == shown.service_id(service))
    return Message("capacity.windows", terms=tuple(terms), held=told.capacity_requests, asked=told.requests)


def _by_replicas(shown: Shown, service: int, period: int) -> Message:
    """Spell out why replicas on shared nodes are enough: 3 replicas x 14 requests = 42 >= 40."""
    demand, target = shown.prepared.candidates.demands[service], shown.prepared.candidates.targets()[service]
    rate = demand.unit == "rate"
    terms, held = [], 0.0
    for one in shown.solutions[Situation(period)].of(service):
        each = in_user_units(demand, amount_at(Chosen(one.row, 1), target))
        held += one.nodes * each
        amount = Message("capacity.rps", amount=each) if rate else Message("capacity.requests", amount=f"{each:g}")
        terms.append(Message("capacity.term", parts=(Message("capacity.shared", n=one.nodes), amount)))
    asked = in_user_units(demand, shown.amount(service, period))
    return Message("capacity.sum-rate" if rate else "capacity.sum", terms=tuple(terms), held=held, asked=asked)


def _with_apis(shown: Shown, service: int, period: int) -> Message:
    """Spell out what nodes and hosted APIs carry together: nodes 20 + provider model 6 = 26 >= 24."""
    told = _demand(shown, service, period)
    terms, held = [], told.capacity
    if told.capacity:
        terms.append(Message("capacity.by-nodes", amount=told.capacity))
    for one in shares_in(shown.asked, shown.found, period):
        if one.service_id == shown.service_id(service):
            terms.append(Message("capacity.by-api", amount=one.amount, provider=one.provider, model=one.api_model))
            held += one.amount
    return Message("capacity.sum", terms=tuple(terms), held=held, asked=told.amount)


def _period(shown: Shown, period: int) -> Period:
    asked, one = shown.asked, shown.asked.calendar.periods[period]
    stands: dict[str, int] = defaultdict(int)
    for number, count in standing_nodes(shown.found, Situation(period)).items():
        stands[shown.found.question.supplies[number].offer.offer_id] += count
    losses = [situation for situation in shown.situations
              if situation.period == period and situation.loss != NOTHING]
    return Period(
        label=_label(asked, period), quarter=one.quarter if asked.problem.roadmap else None, hours=one.hours,
        demand=tuple(_demand(shown, service, period) for service in range(len(asked.problem.services))),
        nodes=dict(sorted(stands.items())), running=_lines(shown, Situation(period)),
        layouts=_layouts(shown, Situation(period)), losses=tuple(_loss(shown, situation) for situation in losses),
        hosted=shares_in(asked, shown.found, period))


def _label(asked: Asked, period: int) -> str:
    from optimizer.costs.quarters import Calendar as Quarters

    one, parts = asked.calendar.periods[period], []
    if asked.problem.roadmap is not None:
        parts.append(Quarters.of(asked.problem.roadmap, asked.problem).label(one.quarter))
    if one.hours:
        parts.append("hours " + _ranges(one.hours))
    return " ".join(parts) or "peak"


def _ranges(hours: Sequence[int]) -> str:
    """Write hours as ranges.

    >>> _ranges((0, 1, 2, 5, 23))
    '0-2, 5, 23'
    """
    parts: list[list[int]] = []
    for hour in sorted(hours):
        if parts and parts[-1][1] == hour - 1:
            parts[-1][1] = hour
        else:
            parts.append([hour, hour])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _demand(shown: Shown, service: int, period: int) -> PeriodDemand:
    demand = shown.prepared.candidates.demands[service]
    target = shown.prepared.candidates.targets()[service]
    held = sum(one.nodes * amount_at(one, target) for one in shown.solutions[Situation(period)].of(service)) if not (
        shown.found.question.routes(service)) else sum(
        one.nodes * one.row.capacity for one in shown.solutions[Situation(period)].of(service))
    return PeriodDemand(
        service_id=shown.service_id(service), amount=in_user_units(demand, shown.amount(service, period)),
        capacity=in_user_units(demand, held))


def _lines(shown: Shown, situation: Situation) -> tuple[RunningReplicas, ...]:
    return tuple(
        RunningReplicas(
            service_id=one.key[0], offer_id=one.key[1], engine_id=one.way.engine, precision=one.way.option.precision,
            tp_size=one.way.option.tp_size, gpu_count=one.way.option.gpu_count or one.offer.gpu_count,
            replicas=one.replicas, nodes=one.nodes)
        for one in sorted(shown.running[situation], key=lambda one: one.key))


def _layouts(shown: Shown, situation: Situation) -> tuple[NodeLayout, ...]:
    if not shown.asked.shares_nodes:
        return ()
    question, found = shown.found.question, []
    for held in shown.held[situation]:
        offer = question.supplies[held.supply].offer
        used = sum(question.ways[way].gpus * count for way, count in held.holds)
        found.append(NodeLayout(
            offer_id=offer.offer_id, count=held.nodes, free_gpus=offer.gpu_count - used,
            replicas=tuple(
                RunningReplicas(
                    service_id=shown.service_id(question.ways[way].service), offer_id=offer.offer_id,
                    engine_id=question.ways[way].engine, precision=question.ways[way].option.precision,
                    tp_size=question.ways[way].option.tp_size, gpu_count=question.ways[way].gpus, replicas=count,
                    nodes=1)
                for way, count in held.holds)))
    return tuple(found)


def _loss(shown: Shown, situation: Situation) -> LossPlan:
    return LossPlan(
        kind=situation.loss.kind, lost=_lost(shown, situation.loss), running=_lines(shown, situation),  # type: ignore[arg-type]
        layouts=_layouts(shown, situation))


def _lost(shown: Shown, loss: Loss) -> str:
    """Name what is lost: `h100-sxm-80gb x 8` for a node of eight, or a provider and its region."""
    if loss.place:
        return "/".join(loss.place)
    named = {(str(supply.host), supply.gpus): f"{supply.offer.gpu_id} x {supply.gpus}"
             for supply in shown.found.question.supplies}
    return " + ".join(named[kind] for kind in loss.nodes)


def _works(shown: Shown) -> tuple[WindowWork, ...]:
    """Say for each service and quarter what its nodes can do in a window, the least of the cycle."""
    question, found = shown.found.question, []
    problem, quarters = shown.asked.problem, shown.asked.calendar.quarters
    for service, one in enumerate(problem.services):
        for quarter in range(quarters) if one.deadline is not None and shown.is_waiting(service) else ():
            windows = [work for work in question.works if work.service == service and any(
                work.seconds[p] for p, period in enumerate(question.periods) if period.quarter == quarter)]
            least = min(windows, key=lambda work: Fraction(_done(shown, service, work.seconds), work.amount))
            each = min(work.amount for work in windows)
            found.append(WindowWork(
                service_id=one.service_id, start_hour=one.deadline.start_hour, end_hour=one.deadline.end_hour,  # type: ignore[union-attr]
                requests=each / MICRO,
                capacity_requests=float(Fraction(_done(shown, service, least.seconds) * each, least.amount * MICRO)),
                quarter=quarter if problem.roadmap else None))
    return tuple(found)


def _done(shown: Shown, service: int, seconds: Sequence[int]) -> int:
    return sum(
        one.count * one.way.capacity * second
        for period, second in enumerate(seconds) if second
        for one in shown.running[Situation(period)] if one.way.service == service)
