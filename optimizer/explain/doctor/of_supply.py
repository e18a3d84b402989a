"""The least change of a limit on which nodes and speeds may be used."""

from __future__ import annotations

import math
from collections.abc import Callable

from optimizer.costs import PricedOffer
from optimizer.costs.priced import stocks_of
from optimizer.explain.doctor.requirements import ENDLESS, EVERY_KIND
from optimizer.explain.doctor.search import Bench, Kept, least_integer, one_more
from optimizer.explain.whatif import over_offers
from optimizer.messages import Message
from optimizer.schema.problem import Selection
from optimizer.solve import Prepared, Solution
from optimizer.solve.variants import under_limits, with_limits

LEAST_CONFIDENCE = 50
"""Confidence in percent that stands for the middle of the error bar."""


def stock(bench: Bench, _: int) -> Kept | None:
    """Return the fewest more nodes of one offer that make a plan, the cheapest among equals; else of several."""
    found: list[tuple[int, int, str, Solution]] = []
    stocks = stocks_of(bench.offers)
    for pool, count in stocks.items():
        if _stocked(bench, {pool: ENDLESS}).has_plan:
            enough = least_integer(count, ENDLESS, lambda n, pool=pool: _stocked(bench, {pool: n}).has_plan)  # type: ignore[misc]
            solution = _stocked(bench, {pool: enough})
            found.append((enough - count, solution.cost or 0, pool, solution))
    if not found:
        return _stock_of_several(bench, stocks)
    more, _cost, pool, solution = min(found, key=lambda one: one[:3])
    return Kept(Message("gives.more-of", count=more, offer=pool), float(more), solution)


def _stock_of_several(bench: Bench, stocks: dict[str, int]) -> Kept | None:
    """Return what the cheapest plan takes beyond the stock, less whatever of it can stay away."""
    free = _stocked(bench, dict.fromkeys(stocks, ENDLESS))
    if not free.has_plan:
        return None
    enough = dict(stocks)
    for name, taken in taken_of(free).items():
        if name in stocks:
            enough[name] = max(stocks[name], taken)
    for pool, count in sorted(stocks.items()):
        if enough[pool] > count:
            enough[pool] = least_integer(
                count - 1, enough[pool], lambda n, pool=pool: _stocked(bench, {**enough, pool: n}).has_plan  # type: ignore[misc]
            )
    more = {pool: enough[pool] - count for pool, count in sorted(stocks.items()) if enough[pool] > count}
    parts = tuple(Message("gives.more-of", count=nodes, offer=pool) for pool, nodes in more.items())
    words = Message("gives.survive", parts=parts)
    return Kept(words, float(sum(more.values())), _stocked(bench, enough))


def taken_of(solution: Solution) -> dict[str, int]:
    """Return the nodes that a solution takes, of each offer and of each pool that several share."""
    taken: dict[str, int] = {}
    for chosen in solution.every:
        offer = chosen.row.candidate.offer
        for name in {offer.offer_id, offer.pool}:
            taken[name] = taken.get(name, 0) + chosen.nodes
    return taken


def _stocked(bench: Bench, nodes: dict[str, int]) -> Solution:
    stock = {**bench.prepared.problem.limits.stock, **nodes}
    return bench.solved(bench.anew(with_limits(bench.prepared.problem, stock=stock)))


def confidence(bench: Bench, _: int) -> Kept | None:
    """Return the highest confidence, in whole percent, that some plan reaches; none asks for the middle."""
    asked = bench.prepared.problem.limits.speed_confidence or 0.0

    def at(missing: int) -> Solution:
        """Solve with so many percent less."""
        return bench.solved(under_limits(bench.prepared, speed_confidence=(start - missing) / 100))

    start = math.ceil(asked * 100 - 1e-9)
    most = start - LEAST_CONFIDENCE
    if most < 1 or not at(most).has_plan:
        middle = bench.solved(under_limits(bench.prepared, speed_confidence=None))
        return Kept(Message("gives.middle"), None, middle) if middle.has_plan else None
    missing = least_integer(0, most, lambda steps: at(steps).has_plan)
    return Kept(Message.quoted(f"{(start - missing) / 100:g}"), (start - missing) / 100, at(missing))


def evidence(bench: Bench, _: int) -> Kept | None:
    """Return the best worse evidence with a plan."""
    weaker = {"measured": ("interpolated", "estimated"), "interpolated": ("estimated",)}
    names = weaker.get(bench.prepared.problem.limits.evidence, ())
    tried = (Kept(Message("asks.names", names=(name,)), None,
                  bench.solved(under_limits(bench.prepared, evidence=name))) for name in names)
    return next((kept for kept in tried if kept.solution.has_plan), None)


def _selection(bench: Bench, key: str, name_of: Callable[[PricedOffer], str]) -> Kept | None:
    """Return the cheapest name to admit, or all of them where one is not enough."""
    now: Selection = getattr(bench.prepared.problem.limits, key)
    free = under_limits(bench.prepared, **{key: Selection()})

    def admitting(name: str) -> Prepared:
        """Return the problem that admits one more name."""
        return over_offers(free, lambda offer: not now.refuses(name_of(offer)) or name_of(offer) == name)

    refused = sorted({name_of(offer) for offer in free.candidates.offers if now.refuses(name_of(offer))})
    return one_more(bench, refused, admitting, lambda: free)


def gpus(bench: Bench, _: int) -> Kept | None:
    """Return the cheapest GPU type to admit."""
    return _selection(bench, "gpus", lambda offer: offer.gpu_id)


def providers(bench: Bench, _: int) -> Kept | None:
    """Return the cheapest provider to admit."""
    return _selection(bench, "providers", lambda offer: offer.provider)


def regions(bench: Bench, _: int) -> Kept | None:
    """Return the cheapest region to admit."""
    return _selection(bench, "regions", lambda offer: offer.region)


def kinds(bench: Bench, _: int) -> Kept | None:
    """Return the cheapest kind to admit."""
    now = bench.prepared.problem.limits.kinds
    return one_more(
        bench,
        (kind for kind in EVERY_KIND if kind not in now),
        lambda kind: under_limits(bench.prepared, kinds=(*now, kind)),
        lambda: under_limits(bench.prepared, kinds=EVERY_KIND),
    )


def used(bench: Bench, _: int) -> Kept | None:
    """Return the plan that may also buy what is sold used only."""
    solution = bench.solved(under_limits(bench.prepared, used=True))
    return Kept(Message("gives.true"), 1.0, solution) if solution.has_plan else None


def term(bench: Bench, _: int) -> Kept | None:
    """Return the shortest longer term with a plan."""
    asked = bench.prepared.problem.limits.max_term_months
    for months in sorted({offer.term_months for offer in bench.offers if offer.term_months > asked}):
        solution = bench.solved(under_limits(bench.prepared, max_term_months=months))
        if solution.has_plan:
            return Kept(Message("asks.months", value=months), float(months), solution)
    return None
