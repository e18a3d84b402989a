"""Check any plan again in plain Python, from the problem and the catalog: no solver, no formulation.

Each rule of `formulation/constraints.py` has its twin here, `check_<rule>`, stated in the user's own quantities; the
objective's twin recomputes the cost. What a replica can carry is derived from its speed curve and its memory, request by
request, not taken from the candidates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.costs import PricedOffer, price_of, rate_per_usd
from optimizer.demand import ServiceDemand, demand_of, poisson_cdf
from optimizer.engines import refusal
from optimizer.errors import VerificationError
from optimizer.load import Catalog
from optimizer.memory import memory_fit
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Deployment, Plan
from optimizer.schema.problem import Problem, RequestClass, Service
from optimizer.throughput import Question, SpeedCurve, speed_curve
from optimizer.throughput.curve import slow_end
from optimizer.units import HOURS_PER_MONTH, MICRO, exact

TOLERANCE = 1e-9
"""Relative slack for quantities that were divided and multiplied back."""


@dataclass(frozen=True)
class Subject:
    """A plan with what it must be held against."""

    plan: Plan
    problem: Problem
    catalog: Catalog
    own_models: dict[str, LlmModel]

    @cached_property
    def offers(self) -> dict[str, PricedOffer | None]:
        """The plan's offers, priced again."""
        return {node.offer_id: price_of(node.offer_id, self.catalog, self.problem) for node in self.plan.nodes}

    @cached_property
    def demands(self) -> dict[str, ServiceDemand]:
        """Demand of each service, derived again."""
        return {service.service_id: demand_of(service) for service in self.problem.services}

    def service(self, service_id: str) -> Service:
        """Find a service of the problem."""
        return next(s for s in self.problem.services if s.service_id == service_id)

    def model(self, service: Service) -> LlmModel:
        """Find the model of a service."""
        if service.model in self.own_models:
            return self.own_models[service.model]
        names = self.catalog.model_names
        return self.catalog.models.get(service.model) or self.catalog.models[names[service.model.lower()]]

    def of_service(self, service_id: str) -> list[Deployment]:
        """List the deployments of a service."""
        return [d for d in self.plan.deployments if d.service_id == service_id]

    def stated_capacity(self, deployment: Deployment) -> int | None:
        """Return a capacity that `capacities.csv` states outright."""
        row = self.catalog.capacities.get((deployment.service_id, deployment.offer_id))
        return row.max_concurrency if row else None

    def node_capacity(self, deployment: Deployment) -> Fraction:
        """Return the demand that one node of a deployment carries, as the plan claims it."""
        per_node = exact(deployment.capacity_per_node)
        return min(per_node, Fraction(self.amount(deployment.service_id)))

    def amount(self, service_id: str) -> Fraction:
        """Return a service's demand in requests in flight or requests/s, headroom included."""
        demand = self.demands[service_id]
        return Fraction(demand.amount) if demand.unit == "concurrency" else Fraction(demand.amount, MICRO)

    def curves(self, deployment: Deployment) -> list[SpeedCurve | None]:
        """Ask for the speed curve of every request class of a deployment's replica."""
        service = self.service(deployment.service_id)
        catalog = self.catalog
        offer = self.offers[deployment.offer_id]
        if offer is None:
            return [None]
        return [
            speed_curve(catalog, Question(
                self.model(service), deployment.precision, catalog.precisions[deployment.precision], catalog.gpus[offer.gpu_id],
                deployment.engine_id, catalog.engines[deployment.engine_id], deployment.tp_size, deployment.gpu_count,
                request.isl_tokens, request.osl_tokens))
            for request in service.workload
        ]


Check = Callable[[Subject], Iterator[str]]


def check_known_offers(subject: Subject) -> Iterator[str]:
    """Every node is an offer of the catalog with the facts that the plan prints."""
    for node in subject.plan.nodes:
        offer = subject.offers[node.offer_id]
        if offer is None:
            yield f"{node.offer_id} is no offer of the catalog"
        elif (offer.gpu_id, offer.gpu_count, offer.kind, offer.provider, offer.region, offer.term_months) != (
            node.gpu_id, node.gpu_count, node.kind, node.provider, node.region, node.term_months
        ):
            yield f"{node.offer_id} is not the node that the plan describes"


def check_policy(subject: Subject) -> Iterator[str]:
    """Every node is of an allowed kind, GPU, provider and region, within the longest term."""
    limits = subject.problem.limits
    for node in subject.plan.nodes:
        if node.kind not in limits.kinds:
            yield f"{node.offer_id}: kind {node.kind} is not allowed"
        if node.kind == "reserved" and node.term_months > limits.max_term_months:
            yield f"{node.offer_id}: term of {node.term_months} months is too long"
        for selection, name in ((limits.gpus, node.gpu_id), (limits.providers, node.provider), (limits.regions, node.region)):
            if selection.refuses(name):
                yield f"{node.offer_id}: {selection.refuses(name)}"


def check_deployments_fill_nodes(subject: Subject) -> Iterator[str]:
    """Nodes bought equal nodes deployed, and replicas are whole replicas on whole nodes."""
    deployed: dict[str, int] = defaultdict(int)
    counts = {node.offer_id: node.gpu_count for node in subject.plan.nodes}
    for one in subject.plan.deployments:
        deployed[one.offer_id] += one.nodes
        stated = subject.stated_capacity(one) is not None
        per_node = 1 if stated else counts.get(one.offer_id, 0) // one.gpu_count
        if one.replicas != one.nodes * per_node or one.replicas < 1:
            yield f"{one.offer_id}: {one.replicas} replicas on {one.nodes} nodes of {per_node} each"
    for node in subject.plan.nodes:
        if deployed.pop(node.offer_id, 0) != node.count or node.count < 1:
            yield f"{node.offer_id}: bought {node.count}, deployed otherwise"
    for offer_id in deployed:
        yield f"{offer_id}: deployed but not bought"


def check_engines_run(subject: Subject) -> Iterator[str]:
    """Every deployment's engine runs its model at its precision on its GPUs, and the service allows both."""
    for one in subject.plan.deployments:
        offer = subject.offers[one.offer_id]
        if subject.stated_capacity(one) is not None or offer is None:
            continue
        service = subject.service(one.service_id)
        model, engine = subject.model(service), subject.catalog.engines[one.engine_id]
        why = refusal(engine, model, one.precision, subject.catalog.gpus[offer.gpu_id], one.tp_size)
        if why:
            yield f"{one.offer_id}: {why}"
        if service.engines is not None and one.engine_id not in service.engines:
            yield f"{one.offer_id}: engine {one.engine_id} is not allowed"
        if one.precision not in (service.precisions or (model.native_precision,)):
            yield f"{one.offer_id}: precision {one.precision} is not allowed"
        if service.full_context_tokens > model.context_limit_tokens:
            yield f"{one.service_id}: the context exceeds the model's limit"


def _keeps_promise(subject: Subject, service: Service, request: RequestClass, curve: SpeedCurve, concurrency: int) -> bool:
    """Say whether one class alone, so many in flight, keeps speed, TTFT and end-to-end time."""
    slo, confidence = service.slo, subject.problem.limits.speed_confidence
    ttft, tpot = _planned_ms(curve, concurrency, confidence)
    if 1000 / tpot < slo.target_tokens_per_s or (slo.ttft_ms is not None and ttft > slo.ttft_ms):
        return False
    return slo.e2e_ms is None or ttft + (request.osl_tokens - 1) * tpot <= slo.e2e_ms * (1 + TOLERANCE)


def _planned_ms(curve: SpeedCurve, concurrency: int, confidence: float | None) -> tuple[float, float]:
    """Return (TTFT, TPOT) at the end of the error bar that is planned with."""
    error = curve.error_fraction(concurrency)
    ttft_error = error if curve.ttft_measured else curve.ttft_error_fraction
    return curve.ttft_ms(concurrency) * slow_end(ttft_error, confidence), curve.tpot_ms(concurrency) * slow_end(error, confidence)


def _fits(subject: Subject, one: Deployment, request: RequestClass, curve: SpeedCurve, concurrency: int) -> bool:
    """Say whether the KV cache of a replica holds so many requests of one class, or a measured row shows it."""
    if concurrency <= curve.proven_concurrency:
        return True
    offer = subject.offers[one.offer_id]
    if offer is None:
        return False
    model, catalog = subject.model(subject.service(one.service_id)), subject.catalog
    fit = memory_fit(model, catalog.precisions[one.precision], catalog.engines[one.engine_id], catalog.gpus[offer.gpu_id],
                     one.tp_size, max_num_seqs=concurrency)
    return fit.max_concurrency(request.isl_tokens + request.osl_tokens) >= concurrency


MOST_FOLLOWED = 1024
"""Requests in flight up to which a class of a mix is followed alone."""


def check_replica_promise(subject: Subject) -> Iterator[str]:
    """At every number of requests in flight up to a replica's limit speed, TTFT, end-to-end time and memory are kept.

    A mix of classes loads a replica by the sum of c x share / (what the class alone reaches).
    """
    least = subject.problem.limits.evidence
    for one in subject.plan.deployments:
        if subject.stated_capacity(one) is not None:
            continue
        service = subject.service(one.service_id)
        limit, load = one.concurrency_per_replica, 0.0
        weights = [request.share_fraction * request.osl_tokens for request in service.workload]
        for request, curve, weight in zip(service.workload, subject.curves(one), weights, strict=True):
            if curve is None:
                yield f"{one.offer_id}: no speed is known"
                return
            curve = replace(curve, least_evidence=least)
            most = limit if len(weights) == 1 else MOST_FOLLOWED
            most = most if least == "estimated" else min(most, curve.last_measured)
            held = 0
            while held < most and _keeps_promise(subject, service, request, curve, held + 1) and _fits(subject, one, request, curve, held + 1):
                held += 1
            load += weight / sum(weights) * limit / held if held else float("inf")
        if load > 1 + TOLERANCE:
            yield f"{one.offer_id}: {limit} requests in flight break the promise (load {load:.3f} of a replica)"


def check_memory(subject: Subject) -> Iterator[str]:
    """The KV cache of a replica holds one request of full length."""
    for one in subject.plan.deployments:
        offer = subject.offers[one.offer_id]
        if subject.stated_capacity(one) is not None or offer is None:
            continue
        service, catalog = subject.service(one.service_id), subject.catalog
        fit = memory_fit(subject.model(service), catalog.precisions[one.precision], catalog.engines[one.engine_id],
                         catalog.gpus[offer.gpu_id], one.tp_size, max_num_seqs=1)
        proven = all(curve is not None and curve.proven_concurrency for curve in subject.curves(one))
        if fit.max_concurrency(service.full_context_tokens) < 1 and not proven:
            yield f"{one.offer_id}: the KV cache does not hold one request of full length"


def check_node_capacity(subject: Subject) -> Iterator[str]:
    """What the plan says a node carries follows from its replicas: their limit, or the rate that stays within it."""
    for one in subject.plan.deployments:
        demand, stated = subject.demands[one.service_id], subject.stated_capacity(one)
        if stated is not None:
            if one.capacity_per_node > stated:
                yield f"{one.offer_id}: claims {one.capacity_per_node:g}, {stated} is stated"
            continue
        replicas = one.replicas // one.nodes
        if demand.unit == "concurrency":
            if one.capacity_per_node != replicas * one.concurrency_per_replica:
                yield f"{one.offer_id}: claims {one.capacity_per_node:g} requests on {replicas} replicas of {one.concurrency_per_replica}"
            continue
        in_flight = one.capacity_per_node / replicas * _latency_s(subject, one)
        if demand.percentile is None:
            if in_flight > one.concurrency_per_replica * (1 + TOLERANCE):
                yield f"{one.offer_id}: {one.capacity_per_node:g} requests/s keep more than its sequences in flight"
        elif poisson_cdf(one.concurrency_per_replica, in_flight) < demand.percentile - TOLERANCE:
            yield f"{one.offer_id}: {one.capacity_per_node:g} requests/s exceed its sequences too often"


def _latency_s(subject: Subject, one: Deployment) -> float:
    """Return the mean seconds a request is in flight at a deployment's limit, at the end of the error bar planned with."""
    service, confidence = subject.service(one.service_id), subject.problem.limits.speed_confidence
    total = 0.0
    for request, curve in zip(service.workload, subject.curves(one), strict=True):
        if curve is None:
            continue
        ttft, tpot = _planned_ms(replace(curve, least_evidence=subject.problem.limits.evidence), one.concurrency_per_replica, confidence)
        total += request.share_fraction * (ttft + (request.osl_tokens - 1) * tpot) / 1000
    return total


def check_meet_demand(subject: Subject) -> Iterator[str]:
    """Every service gets at least its demand."""
    for service in subject.problem.services:
        held = sum((one.nodes * subject.node_capacity(one) for one in subject.of_service(service.service_id)), Fraction(0))
        needed = subject.amount(service.service_id)
        if held < needed:
            yield f"{service.service_id}: carries {float(held):g}, {float(needed):g} needed"


def check_respect_stock(subject: Subject) -> Iterator[str]:
    """No offer is used beyond its stock."""
    for node in subject.plan.nodes:
        offer = subject.offers[node.offer_id]
        if offer is not None and offer.stock is not None and node.count > offer.stock:
            yield f"{node.offer_id}: {node.count} used, {offer.stock} in stock"


def check_keep_budget(subject: Subject) -> Iterator[str]:
    """All nodes together cost no more than the budget, compared exactly."""
    budget = subject.problem.limits.budget
    if budget is None or subject.plan.cost.usd_per_hour is None:
        return
    hours = {"hour": 1, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[budget.per]
    spent = Fraction(_micro_usd_per_hour(subject), MICRO) * hours * rate_per_usd(subject.catalog, subject.problem, budget.currency)
    if spent > exact(budget.amount):
        yield f"costs {float(spent):,.2f} {budget.currency} a {budget.per}, {budget.amount:,.2f} allowed"


def check_limit_nodes(subject: Subject) -> Iterator[str]:
    """The number of nodes is within its limits."""
    total, allowed = sum(node.count for node in subject.plan.nodes), subject.problem.limits.nodes
    if total < allowed.min or (allowed.max is not None and total > allowed.max):
        yield f"{total} nodes, {allowed.min} to {allowed.max} allowed"


def check_limit_gpu_types(subject: Subject) -> Iterator[str]:
    """At most K different GPU types are used."""
    most, types = subject.problem.limits.max_gpu_types, {node.gpu_id for node in subject.plan.nodes}
    if most is not None and len(types) > most:
        yield f"{len(types)} GPU types, {most} allowed"


def check_choose_engines(subject: Subject) -> Iterator[str]:
    """One engine serves the whole fleet, or each GPU type."""
    policy = subject.problem.limits.engine_policy
    if policy == "any":
        return
    gpus = {node.offer_id: node.gpu_id for node in subject.plan.nodes}
    engines: dict[str, set[str]] = defaultdict(set)
    for one in subject.plan.deployments:
        engines[gpus[one.offer_id] if policy == "per_gpu" else "the fleet"].add(one.engine_id)
    yield from (f"{scope} runs {', '.join(sorted(found))}" for scope, found in engines.items() if len(found) > 1)


def check_survive_node_loss(subject: Subject) -> Iterator[str]:
    """Every service keeps its demand when its k largest nodes are gone."""
    losses = subject.problem.limits.survive.nodes
    for service in subject.problem.services if losses else ():
        nodes = [subject.node_capacity(one) for one in subject.of_service(service.service_id) for _ in range(min(one.nodes, 10_000))]
        left = sum(sorted(nodes, reverse=True)[losses:], Fraction(0))
        if left < subject.amount(service.service_id):
            yield f"{service.service_id}: {float(left):g} left after losing {losses} nodes"


def _check_group_loss(subject: Subject, group: Callable[[PricedOffer], Hashable]) -> Iterator[str]:
    for service in subject.problem.services:
        mine = [(one, offer) for one in subject.of_service(service.service_id) if (offer := subject.offers[one.offer_id])]
        for lost in {group(offer) for _, offer in mine}:
            left = sum((one.nodes * subject.node_capacity(one) for one, offer in mine if group(offer) != lost), Fraction(0))
            if left < subject.amount(service.service_id):
                yield f"{service.service_id}: {float(left):g} left without {lost}"


def check_survive_provider_loss(subject: Subject) -> Iterator[str]:
    """Every service keeps its demand when any one provider is gone."""
    if subject.problem.limits.survive.provider:
        yield from _check_group_loss(subject, lambda offer: offer.provider)


def check_survive_region_loss(subject: Subject) -> Iterator[str]:
    """Every service keeps its demand when any one region of a provider is gone."""
    if subject.problem.limits.survive.region:
        yield from _check_group_loss(subject, lambda offer: offer.place)


def check_cap_power(subject: Subject) -> Iterator[str]:
    """Owned nodes draw no more than the cap at full load."""
    cap = subject.problem.limits.power_kw
    watts = sum(node.count * (offer.watts if (offer := subject.offers[node.offer_id]) else 0) for node in subject.plan.nodes)
    if cap is not None and watts > cap * 1000:
        yield f"{watts} W drawn, {cap} kW allowed"


def _micro_usd_per_hour(subject: Subject) -> int:
    return sum(node.count * (offer.micro_usd_per_hour if (offer := subject.offers[node.offer_id]) else 0) for node in subject.plan.nodes)


def check_total_cost(subject: Subject) -> Iterator[str]:
    """The cost is the sum of node prices, by hour, by month and by line, and no plan is below its bound."""
    cost, micro = subject.plan.cost, _micro_usd_per_hour(subject)
    month = micro * HOURS_PER_MONTH / MICRO
    if cost.usd_per_hour != micro / MICRO or cost.usd_per_month != month:
        yield f"cost {cost.usd_per_hour} USD/h, {micro / MICRO} by the nodes"
    if abs(sum(cost.breakdown.values()) - month) > 0.01 + 1e-6 * month:
        yield f"cost lines add up to {sum(cost.breakdown.values()):.2f}, {month:.2f} USD/month by the nodes"
    bound = subject.plan.bound_usd_per_month
    if bound is not None and bound > month * (1 + TOLERANCE):
        yield f"bound {bound} USD/month above the cost {month}"


def check_node_count(subject: Subject) -> Iterator[str]:
    """Every line of nodes counts at least one."""
    yield from (f"{node.offer_id}: {node.count} nodes" for node in subject.plan.nodes if node.count < 1)


CHECKS: tuple[Check, ...] = (
    check_known_offers, check_policy, check_deployments_fill_nodes, check_engines_run, check_replica_promise, check_memory,
    check_node_capacity, check_meet_demand, check_respect_stock, check_keep_budget, check_limit_nodes, check_limit_gpu_types,
    check_choose_engines, check_survive_node_loss, check_survive_provider_loss, check_survive_region_loss, check_cap_power,
    check_total_cost, check_node_count,
)


def faults_of_plan(plan: Plan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel]) -> list[str]:
    """List every rule that a plan breaks; empty for a plan that stands, and for an answer without a plan."""
    if plan.status not in ("optimal", "feasible"):
        return []
    subject = Subject(plan, problem, catalog, own_models)
    unknown = list(check_known_offers(subject))
    if unknown:
        return unknown
    return [f"{check.__name__.removeprefix('check_')}: {fault}" for check in CHECKS for fault in check(subject)]


def verify_plan(plan: Plan, problem: Problem, catalog: Catalog, own_models: dict[str, LlmModel]) -> Plan:
    """Return a plan that stands.

    Raises:
        VerificationError: it breaks a rule, which is our own fault.
    """
    faults = faults_of_plan(plan, problem, catalog, own_models)
    if faults:
        raise VerificationError("the plan does not stand:\n  " + "\n  ".join(faults))
    return plan
