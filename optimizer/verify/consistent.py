"""Whether a plan agrees with itself: figures that follow from others of the same plan, without problem or catalog.

Each rule yields (key, found, expected) of what contradicts. A plan keeps them whatever it was computed from, so they
hold for saved plans whose prices and speeds are of another day.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from math import isclose

from optimizer.schema.base import grade_of
from optimizer.schema.plan import Node, Plan
from optimizer.units import HOURS_PER_MONTH, MICRO
from optimizer.verify.broken import Broken

Contradiction = tuple[str, str, str]
"""(key, what stands there, what follows from the other figures)."""

Rule = Callable[[Plan], Iterator[Contradiction]]

EXACT = 1e-9
"""Relative distance of figures that one formula gives."""

CONTRACTS = "contracts"
"""Cost line of what contracts add to the prices of the nodes."""

ROUNDED_USD = HOURS_PER_MONTH / MICRO
"""A month's part of a node's price that rounding to micro-dollars an hour may add to the sum of its cost lines."""


def _near(key: str, found: float | None, expected: float | None, absolute: float = 1e-9) -> Iterator[Contradiction]:
    """Yield a contradiction when two figures differ, or only one of them is there."""
    if found is None or expected is None:
        same = found is expected
    else:
        same = isclose(found, expected, rel_tol=EXACT, abs_tol=absolute)
    if not same:
        yield key, f"{found}", f"{expected}"


def proof_agrees(plan: Plan) -> Iterator[Contradiction]:
    """Status, bound, gap and cost fit: the bound is not above the cost, and equals it where the plan is optimal."""
    cost, bound, gap = plan.cost.usd_per_month, plan.bound_usd_per_month, plan.gap_fraction
    if plan.status not in ("optimal", "feasible"):
        yield from _near("gap_fraction", gap, None)
        yield from _near("cost.usd_per_month", cost, None)
        return
    if cost is None:
        yield "cost.usd_per_month", "None", f"the cost of a plan that is {plan.status}"
        return
    if bound is not None and bound > cost * (1 + EXACT):
        yield "bound_usd_per_month", f"{bound}", f"at most the cost, {cost}"
    if plan.status == "optimal":
        yield from _near("bound_usd_per_month", bound, cost, 1e-6 * max(1.0, cost))
        yield from _near("gap_fraction", gap, 0.0)
    else:
        if bound is not None and isclose(bound, cost, rel_tol=EXACT):
            yield "status", plan.status, "optimal, as the bound equals the cost"
        yield from _near("gap_fraction", gap, (cost - (bound or 0.0)) / cost if cost else 0.0, 1e-12)


def money_adds_up(plan: Plan) -> Iterator[Contradiction]:
    """A month is 730 hours of the hourly cost, the cost lines add up to it, and the budget holds it."""
    cost, nodes = plan.cost, sum(node.count for node in plan.nodes)
    if cost.usd_per_month is None:
        yield from _near("cost.usd_per_hour", cost.usd_per_hour, None)
        return
    yield from _near("cost.usd_per_hour", cost.usd_per_hour, cost.usd_per_month / HOURS_PER_MONTH)
    lines, slack = sum(cost.breakdown.values()), ROUNDED_USD * (nodes + 1) + 1e-6 * len(cost.breakdown)
    if not isclose(lines, cost.usd_per_month, rel_tol=EXACT, abs_tol=slack):
        yield "cost.breakdown", f"lines of {lines:.6f}", f"a sum of {cost.usd_per_month:.6f}"
    if cost.budget_usd_per_month is not None and cost.usd_per_month > cost.budget_usd_per_month * (1 + EXACT):
        yield "cost.budget_usd_per_month", f"{cost.budget_usd_per_month}", f"at least the cost, {cost.usd_per_month}"
    rate = cost.fx_rate_per_usd
    yield from _near("cost.local_per_month", cost.local_per_month, None if rate is None else cost.usd_per_month * rate)
    if (cost.currency == "USD") != (rate is None) or (rate is None) != (cost.fx_as_of is None):
        yield "cost.currency", cost.currency, "USD without a rate, or another currency with a rate and its date"


def _node_agrees(key: str, node: Node) -> Iterator[Contradiction]:
    """Yield what contradicts inside the line of one offer."""
    hours = node.count * HOURS_PER_MONTH if node.node_hours_per_month is None else node.node_hours_per_month
    yield from _near(f"{key}.usd_per_month", node.usd_per_month, hours * node.usd_per_hour_each, ROUNDED_USD)
    if not node.usd_per_month_low <= node.usd_per_month * (1 + EXACT):
        yield f"{key}.usd_per_month_low", f"{node.usd_per_month_low}", f"at most {node.usd_per_month}"
    if not node.usd_per_month_high >= node.usd_per_month * (1 - EXACT):
        yield f"{key}.usd_per_month_high", f"{node.usd_per_month_high}", f"at least {node.usd_per_month}"
    if node.price_evidence != "assumed" and node.kind != "owned":
        for name in ("usd_per_month_low", "usd_per_month_high"):
            if getattr(node, name) != node.usd_per_month and node.price_evidence == "list":
                yield f"{key}.{name}", f"{getattr(node, name)}", f"{node.usd_per_month}, as the price is of a list"
    if (node.term_months > 0) != (node.kind == "reserved") and node.kind != "owned":
        yield f"{key}.term_months", f"{node.term_months}", f"what a node of kind {node.kind} has"
    if not node.source_url:
        yield f"{key}.source_url", "nothing", "where the price comes from"


def nodes_agree(plan: Plan) -> Iterator[Contradiction]:
    """What nodes cost a month follows from their number and price, and lies within its range."""
    for index, node in enumerate(plan.nodes if plan.roadmap is None else ()):  # quarters have prices of their own
        yield from _node_agrees(f"nodes.{index}", node)
    for number, proposal in enumerate(plan.proposals):
        for index, node in enumerate(proposal.nodes):
            yield from _node_agrees(f"proposals.{number}.nodes.{index}", node)


def replicas_fit(plan: Plan) -> Iterator[Contradiction]:
    """Replicas are as many as the GPUs of their nodes hold, and carry at the peak no more than they take."""
    gpus = {node.offer_id: node.gpu_count for node in plan.nodes}
    rates = {one.service_id: one.planned_concurrency is None for one in plan.services}
    for index, one in enumerate(plan.deployments):
        key, each = f"deployments.{index}", gpus.get(one.offer_id, 0) // max(one.gpu_count, 1)
        if plan.sharing == "nodes":
            each = 1  # a deployment is its replicas, wherever they run
        elif one.replicas != one.nodes * each:
            yield f"{key}.replicas", f"{one.replicas}", f"{one.nodes} nodes of {each} each"
        if one.gpu_count % max(one.tp_size, 1):
            yield f"{key}.tp_size", f"{one.tp_size}", f"a divisor of {one.gpu_count} GPUs"
        if not 1 <= one.concurrency_at_peak <= one.concurrency_per_replica:
            yield f"{key}.concurrency_at_peak", f"{one.concurrency_at_peak}", f"1 to {one.concurrency_per_replica}"
        if one.capacity_per_node <= 0:
            yield f"{key}.capacity_per_node", f"{one.capacity_per_node}", "a number above 0"
        elif one.classes is None and not rates.get(one.service_id, True):
            yield from _near(f"{key}.capacity_per_node", one.capacity_per_node, each * one.concurrency_per_replica)
        if not 0 <= one.load_fraction <= 1:
            yield f"{key}.load_fraction", f"{one.load_fraction}", "0 to 1"
        if (one.error_fraction or 0.0) == 0.0 and one.evidence == "estimated":
            yield f"{key}.error_fraction", f"{one.error_fraction}", "the error of an estimate, above 0"


def services_add_up(plan: Plan) -> Iterator[Contradiction]:
    """What a service gets adds up from its deployments, and its grade is that of its speed."""
    for index, one in enumerate(plan.services):
        key, mine = f"services.{index}", [place for place in plan.deployments if place.service_id == one.service_id]
        held = sum(place.replicas * place.concurrency_per_replica for place in mine)
        yield from _near(f"{key}.capacity_concurrency", one.capacity_concurrency, held)
        if one.grade != grade_of(one.tokens_per_s_per_user):
            expected = grade_of(one.tokens_per_s_per_user)
            yield f"{key}.grade", f"{one.grade}", f"{expected} for {one.tokens_per_s_per_user} tokens/s"
        if one.target_tokens_per_s > (one.tokens_per_s_per_user or 0.0) * (1 + EXACT):
            yield f"{key}.tokens_per_s_per_user", f"{one.tokens_per_s_per_user}", f"at least {one.target_tokens_per_s}"
        for place in mine:
            if one.ttft_limit_ms is not None and (place.ttft_ms or 0.0) > one.ttft_limit_ms * (1 + EXACT):
                yield f"{key}.ttft_limit_ms", f"{one.ttft_limit_ms}", f"at least the TTFT of {place.ttft_ms} ms"
        if one.planned_concurrency is not None:
            if held < one.planned_concurrency:
                yield f"{key}.planned_concurrency", f"{one.planned_concurrency}", f"at most {held}"
            if one.planned_concurrency < one.peak_concurrency * (1 + one.headroom_fraction) * (1 - EXACT):
                yield f"{key}.peak_concurrency", f"{one.peak_concurrency}", (
                    f"{one.planned_concurrency} without {one.headroom_fraction} of headroom")


def loads_add_up(plan: Plan) -> Iterator[Contradiction]:
    """The shares of each service's requests add up to one, and those of each class."""
    shares: dict[str, float] = defaultdict(float)
    for one in plan.deployments:
        shares[one.service_id] += one.load_fraction
    for service_id, share in shares.items():
        if not plan.periods and not isclose(share, 1.0, rel_tol=0, abs_tol=1e-6):
            yield f"deployments of {service_id}, load_fraction", f"a sum of {share:g}", "a sum of 1"


def proposals_add_up(plan: Plan) -> Iterator[Contradiction]:
    """A plan beside the plan has nodes and a cost if and only if it is one, and its nodes add up where none has more.

    Contracts add to the price of nodes, so that the cost of a proposal is then not their sum.
    """
    contracts = CONTRACTS in plan.cost.breakdown
    for index, one in enumerate(plan.proposals):
        key, there = f"proposals.{index}", one.status in ("optimal", "feasible")
        if (one.usd_per_month is not None) != there or bool(one.nodes) != there:
            yield f"{key}.status", one.status, "optimal or feasible with nodes and a cost, or neither"
        elif there and not contracts:
            total = sum(node.usd_per_month for node in one.nodes)
            yield from _near(f"{key}.usd_per_month", one.usd_per_month, total, 1e-6)


def inputs_are_named(plan: Plan) -> Iterator[Contradiction]:
    """Hashes are 64 hexadecimal digits, and versions are versions; which ones they are, the digest alone protects."""
    for name in ("problem_sha256", "catalog_sha256"):
        if not re.fullmatch(r"[0-9a-f]{64}", getattr(plan.inputs, name)):
            yield f"inputs.{name}", getattr(plan.inputs, name), "64 hexadecimal digits"
    for name in ("gpumix_version", "ortools_version"):
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.dev|\.post|\+)[.0-9a-z]+)?", getattr(plan.inputs, name)):
            yield f"inputs.{name}", getattr(plan.inputs, name), "a version"


RULES: tuple[Rule, ...] = (
    inputs_are_named,
    proof_agrees, money_adds_up, nodes_agree, replicas_fit, services_add_up, loads_add_up, proposals_add_up,
)


def contradictions(plan: Plan) -> list[Broken]:
    """List what in a plan contradicts itself, each with its key."""
    return [Broken(key, f"found {found}; by the rest of the plan {expected}")
            for rule in RULES for key, found, expected in rule(plan)]
