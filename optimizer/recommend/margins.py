"""What would overturn a plan: how much slower everything may be, and what the next best plan costs."""

from __future__ import annotations

from dataclasses import replace

from optimizer.explain.whatif import at_pace, cheapest, monthly_usd
from optimizer.recommend.questions import without
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared, SolveSettings
from optimizer.solve.variants import with_limits

PERCENT = 100


def slower_fraction(prepared: Prepared, plan: Plan, settings: SolveSettings) -> float | None:
    """Return by which part all speeds may fall until the nodes of a plan no longer keep the promise.

    The nodes and their engines stay; what they carry is counted again at each whole percent, by bisection.
    None where the promise does not hang on speed, or a limit was reached.
    """
    fixed = _only(prepared, plan)

    def holds(percent: int) -> bool | None:
        found = cheapest(at_pace(fixed, 1 - percent / PERCENT), settings)
        return None if found.status == "unknown" else found.has_plan

    low, high = 0, PERCENT - 1
    if holds(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        held = holds(middle)
        if held is None:
            return None
        low, high = (middle, high) if held else (low, middle)
    return low / PERCENT


def _only(prepared: Prepared, plan: Plan) -> Prepared:
    """Return the problem with the nodes and settings of a plan alone, and no other of either."""
    counts = {node.offer_id: node.count for node in plan.nodes}
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    services = {service.service_id: index for index, service in enumerate(prepared.problem.services)}
    used = {(services[d.service_id], gpus[d.offer_id], d.engine_id, d.precision, d.tp_size, d.layout or "")
            for d in plan.deployments}
    offers = tuple(replace(offer, stock=counts[offer.offer_id], stock_pool="", own_stock=None)
                   for offer in prepared.candidates.offers if offer.offer_id in counts)
    options = {
        (index, gpu): tuple(one for one in found
                            if (index, gpu, one.engine_id, one.precision, one.tp_size, one.layout or "") in used)
        for (index, gpu), found in prepared.candidates.options.items() if gpu in gpus.values()
    }
    problem = with_limits(prepared.problem, budget=None, contracts={})
    return replace(prepared, problem=problem, budget=None,
                   candidates=replace(prepared.candidates, offers=offers, options=options))


def next_best(prepared: Prepared, plan: Plan, settings: SolveSettings) -> float | None:
    """Return the cost a month of the best plan without any offer of this one; the budget is put aside."""
    rid = replace(without(prepared, {node.offer_id for node in plan.nodes}), budget=None)
    return monthly_usd(cheapest(rid, settings))
