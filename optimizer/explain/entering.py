"""Why not another GPU or engine: the price, or the speed, at which it would stand in an optimal plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.candidates import Option, ReplicaSpeed, StatedCapacity
from optimizer.candidates.rejection import STEP_ORDER
from optimizer.costs import PricedOffer
from optimizer.explain.whatif import at_pace, at_price, cheapest, over_offers, undominated, with_the_slow
from optimizer.messages import Message
from optimizer.solve import Prepared, Solution, SolveSettings
from optimizer.solve.variants import under_limits
from optimizer.units import MICRO, usd, usd_per_month

Verdict = Literal["in the plan", "equal", "lost", "rejected"]

FASTEST_FACTOR = 64.0
"""No engine is asked to be so much faster."""

FACTOR_STEP = 0.001
"""Speed factors are found to this fraction, on the safe side."""


@dataclass(frozen=True)
class GpuVerdict:
    """What became of one GPU type, and what it would take for it to be chosen.

    Its cheapest eligible offer is tried alone: the other offers of the GPU are left out.
    """

    gpu_id: str
    verdict: Verdict
    reason: Message
    offer_id: str | None = None
    gpu_count: int = 0
    usd_per_hour: float | None = None
    """Price of that offer, a node."""
    enters_at_usd_per_hour: float | None = None
    """Highest node price at which it stands in an optimal plan, exact to a micro-dollar; None: at none."""
    capacity_per_node: float | None = None
    """Requests in flight (or requests/s) that a node carries."""
    enters_at_capacity: float | None = None
    """Smallest capacity of a node with which it stands in an optimal plan at its price; None: with none."""
    speed_factor: float | None = None
    """How many times as fast its replicas must be for that; None where memory or TTFT stand in the way."""


@dataclass(frozen=True)
class EngineVerdict:
    """What became of one engine, and what it would take for it to be chosen."""

    engine_id: str
    verdict: Verdict
    reason: Message
    usd_per_month: float | None = None
    """The best plan of this engine alone."""
    speed_factor: float | None = None
    """How many times as fast it must be for such a plan to cost no more than the best one."""


def cheapest_eligible(prepared: Prepared, gpu: str) -> PricedOffer | None:
    """Return the offer of a GPU type with the lowest price for what a node carries, at most the whole demand."""
    worth: dict[str, tuple[float, int, str]] = {}
    offers = {offer.offer_id: offer for offer in prepared.candidates.offers if offer.gpu_id == gpu}
    alone = prepared.only_gpu(gpu)
    for index, (demand, target) in enumerate(
        zip(prepared.candidates.demands, prepared.candidates.targets(), strict=True)
    ):
        for one in alone.candidates.candidates(index, target):
            price, name = one.offer.micro_usd_per_hour, one.offer.offer_id
            rank = (price * demand.amount / min(one.capacity, demand.amount), price, name)
            worth[name] = min(worth.get(name, rank), rank)
    return offers[min(worth, key=lambda name: worth[name])] if worth else None


def held(prepared: Prepared, offer_id: str) -> Prepared:
    """Return the problem whose plan must hold a node of an offer."""
    at_least = {**prepared.problem.limits.at_least}
    at_least[offer_id] = max(1, at_least.get(offer_id, 0))
    return under_limits(prepared, at_least=at_least)


def _nodes_of(solution: Solution, offer_id: str) -> int:
    return sum(chosen.nodes for chosen in solution.every if chosen.row.offer_id == offer_id)


def entry_price(forced: Prepared, offer_id: str, cost: int, settings: SolveSettings) -> int | None:
    """Return the highest price at which a plan with the offer costs no more than `cost`; None when none does.

    With n nodes of it and R for the rest, a plan costs no more up to the price (cost - R) / n. From 0, take that of the
    cheapest plan found, rounded down, and ask again one above, until no plan is left (Dinkelbach's method).

    Args:
        forced: the problem whose plan must hold the offer.
        cost: of the best plan without it, in micro-dollars an hour.
    """
    price = 0
    solution = cheapest(at_price(forced, offer_id, price), settings)
    while solution.cost is not None and solution.cost <= cost:
        nodes = _nodes_of(solution, offer_id)
        price = (cost - (solution.cost - price * nodes)) // nodes + 1
        solution = cheapest(at_price(forced, offer_id, price), settings)
    return price - 1 if price else None


def with_capacity(prepared: Prepared, offer: PricedOffer, amount: int, engine: str) -> Prepared:
    """Return a problem of one service in which a node of an offer carries so much, with one of its engines."""
    candidates = prepared.candidates
    known = next(option for option in candidates.options_on(0, offer) if option.engine_id == engine)
    option = replace(known, gpu_count=0, speed=StatedCapacity(amount, candidates.targets()[0], None))
    stated = {**candidates.stated, (0, offer.offer_id): option}
    return replace(prepared, candidates=replace(candidates, stated=stated))


def cheapest_cost_within(prepared: Prepared, cost: int, settings: SolveSettings) -> bool:
    """Say whether some plan costs no more than `cost`."""
    found = cheapest(prepared, settings).cost
    return found is not None and found <= cost


def entry_capacity(
    forced: Prepared, offer: PricedOffer, has: int, cost: int, settings: SolveSettings
) -> int | None:
    """Return the smallest capacity of a node with which a plan that holds the offer costs no more than `cost`.

    Found by halving between what it has (which is enough where the offer is in another plan of this cost) and the
    whole demand; None when even that is not enough.
    """
    engines = sorted({option.engine_id for option in forced.candidates.options_on(0, offer)})
    if forced.problem.limits.engine_policy == "any":
        engines = engines[:1]

    def enters(amount: int) -> bool:
        """Say whether so much per node is enough, with some engine."""
        tried = (cheapest(with_capacity(forced, offer, amount, engine), settings).cost for engine in engines)
        return any(found is not None and found <= cost for found in tried)

    low, high = has, forced.candidates.demands[0].amount
    if cheapest_cost_within(forced, cost, settings):
        return has
    if high <= low or not enters(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enters(middle) else (middle, high)
    return high


def _best_option(prepared: Prepared, offer: PricedOffer) -> tuple[Option, int]:
    """Return the option with the highest capacity on an offer, and that capacity."""
    alone = over_offers(prepared, lambda other: other.offer_id == offer.offer_id)
    best = max(alone.candidates.candidates(0, prepared.candidates.targets()[0]), key=lambda one: one.capacity)
    return best.option, best.capacity


def _speed_factor(option: Option, offer: PricedOffer, capacity: int, target: float) -> float | None:
    """Return how many times as fast a replica must be to carry its part of a node's capacity."""
    if not isinstance(option.speed, ReplicaSpeed) or option.speed.demand.unit == "rate" or not target:
        return None
    each = -(-capacity // option.replicas_on(offer))
    if any(each > one.kept for one in option.speed.classes):
        return None
    return max(1.0, target / option.speed.speed(each))


def _lost(prepared: Prepared, gpu: str, offer: PricedOffer, cost: int, settings: SolveSettings) -> GpuVerdict:
    """Find what a GPU type that fits would need."""
    others = over_offers(prepared, lambda other: other.gpu_id != gpu)
    kept = {other.offer_id for other in undominated(others).candidates.offers} | {offer.offer_id}
    forced = held(over_offers(prepared, lambda other: other.offer_id in kept), offer.offer_id)
    price = entry_price(forced, offer.offer_id, cost, settings)
    needed, has, factor = None, None, None
    if len(prepared.problem.services) == 1:
        option, amount = _best_option(prepared, offer)
        unit = 1 if prepared.candidates.demands[0].unit == "concurrency" else MICRO
        has = amount / unit
        enough = entry_capacity(forced, offer, min(amount, prepared.candidates.demands[0].amount), cost, settings)
        needed = None if enough is None else enough / unit
        factor = None if enough is None else _speed_factor(option, offer, enough, prepared.candidates.targets()[0])
    equal = price is not None and price >= offer.micro_usd_per_hour
    return GpuVerdict(
        gpu, "equal" if equal else "lost", _why_lost(prepared, gpu, cost, settings), offer.offer_id, offer.gpu_count,
        usd(offer.micro_usd_per_hour), None if price is None else usd(price), has, needed, factor,
    )


def _why_lost(prepared: Prepared, gpu: str, cost: int, settings: SolveSettings) -> Message:
    """Say what a plan of this GPU type alone would cost."""
    alone = cheapest(prepared.only_gpu(gpu), settings)
    if alone.cost is None:
        return Message("verdict.alone-none")
    return Message("verdict.alone", usd=usd_per_month(alone.cost), times=alone.cost / max(cost, 1))


def commonest_reason(prepared: Prepared, gpu: str | None = None, engine: str | None = None) -> Message:
    """Return the reason at the latest step that rejected a GPU type or an engine."""
    for step in reversed(STEP_ORDER):
        reasons = [
            r.reason
            for r in prepared.candidates.rejections
            if r.step == step and (gpu is None or r.gpu_id == gpu) and (engine is None or r.engine_id == engine)
        ]
        if reasons:
            commonest = max(set(reasons), key=lambda reason: (reasons.count(reason), reason))
            return Message("verdict.at-step", step=step, reason=commonest)
    return Message("nowhere.no-offer")


def gpu_verdicts(prepared: Prepared, solution: Solution, settings: SolveSettings) -> Iterator[GpuVerdict]:
    """Yield what became of each GPU type that has an offer or was rejected, given the best plan."""
    used = {chosen.row.gpu for chosen in solution.chosen}
    cost = solution.cost or 0
    eligible = {option.gpu_id for found in prepared.candidates.options.values() for option in found}
    eligible |= {option.gpu_id for option in prepared.candidates.stated.values()}
    rejected = {rejection.gpu_id for rejection in prepared.candidates.rejections}
    for gpu in sorted(eligible | rejected):
        if gpu in used:
            yield GpuVerdict(gpu, "in the plan", Message("verdict.part"))
            continue
        offer = cheapest_eligible(prepared, gpu) if gpu in eligible else None
        if offer is None:
            yield GpuVerdict(gpu, "rejected", commonest_reason(prepared, gpu=gpu))
        else:
            yield _lost(prepared, gpu, offer, cost, settings)


def only_engine(prepared: Prepared, engine: str) -> Prepared:
    """Return the problem over the options of one engine."""
    candidates = prepared.candidates
    options = {
        key: kept for key, found in candidates.options.items()
        if (kept := tuple(option for option in found if option.engine_id == engine))
    }
    stated = {key: option for key, option in candidates.stated.items() if option.engine_id == engine}
    return replace(prepared, candidates=replace(candidates, options=options, stated=stated))


def engine_factor(prepared: Prepared, cost: int, settings: SolveSettings) -> float | None:
    """Return how many times as fast the engines of a problem must be for a plan to cost no more than `cost`.

    Found by halving, on the safe side; None where no speed is enough.

    Args:
        prepared: with the options that are too slow as planned.
    """

    def matches(factor: float) -> bool:
        """Say whether a plan at this factor costs no more."""
        return cheapest_cost_within(at_pace(prepared, factor), cost, settings)

    low, high = 1.0, FASTEST_FACTOR
    if not matches(high):
        return None
    while high / low > 1 + FACTOR_STEP:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if matches(middle) else (middle, high)
    return high


def engine_verdicts(prepared: Prepared, solution: Solution, settings: SolveSettings) -> Iterator[EngineVerdict]:
    """Yield what became of each engine of the catalog that was looked at, given the best plan."""
    used = {chosen.row.engine for chosen in solution.chosen}
    cost = solution.cost or 0
    fits = {option.engine_id for found in prepared.candidates.options.values() for option in found}
    fits |= {option.engine_id for option in prepared.candidates.stated.values()}
    rejected = {r.engine_id for r in prepared.candidates.rejections if r.engine_id is not None}
    unhurried = with_the_slow(prepared)
    for engine in sorted(fits | rejected):
        alone = cheapest(only_engine(prepared, engine), settings) if engine in fits else None
        monthly = None if alone is None or alone.cost is None else usd_per_month(alone.cost)
        if engine in used:
            yield EngineVerdict(engine, "in the plan", Message("verdict.part"), monthly)
        elif engine not in fits:
            yield EngineVerdict(engine, "rejected", commonest_reason(prepared, engine=engine))
        elif alone is not None and alone.cost == cost:
            yield EngineVerdict(engine, "equal", Message("verdict.equal"), monthly)
        else:
            factor = engine_factor(only_engine(unhurried, engine), cost, settings)
            why = Message("verdict.none" if monthly is None else "verdict.dearer")
            yield EngineVerdict(engine, "lost", why, monthly, factor)
