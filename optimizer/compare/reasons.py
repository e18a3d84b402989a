"""Why a way of obtaining the nodes has no plan, in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from optimizer.demand import profile_hours
from optimizer.messages import Message
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Status
from optimizer.schema.problem import NodeCount, Survive
from optimizer.solve import Prepared, SolveSettings, solve_at
from optimizer.solve.variants import under_limits
from optimizer.units import usd_per_month

STEPS = ("policy", "evidence", "engine", "memory", "speed")
"""Steps at which options fall out; the latest tells most."""


def why_not(prepared: Prepared, status: Status, settings: SolveSettings) -> Message:
    """Say why there is no plan: the first cause found, from no offer at all to the limit that stands in the way."""
    if status == "unknown":
        return Message("answer.limit")
    if not prepared.candidates.offers:
        return Message("why.no-offer")
    return _held(prepared) or _nothing_serves(prepared) or _limit_in_the_way(prepared, settings)


def _held(prepared: Prepared) -> Message | None:
    """Name the nodes that must be held and are left out here."""
    here = {offer.offer_id for offer in prepared.candidates.offers}
    out = [name for name in prepared.problem.limits.at_least if name not in here]
    return Message("why.held", offers=tuple(out)) if out else None


def _nothing_serves(prepared: Prepared) -> Message | None:
    """Say why no node serves some service at all."""
    candidates = prepared.candidates
    for index, (service, target) in enumerate(zip(candidates.services, candidates.targets(), strict=True)):
        if next(iter(candidates.candidates(index, target)), None) is not None:
            continue
        found = [r for r in candidates.rejections if r.step != "policy" and r.service_id in ("", service.service_id)]
        if not found:
            return Message("why.no-node", service=service.service_id)
        last = max((r.step for r in found), key=STEPS.index)
        reason, _ = Counter(r.reason for r in found if r.step == last).most_common(1)[0]
        return Message("why.service", service=service.service_id, reason=reason)
    return None


def _lifted(prepared: Prepared) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each limit that is set, with its value when it is not."""
    limits = prepared.problem.limits
    if limits.budget is not None:
        yield "budget", {"budget": None}
    if limits.survive != Survive():
        yield "survive", {"survive": Survive()}
    if limits.spot_share_fraction is not None:
        yield "spot_share_fraction", {"spot_share_fraction": None}
    if limits.nodes.max is not None:
        yield "nodes.max", {"nodes": NodeCount(min=limits.nodes.min)}
    if limits.max_gpu_types is not None:
        yield "max_gpu_types", {"max_gpu_types": None}
    if limits.power_kw is not None:
        yield "power_kw", {"power_kw": None}


def _cost(prepared: Prepared, settings: SolveSettings) -> float | None:
    """Return the cost of the cheapest plan in US dollars a month, None without one."""
    if profile_hours(prepared.problem) is not None:
        return best_plan(prepared, settings, with_rejections=False).cost.usd_per_month
    candidates = prepared.candidates
    found = solve_at(
        candidates, prepared.problem.limits, candidates.targets(), prepared.budget, settings, in_order=False)
    return usd_per_month(found.cost) if found.has_plan and found.cost is not None else None


def _limit_in_the_way(prepared: Prepared, settings: SolveSettings) -> Message:
    """Name the first limit without which there is a plan, with its cost; else what is left: the stock."""
    for key, change in _lifted(prepared):
        cost = _cost(under_limits(prepared, **change), settings)
        if cost is not None:
            return Message("why.limit", key=f"limits.{key}", usd=cost)
    return Message("why.stock")
