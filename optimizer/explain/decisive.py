"""What a plan depends on: its figures at their bad ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.candidates import ReplicaSpeed
from optimizer.costs.owned import machine_of
from optimizer.explain.whatif import cheapest, monthly_usd, with_prices
from optimizer.messages import Message
from optimizer.schema.plan import DecisiveFigure, Deployment, Node, Plan
from optimizer.solve import Prepared, SolveSettings

KV_ERROR_FRACTION = 0.11
"""Error of the KV cache computed from start-up memory outside the laboratory it was fitted on (vLLM logs)."""

DECISIVE_FIGURES = 3
"""How many of them the first lines of an answer name."""


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


Figure = tuple[Message, Message, Prepared]
"""What a figure is called, its value, and the problem with that figure at its bad end."""


def _bad_replicas(prepared: Prepared, index: int, gpu: str, **ends: bool) -> Prepared:
    """Return the problem with every replica of a service on a GPU type at the bad end of some of its figures."""
    options = tuple(option.changed(lambda speed: _slowed(speed, **ends))
                    for option in prepared.candidates.options.get((index, gpu), ()))
    return replace(prepared, candidates=prepared.candidates.with_options_on(index, gpu, options))


def _replica_figures(prepared: Prepared, index: int, gpu: str, one: Deployment) -> Iterator[Figure]:
    """Yield the figures behind one service on one GPU type: speed, TTFT where it is limited, KV cache."""
    service = prepared.problem.services[index]
    what = {"model": service.model, "gpu": gpu}
    value = Message("figure.speed-value", speed=one.tokens_per_s_per_user, count=one.concurrency_at_peak,
                    evidence=one.evidence, error=one.error_fraction)
    yield Message("figure.speed-of", **what), value, _bad_replicas(prepared, index, gpu, tpot=True)
    if service.slo.ttft_ms is not None and one.ttft_ms is not None:
        error = _ttft_error(prepared, index, gpu, one)
        value = Message("figure.ttft-value", ms=one.ttft_ms, error=error)
        yield Message("figure.ttft-of", **what), value, _bad_replicas(prepared, index, gpu, ttft=True)
    value = Message("figure.kv-value", count=one.concurrency_per_replica, error=KV_ERROR_FRACTION)
    yield Message("figure.kv-of", **what), value, _bad_replicas(prepared, index, gpu, fewer=True)


def _ttft_error(prepared: Prepared, index: int, gpu: str, one: Deployment) -> float:
    """Return the error of the TTFT of a deployment's replica."""
    setting = (one.engine_id, one.precision, one.tp_size, one.gpu_count, one.layout or "")
    options = (o for o in prepared.candidates.options.get((index, gpu), ()) if o.order == setting)
    classes = [c for o in options for speed in o.replica_speeds() for c in speed.classes]
    return max((c.ttft_error_fraction(one.concurrency_at_peak) for c in classes), default=0.0)


def _price_figure(prepared: Prepared, node: Node) -> Figure:
    worst = node.usd_per_month_high / node.usd_per_month - 1
    value = Message("figure.price-value", usd=node.usd_per_month / node.count, evidence=node.price_evidence,
                    worst=worst)
    node_id = machine_of(node)
    return (
        Message("figure.price-of" if node_id == node.offer_id else "figure.price-everywhere", offer=node_id),
        value,
        with_prices(prepared, lambda offer: machine_of(offer) == node_id, "high"),
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
            found.append(DecisiveFigure(figure=figure, value=value, usd_per_month_at_bad_end=monthly_usd(solution)))
    infinite = float("inf")
    ranked = sorted(
        found, key=lambda f: -(infinite if f.usd_per_month_at_bad_end is None else f.usd_per_month_at_bad_end)
    )
    return tuple(ranked[:DECISIVE_FIGURES])
