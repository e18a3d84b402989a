"""Why this plan: what it depends on, what stands beside it, and why there is none when there is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from optimizer.candidates import Option, ReplicaSpeed
from optimizer.candidates.rejection import STEP_ORDER
from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.owned import machine_of
from optimizer.costs.priced import PriceEnd
from optimizer.schema.plan import DecisiveFigure, Deployment, Node, Plan, Proposal
from optimizer.schema.problem import Limits, NodeCount, Selection, Survive
from optimizer.solve import Prepared, Solution, SolveSettings, plan_of, prepare, solve_at
from optimizer.units import usd_per_month

KV_ERROR_FRACTION = 0.11
"""Error of the KV cache computed from start-up memory outside the laboratory it was fitted on (vLLM logs)."""

MEASURED = "measured and interpolated only"
"""Name of the proposal that uses no estimate."""

DECISIVE_FIGURES = 3
"""How many of them the first lines of an answer name."""


def cheapest(prepared: Prepared, settings: SolveSettings, in_order: bool = False) -> Solution:
    """Solve a variant for its cost: no tie-break by speed."""
    return solve_at(
        prepared.candidates,
        prepared.problem.limits,
        prepared.candidates.targets(),
        prepared.budget,
        settings,
        in_order=in_order,
    )


def _monthly(solution: Solution) -> float | None:
    """Return the cost of a solution, None when it proves that there is no plan."""
    return usd_per_month(solution.cost) if solution.has_plan and solution.cost is not None else None


def _money(prepared: Prepared, usd: float) -> str:
    """Write US dollars a month, with the problem's own currency behind."""
    currency = prepared.problem.currency
    if currency == "USD":
        return f"${usd:,.2f} a month"
    local = usd * float(rate_per_usd(prepared.catalog, prepared.problem, currency))
    return f"${usd:,.2f} a month ({local:,.0f} {currency})"


def _with_options(prepared: Prepared, change: Callable[[Option], Option]) -> Prepared:
    options = {key: tuple(change(option) for option in found) for key, found in prepared.candidates.options.items()}
    return replace(prepared, candidates=replace(prepared.candidates, options=options))


def _with_prices(prepared: Prepared, of: Callable[[PricedOffer], bool], end: PriceEnd) -> Prepared:
    """Return the problem with some offers at one end of their price."""
    offers = tuple(replace(o, end=end) if o.has_range and of(o) else o for o in prepared.candidates.offers)
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def _slowed(speed: ReplicaSpeed, tpot: bool = False, ttft: bool = False, fewer: bool = False) -> ReplicaSpeed:
    """Return a replica at the bad end of one of its figures."""
    classes = tuple(
        replace(
            one,
            slow_tpot=tpot,
            slow_ttft=ttft,
            limit=min(one.limit, int(one.fits * (1 - KV_ERROR_FRACTION))) if fewer else one.limit,
        )
        for one in speed.classes
    )
    return ReplicaSpeed(classes, speed.demand)


Figure = tuple[str, str, Prepared]
"""What a figure is called, its value, and the problem with that figure at its bad end."""


def _bad_replicas(prepared: Prepared, index: int, gpu: str, **ends: bool) -> Prepared:
    """Return the problem with every replica of a service on a GPU type at the bad end of some of its figures."""

    def worsen(option: Option) -> Option:
        if option.gpu_id == gpu and option.service == index and isinstance(option.speed, ReplicaSpeed):
            return replace(option, speed=_slowed(option.speed, **ends))
        return option

    return _with_options(prepared, worsen)


def _replica_figures(prepared: Prepared, index: int, gpu: str, one: Deployment) -> Iterator[Figure]:
    """Yield the figures behind one service on one GPU type: speed, TTFT where it is limited, KV cache."""
    service = prepared.problem.services[index]
    what = f"{service.model} on {gpu}"
    at_peak = f"{one.tokens_per_s_per_user:.1f} tok/s at {one.concurrency_at_peak} requests"
    value = f"{at_peak}, {one.evidence}, +-{one.error_fraction:.0%}"
    yield f"speed of {what}", value, _bad_replicas(prepared, index, gpu, tpot=True)
    if service.slo.ttft_ms is not None and one.ttft_ms is not None:
        error = _ttft_error(prepared, index, gpu, one)
        yield f"TTFT of {what}", f"{one.ttft_ms:.0f} ms, +-{error:.0%}", _bad_replicas(prepared, index, gpu, ttft=True)
    value = f"{one.concurrency_per_replica} requests a replica, +-{KV_ERROR_FRACTION:.0%}"
    yield f"KV cache of {what}", value, _bad_replicas(prepared, index, gpu, fewer=True)


def _ttft_error(prepared: Prepared, index: int, gpu: str, one: Deployment) -> float:
    """Return the error of the TTFT of a deployment's replica."""
    setting = (one.engine_id, one.precision, one.tp_size, one.gpu_count)
    options = (o for o in prepared.candidates.options.get((index, gpu), ()) if o.order == setting)
    classes = [c for o in options if isinstance(o.speed, ReplicaSpeed) for c in o.speed.classes]
    return max((c.ttft_error_fraction(one.concurrency_at_peak) for c in classes), default=0.0)


def _price_figure(prepared: Prepared, node: Node) -> Figure:
    worst = node.usd_per_month_high / node.usd_per_month - 1
    value = f"${node.usd_per_month / node.count:,.0f}/month each, {node.price_evidence}, up to {worst:+.0%}"
    node_id = machine_of(node.offer_id)
    return (
        f"price of {node.offer_id}",
        value,
        _with_prices(prepared, lambda offer: machine_of(offer.offer_id) == node_id, "high"),
    )


def _bad_ends(prepared: Prepared, plan: Plan) -> Iterator[Figure]:
    """Yield the figures behind a plan, each once."""
    seen: set[tuple[str, str]] = set()
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    indices = {service.service_id: i for i, service in enumerate(prepared.problem.services)}
    for one in plan.deployments:
        gpu = gpus[one.offer_id]
        if (
            (one.service_id, gpu) not in seen
            and one.tokens_per_s_per_user is not None
            and one.error_fraction is not None
        ):
            seen.add((one.service_id, gpu))
            yield from _replica_figures(prepared, indices[one.service_id], gpu, one)
    yield from (_price_figure(prepared, node) for node in plan.nodes if node.usd_per_month_high > node.usd_per_month)


def decisive_figures(prepared: Prepared, plan: Plan, settings: SolveSettings) -> tuple[DecisiveFigure, ...]:
    """Rank the figures behind a plan by what the best plan costs with one of them at its bad end; keep the first."""
    found = []
    for figure, value, variant in _bad_ends(prepared, plan):
        solution = cheapest(variant, settings)
        if solution.status != "unknown":  # a limit was reached: nothing is known about this one
            found.append(DecisiveFigure(figure=figure, value=value, usd_per_month_at_bad_end=_monthly(solution)))
    infinite = float("inf")
    ranked = sorted(
        found, key=lambda f: -(infinite if f.usd_per_month_at_bad_end is None else f.usd_per_month_at_bad_end)
    )
    return tuple(ranked[:DECISIVE_FIGURES])


def proposal_of(name: str, prepared: Prepared, settings: SolveSettings) -> Proposal:
    """Solve a variant and describe it beside the best plan; its plan is verified like every other."""
    solution = cheapest(prepared, settings, in_order=True)
    plan = plan_of(prepared, solution, with_rejections=False)
    return Proposal(name=name, status=plan.status, usd_per_month=plan.cost.usd_per_month, nodes=plan.nodes)


def single_gpu_proposals(prepared: Prepared, settings: SolveSettings) -> Iterator[Proposal]:
    """Yield the best plan of each single GPU type that has a candidate."""
    gpus = {gpu for _, gpu in prepared.candidates.options} | {
        option.gpu_id for option in prepared.candidates.stated.values()
    }
    admitted = {offer.gpu_id for offer in prepared.candidates.offers}
    for gpu in sorted(gpus & admitted):
        yield proposal_of(f"only {gpu}", prepared.only_gpu(gpu), settings)


def measured_proposal(prepared: Prepared, settings: SolveSettings) -> Proposal:
    """Return the best plan that rests on measured and interpolated speeds only."""
    limits = prepared.problem.limits.model_copy(update={"evidence": "interpolated"})
    problem = prepared.problem.model_copy(update={"limits": limits})
    variant = replace(prepared, problem=problem, candidates=prepared.candidates.under("interpolated"))
    return proposal_of(MEASURED, variant, settings)


def price_end_proposals(prepared: Prepared, settings: SolveSettings) -> Iterator[Proposal]:
    """Yield the best plan with every assumed price at its low end, and at its high end."""
    ends: tuple[PriceEnd, ...] = ("low", "high")
    for end in ends if any(offer.has_range for offer in prepared.candidates.offers) else ():
        assumptions = prepared.problem.assumptions.model_copy(update={"price_end": end})
        problem = prepared.problem.model_copy(update={"assumptions": assumptions})
        variant = replace(_with_prices(prepared, lambda _: True, end), problem=problem)
        yield proposal_of(f"assumed prices at their {end} end", variant, settings)


def _relaxations(limits: Limits) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each rule that is in force, by its key, with the change that lifts it."""
    if limits.budget is not None:
        yield "limits.budget", {"budget": None}
    if limits.max_gpu_types is not None:
        yield "limits.max_gpu_types", {"max_gpu_types": None}
    if limits.nodes.max is not None:
        yield "limits.nodes.max", {"nodes": NodeCount(min=limits.nodes.min)}
    if limits.nodes.min:
        yield "limits.nodes.min", {"nodes": NodeCount(max=limits.nodes.max)}
    if limits.engine_policy != "any":
        yield "limits.engine_policy", {"engine_policy": "any"}
    if limits.survive.nodes or limits.survive.provider or limits.survive.region:
        yield "limits.survive", {"survive": Survive()}
    if limits.power_kw is not None:
        yield "limits.power_kw", {"power_kw": None}
    if limits.stock:
        yield "limits.stock", {"stock": {}}
    if limits.speed_confidence is not None:
        yield "limits.speed_confidence", {"speed_confidence": None}
    if limits.evidence != "estimated":
        yield "limits.evidence", {"evidence": "estimated"}
    for key in ("gpus", "providers", "regions"):
        if getattr(limits, key) != Selection():
            yield f"limits.{key}", {key: Selection()}
    every = ("on_demand", "reserved", "spot", "marketplace", "owned")
    if set(limits.kinds) != set(every):
        yield "limits.kinds", {"kinds": every}


CASE_RULES = frozenset({"budget", "max_gpu_types", "nodes", "engine_policy", "survive", "power_kw"})
"""Limits that only the solver looks at: prices and candidates stay as they are without them."""


def _relaxed(prepared: Prepared, change: dict[str, object]) -> Prepared:
    """Return the problem with some limits changed, its offers priced and enumerated again only where that matters."""
    limits = prepared.problem.limits.model_copy(update=change)
    problem = prepared.problem.model_copy(update={"limits": limits})
    if not CASE_RULES.issuperset(change):
        return prepare(prepared.loaded, prepared.catalog, problem)
    return replace(prepared, problem=problem, budget=None if "budget" in change else prepared.budget)


def why_no_plan(prepared: Prepared, settings: SolveSettings) -> tuple[str, ...]:
    """Say why a problem is infeasible: services without a candidate, then each rule whose lifting gives a plan."""
    reasons = []
    covered = {index for index, _ in prepared.candidates.options} | {index for index, _ in prepared.candidates.stated}
    for index, service in enumerate(prepared.problem.services):
        if index not in covered:
            reasons.append(
                f"{service.service_id}: no node can serve it ({_commonest_rejections(prepared, service.service_id)})"
            )
    useless = []
    for key, change in _relaxations(prepared.problem.limits):
        solution = cheapest(_relaxed(prepared, change), settings)
        monthly = _monthly(solution)
        if monthly is not None:
            reasons.append(f"{key}: without it the cheapest plan costs {_money(prepared, monthly)}")
        elif solution.status == "infeasible":
            useless.append(key)
    if useless:
        one = "lifting" if len(useless) == 1 else "lifting any one of"
        reasons.append(f"{one} {', '.join(useless)} alone does not help")
    return tuple(reasons)


def _commonest_rejections(prepared: Prepared, service_id: str) -> str:
    """Say how many combinations fall out at each step, with the commonest reason; by speed, with the fastest."""
    mine = [r for r in prepared.candidates.rejections if r.service_id in (service_id, "")]
    parts = []
    for step in STEP_ORDER:
        reasons = [r.reason for r in mine if r.step == step]
        if step == "speed" and reasons:
            best = max(
                reasons,
                key=lambda reason: float(found.group()) if (found := re.match(r"[0-9.]+(?= tok/s)", reason)) else 0.0,
            )
            parts.append(f"{len(reasons)} fall out by speed, the fastest: {best}")
        elif reasons:
            parts.append(f"{len(reasons)} fall out by {step}, most often: {Counter(reasons).most_common(1)[0][0]}")
    return "; ".join(parts) or "the catalog has no offer"
