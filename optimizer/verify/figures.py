"""What a plan prints beside the rules: names, prices, speeds, services; nothing may look better than it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from math import ceil, isclose

from optimizer.costs import rate_per_usd
from optimizer.costs.cash import cash_of
from optimizer.demand import mean_output_tokens
from optimizer.schema.base import EVIDENCE_ORDER, Evidence, grade_of
from optimizer.schema.plan import Deployment
from optimizer.throughput import SpeedCurve
from optimizer.throughput.curve import worse_evidence
from optimizer.units import HOURS_PER_MONTH, MICRO, exact
from optimizer.verify.classes import carried_after_losses, is_routed, output_tokens_per_s
from optimizer.verify.products import refused_product
from optimizer.verify.rules import left_after_losses
from optimizer.verify.subject import SHARES_TO, TOLERANCE, Replica, Subject


def check_known_names(subject: Subject) -> Iterator[str]:
    """Every offer, service, engine and precision exists, every count is one, and every service is answered once."""
    plan, catalog = subject.plan, subject.catalog
    for name in sorted({n.offer_id for n in plan.nodes} | {d.offer_id for d in plan.deployments}):
        if name not in subject.offers:
            yield f"{name} is no offer of the catalog"
    for one in plan.deployments:
        if one.service_id not in subject.services:
            yield f"{one.service_id} is no service of the problem"
        elif subject.stated_capacity(one) is None:
            if one.engine_id not in catalog.engines:
                yield f"{one.engine_id} is no engine of the catalog"
            if one.precision not in catalog.precisions:
                yield f"{one.precision} is no precision of the catalog"
        for name in ("nodes", "replicas", "tp_size", "gpu_count", "concurrency_per_replica", "concurrency_at_peak"):
            if getattr(one, name) < 1:
                yield f"{one.offer_id}: {name} is {getattr(one, name)}"
        if one.nodes > 0 and one.replicas % one.nodes:
            yield f"{one.offer_id}: {one.replicas} replicas are not spread evenly over {one.nodes} nodes"
    if [service.service_id for service in plan.services] != list(subject.services):
        yield f"answers {', '.join(s.service_id for s in plan.services)}; asked for {', '.join(subject.services)}"
    if plan.problem != subject.problem.name:
        yield f"answers {plan.problem}, asked for {subject.problem.name}"


def check_known_offers(subject: Subject) -> Iterator[str]:
    """Every node has the facts and the price of its offer."""
    for node in subject.plan.nodes:
        offer = subject.offers[node.offer_id]
        for name in (
            "gpu_id", "gpu_count", "kind", "provider", "region", "term_months", "price_as_of", "price_evidence",
            "source_url", "from_overlay",
        ):
            if getattr(node, name) != getattr(offer, name):
                yield f"{node.offer_id}: {name} is {getattr(offer, name)}, the plan says {getattr(node, name)}"
        low, high = offer.range_micro_usd_per_hour
        months = {
            "usd_per_month": offer.micro_usd_per_hour, "usd_per_month_low": low, "usd_per_month_high": high,
        }
        for name, micro in months.items():
            if getattr(node, name) != node.count * micro * HOURS_PER_MONTH / MICRO:
                yield f"{node.offer_id}: {name} is {getattr(node, name)} for {node.count} at {micro / MICRO} USD/h"
        if node.node_hours_per_month is not None:
            yield f"{node.offer_id}: {node.node_hours_per_month} node-hours in a plan of one peak"
        if node.usd_per_hour_each != offer.micro_usd_per_hour / MICRO:
            each = offer.micro_usd_per_hour / MICRO
            yield f"{node.offer_id}: {node.usd_per_hour_each} USD/h each, {each} by the catalog"


def check_policy(subject: Subject) -> Iterator[str]:
    """Every node is of an allowed kind, GPU, provider and region, within the longest term."""
    limits = subject.problem.limits
    for node in subject.plan.nodes:
        if node.kind not in limits.kinds:
            yield f"{node.offer_id}: kind {node.kind} is not allowed"
        if node.kind == "reserved" and node.term_months > limits.max_term_months:
            yield f"{node.offer_id}: term of {node.term_months} months is too long"
        for selection, name in (
            (limits.gpus, node.gpu_id), (limits.providers, node.provider), (limits.regions, node.region)
        ):
            if refused := selection.refuses(name):
                yield f"{node.offer_id}: {name} is {refused}"
        machine = node.offer_id.removesuffix(f".{node.region}")
        if node.kind == "owned" and machine in subject.catalog.owned:
            why = refused_product(machine, node.offer_id, node.count, limits, subject.catalog)
            if why:
                yield f"{node.offer_id}: {why}"


def check_deployments_fill_nodes(subject: Subject) -> Iterator[str]:
    """Nodes bought are deployed or, as far as they must be held, idle; replicas are whole replicas on whole nodes."""
    deployed: dict[str, int] = defaultdict(int)
    counts = {node.offer_id: node.gpu_count for node in subject.plan.nodes}
    for one in subject.plan.deployments:
        deployed[one.offer_id] += one.nodes
        stated = subject.stated_capacity(one) is not None
        per_node = 1 if stated else counts.get(one.offer_id, 0) // one.gpu_count
        if stated and one.gpu_count != counts.get(one.offer_id):
            yield f"{one.offer_id}: {one.gpu_count} GPUs, the capacity stated is that of the node"
        if one.replicas != one.nodes * per_node:
            yield f"{one.offer_id}: {one.replicas} replicas on {one.nodes} nodes of {per_node} each"
    for node in subject.plan.nodes:
        if deployed.pop(node.offer_id, 0) != node.count - node.idle:
            yield f"{node.offer_id}: bought {node.count} with {node.idle} idle, deployed otherwise"
        if not 0 <= node.idle <= subject.problem.limits.at_least.get(node.offer_id, 0):
            yield f"{node.offer_id}: {node.idle} idle, more than must be held"
    for offer_id in deployed:
        yield f"{offer_id}: deployed but not bought"


def _evidence(replica: Replica, states: list[tuple[SpeedCurve, int]]) -> Evidence:
    """Return where figures at (curve, in flight) come from: the worst of all, TTFT where a limit asks for it."""
    slo, worst = replica.service.slo, EVIDENCE_ORDER[0]
    needs_ttft = slo.ttft_ms is not None or slo.e2e_ms is not None
    for curve, count in states:
        worst = worse_evidence(worst, curve.evidence(count))
        worst = "estimated" if needs_ttft and not curve.ttft_measured else worst
    return worst


def check_shown_speeds(subject: Subject) -> Iterator[str]:
    """Speed, TTFT, error bar, evidence and source of a deployment are those of its curve at the peak, or worse."""
    least = subject.problem.limits.evidence
    for one in subject.derived():
        if is_routed(subject, one):
            continue  # check_class_figures looks at each class
        replica, peak = subject.replica(one), one.concurrency_at_peak
        if None in replica.curves:
            continue  # another check says so
        speed, curves = one.tokens_per_s_per_user, [curve for curve in replica.curves if curve is not None]
        states = replica.alone(peak, speed or 0.0)
        if peak > one.concurrency_per_replica:
            yield f"{one.offer_id}: {peak} in flight at the peak, {one.concurrency_per_replica} at most"
        ttft = replica.ttft_ms(peak, speed or 0.0)
        alone = min(1000 / replica.planned_ms(curve, peak)[1] for curve in curves)
        if speed is None or (speed > alone * (1 + TOLERANCE) and replica.load(peak, speed) > 1 + TOLERANCE):
            yield f"{one.offer_id}: shows {speed} tokens/s, {alone:g} at {peak} requests"
        if one.ttft_ms is None or one.ttft_ms < ttft * (1 - TOLERANCE):
            yield f"{one.offer_id}: shows a TTFT of {one.ttft_ms} ms, {ttft:g} at {peak} requests"
        error = max(curve.error_fraction(count) for curve, count in states)
        if one.error_fraction is None or one.error_fraction < error * (1 - TOLERANCE):
            yield f"{one.offer_id}: shows an error of {one.error_fraction}, it is {error:g}"
        found = _evidence(replica, states)
        if EVIDENCE_ORDER.index(one.evidence) < EVIDENCE_ORDER.index(found):
            yield f"{one.offer_id}: called {one.evidence}, it is {found}"
        if EVIDENCE_ORDER.index(one.evidence) > EVIDENCE_ORDER.index(least):
            yield f"{one.offer_id}: {one.evidence}, {least} asked for"
        sources = " ; ".join(dict.fromkeys(url for curve, count in states if (url := curve.source_url(count)))) or None
        if one.source_url != sources:
            yield f"{one.offer_id}: source {one.source_url}, {sources} by the catalog"


def check_load(subject: Subject) -> Iterator[str]:
    """The shares of a service's requests add up to one, and what is in flight at the peak covers its demand."""
    for service_id in subject.services:
        mine = subject.of_service(service_id)
        total = sum(one.load_fraction for one in mine)
        yield from (f"{one.offer_id}: weights by the hour in a plan without hours" for one in mine
                    if one.plan_speed_capacity_per_node is not None)
        if any(one.load_fraction < 0 for one in mine) or abs(total - 1) > 1e-5:
            yield f"{service_id}: shares of the load add up to {total:g}"
        for one in mine if not subject.services[service_id].routes_classes else ():
            carried = one.nodes * subject.node_capacity(one)
            if (exact(one.load_fraction) - SHARES_TO) * subject.amount(service_id) > carried * (1 + Fraction(1, 10**5)):
                yield f"{one.offer_id}: is sent {one.load_fraction:.3f} of {service_id}, more than it carries"
        in_flight = sum(one.replicas * one.concurrency_at_peak for one in mine)
        if subject.demands[service_id].unit == "concurrency" and in_flight < subject.amount(service_id):
            yield f"{service_id}: {in_flight} in flight at the peak, {float(subject.amount(service_id)):g} come"


def node_at(subject: Subject, one: Deployment, tokens_per_s: float, thorough: bool) -> Fraction:
    """Return what a node carries at a speed: requests in flight, or requests/s at the best setting that keeps it."""
    stated, demand = subject.stated_capacity(one), subject.demands[one.service_id]
    if stated is not None:
        return Fraction(stated if tokens_per_s <= subject.services[one.service_id].slo.target_tokens_per_s else 0)
    replica = subject.replica(one)
    per_node, most = one.replicas // one.nodes, replica.most_in_flight(tokens_per_s)
    if demand.unit == "concurrency" or most == 0:
        return Fraction(per_node * most)
    limits = range(1, most + 1) if thorough else [most]
    return per_node * Fraction(max(subject.rate_within(replica, c) for c in limits))


def check_plan_speed(subject: Subject) -> Iterator[str]:
    """A service's speed is at least its target, and at that speed its nodes still carry the demand, losses included."""
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
        if service.kind == "async" and not target:
            continue
        if service.routes_classes:
            if not carried_after_losses(subject, shown.service_id, speed):
                yield f"{shown.service_id}: its nodes do not carry every class at {speed:g} tokens/s"
            continue
        needed = subject.amount(shown.service_id)
        if all(
            left_after_losses(subject, [(one, node_at(subject, one, speed, thorough)) for one in mine]) < needed
            for thorough in (False, True)
        ):
            yield f"{shown.service_id}: its nodes do not carry the demand at {speed:g} tokens/s"


def check_service_figures(subject: Subject) -> Iterator[str]:
    """What a plan says of a service repeats the problem, and adds up from the deployments."""
    for shown in subject.plan.services:
        service, demand = subject.services[shown.service_id], subject.demands[shown.service_id]
        mine, rate = subject.of_service(shown.service_id), demand.unit == "rate"
        in_flight = sum(one.replicas * one.concurrency_at_peak for one in mine)
        carried = sum(one.nodes * exact(one.capacity_per_node) for one in mine)
        figures = {
            "model_id": service.model,
            "kind": service.kind,
            "ttft_limit_ms": service.slo.ttft_ms,
            "e2e_limit_ms": service.slo.e2e_ms,
            "target_tokens_per_s": service.slo.target_tokens_per_s,
            "headroom_fraction": service.headroom_fraction,
            "demand": demand.arithmetic,
            "peak_concurrency": in_flight if rate else round(demand.stated),
            "planned_concurrency": None if rate else demand.amount,
            "peak_rps": demand.stated if rate else None,
            "capacity_concurrency": sum(one.replicas * one.concurrency_per_replica for one in mine),
        }
        for name, value in figures.items():
            if getattr(shown, name) != value:
                yield f"{shown.service_id}: {name} is {value}, the plan says {getattr(shown, name)}"
        most_used = exact(subject.problem.limits.max_utilisation_fraction)
        used = float(subject.amount(shown.service_id) * most_used / carried) if carried else 0.0
        gpus = sum(subject.gpus_of(one) for one in mine)
        hours = shown.gpu_hours_per_day
        near = {
            "capacity_rps": float(carried) if rate else None,
            "peak_utilisation_fraction": used,
            "mean_utilisation_fraction": None if hours is None else hours / (24 * gpus),
        }
        for name, number in near.items():
            said = getattr(shown, name)
            if (said is None) != (number is None) or (number is not None and not isclose(said, number, rel_tol=1e-9)):
                yield f"{shown.service_id}: {name} is {number}, the plan says {said}"


def check_local_cost(subject: Subject) -> Iterator[str]:
    """The cost in the problem's currency follows from the monthly cost, at the rate that is stated."""
    cost, currency = subject.plan.cost, subject.problem.currency
    rate = float(rate_per_usd(subject.catalog, subject.problem, currency))
    local = None if currency == "USD" else (cost.usd_per_month or 0.0) * rate
    if cost.currency != currency or cost.local_per_month != local:
        yield f"{cost.local_per_month} {cost.currency} a month, {local} {currency} by the rate of {rate:g}"
    fx = subject.problem.fx
    dated = None if currency == "USD" else fx.as_of.isoformat() if fx else subject.catalog.fx[currency].as_of
    if (cost.fx_rate_per_usd, cost.fx_as_of) != (None if currency == "USD" else rate, dated):
        yield f"a rate of {cost.fx_rate_per_usd} of {cost.fx_as_of}, {rate:g} of {dated} is stated"


def check_unit_costs(subject: Subject) -> Iterator[str]:
    """The cost in the problem's currency and for a million output tokens follow from the monthly cost."""
    yield from check_local_cost(subject)
    cost, tokens = subject.plan.cost, 0.0
    for one in subject.derived():
        replica, peak = subject.replica(one), one.concurrency_at_peak
        if is_routed(subject, one):
            tokens += output_tokens_per_s(subject, one)
        elif None not in replica.curves:
            tokens += one.replicas * peak * mean_output_tokens(replica.service) / replica.latency_s(peak)
    said = cost.usd_per_million_output_tokens
    million = (cost.usd_per_hour or 0.0) / (tokens * 3600) * 1e6 if tokens else None
    if (said is None) != (million is None) or (said is not None and not isclose(said, million or 0.0, rel_tol=1e-9)):
        yield f"{said} USD for a million output tokens, {million} by the deployments"


def check_approval(subject: Subject) -> Iterator[str]:
    """The sums to sign add up: purchases are those of the nodes, years hold them, terms bind for their length."""
    signed = subject.plan.approval
    if signed is None:
        return
    catalog, problem = subject.catalog, subject.problem
    rate, tax = float(rate_per_usd(catalog, problem, problem.currency)), signed.tax_fraction
    bought = 0.0
    for node in subject.plan.nodes:
        flow = cash_of(node.offer_id, catalog, problem)
        if node.kind == "owned":
            lives = ceil(problem.limits.horizon_months / (flow.period_months or 1))
            bought += lives * flow.upfront_usd * node.count * rate * (1 + tax)
    if not isclose(signed.purchases, bought, rel_tol=1e-9, abs_tol=1e-6):
        yield f"purchases of {signed.purchases}, the nodes cost {bought}"
    if not isclose(signed.purchases, sum(year.purchases for year in signed.years), rel_tol=1e-9, abs_tol=1e-6):
        yield f"purchases of {signed.purchases}, the fiscal years add up to otherwise"
    for year in signed.years:
        if not isclose(year.cash, year.purchases + year.upfront + year.running, rel_tol=1e-9, abs_tol=1e-6):
            yield f"{year.name}: cash of {year.cash}, its parts add up to otherwise"
    terms = {node.offer_id: node.term_months for node in subject.plan.nodes if node.kind == "reserved"}
    if {one.offer_id: one.months for one in signed.commitments} != terms:
        yield "commitments that are not those of the reserved nodes"
    month = (subject.plan.cost.usd_per_month or 0.0) * rate
    if not isclose(signed.cost_per_month, month, rel_tol=1e-9):
        yield f"a cost of {signed.cost_per_month} a month to approve, the plan costs {month}"


def check_answered_once(subject: Subject) -> Iterator[str]:
    """No deployment stands twice."""
    keys = ("service_id", "offer_id", "engine_id", "precision", "tp_size", "gpu_count", "layout")
    seen = Counter(tuple(getattr(one, key) for key in keys) for one in subject.plan.deployments)
    yield from (f"{key[1]} serves {key[0]} in {count} lines" for key, count in seen.items() if count > 1)
