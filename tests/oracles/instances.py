"""Tiny problems without a catalog: offers, ways to run services on them, demands and limits."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizer.candidates import CandidateSet, Option
from optimizer.costs import PricedOffer
from optimizer.costs.priced import PriceEnds
from optimizer.demand import ServiceDemand
from optimizer.schema.base import Kind
from optimizer.schema.problem import Contract, Demand, Limits, NodeCount, RequestClass, Service, Slo, Survive, Tier
from optimizer.solve import Solution, SolveSettings, solve, solve_at

TARGET = 10.0
"""Tokens/s that every service asks for unless told otherwise."""


@dataclass(frozen=True)
class Steps:
    """A replica's capacity as (speed, amount) in rising speed and falling amount: so much up to that speed."""

    levels: tuple[tuple[float, int], ...]

    def amount(self, tokens_per_s: float, strictly_above: bool = False) -> int:
        fits = [n for speed, n in self.levels if speed > tokens_per_s or (speed == tokens_per_s and not strictly_above)]
        return max(fits, default=0)

    def next_speed(self, tokens_per_s: float) -> float | None:
        return min((speed for speed, _ in self.levels if speed > tokens_per_s), default=None)

    concurrency = amount
    """All are known alike, so that no tie goes by it."""

    def evidence(self, concurrency: int) -> str:
        return "measured"

    def error_fraction(self, concurrency: int) -> float:
        return 0.0


@dataclass(frozen=True)
class Instance:
    """A problem ready for the solver, with its limits and its budget in micro-dollars an hour."""

    candidates: CandidateSet
    limits: Limits
    budget: int | None = None

    def solve(self, **settings: Any) -> Solution:
        """Find the plan with all tie-breaks."""
        return solve(self.candidates, self.limits, self.budget, SolveSettings(**settings))

    def solve_for_cost(self, **settings: Any) -> Solution:
        """Find the cheapest plan at the services' own targets, ties left open."""
        targets = self.candidates.targets()
        return solve_at(self.candidates, self.limits, targets, self.budget, SolveSettings(**settings), in_order=False)

    def with_offers(self, offers: Iterable[PricedOffer]) -> Instance:
        return replace(self, candidates=replace(self.candidates, offers=tuple(offers)))

    def with_limits(self, **limits: Any) -> Instance:
        return replace(self, limits=self.limits.model_copy(update=limits))


def price_ends(price: int) -> PriceEnds:
    """State a price without a range."""
    return PriceEnds.stated({"rent": price}, {"rent": price}, {"rent": price})


def offer(
    offer_id: str, price: int, *, gpu: str = "small", gpus: int = 1, provider: str = "acme", region: str = "east",
    stock: int | None = None, watts: int = 0, spot: bool = False,
) -> PricedOffer:
    """Make an offer at a price in micro-dollars an hour."""
    kind: Kind = "owned" if watts else "spot" if spot else "on_demand"
    return PricedOffer(
        offer_id=offer_id, provider=provider, region=region, gpu_id=gpu, gpu_count=gpus, kind=kind, term_months=0,
        platform="linux", ends=price_ends(price), end="value",
        stock=stock, watts=watts, price_as_of="2026-01-01", price_evidence="list", source_url="https://example.org",
        from_overlay=False)


def runs(
    gpu: str, capacity: int | Sequence[tuple[float, int]], *, engine: str = "vllm", service: int = 0,
    footprint: int = 1, precision: str = "bf16",
) -> Option:
    """Say what one replica of a service carries on GPUs of a type: a number at the target, or (speed, amount) steps."""
    levels = ((TARGET, capacity),) if isinstance(capacity, int) else tuple(capacity)
    return Option(
        service=service, gpu_id=gpu, engine_id=engine, precision=precision, tp_size=footprint,
        gpu_count=footprint, speed=Steps(levels))  # type: ignore[arg-type]


def instance(
    offers: Sequence[PricedOffer], options: Sequence[Option], demands: Sequence[int], *, targets: Sequence[float] = (),
    budget: int | None = None, **limits: Any,
) -> Instance:
    """Put offers, options and the demand of each service together."""
    services = tuple(
        Service(
            service_id=f"service-{i}", model="some-model", slo=Slo(tokens_per_s_per_user=target),
            workload=(RequestClass(isl_tokens=100, osl_tokens=100),), headroom_fraction=0.0,
            demand=Demand(peak_concurrency=min(amount, 10**11)))
        for i, (amount, target) in enumerate(zip(demands, targets or [TARGET] * len(demands), strict=True))
    )
    asked = tuple(
        ServiceDemand(service.service_id, "concurrency", amount, amount, None, None, f"{amount}")
        for service, amount in zip(services, demands, strict=True)
    )
    by_place: dict[tuple[int, str], tuple[Option, ...]] = {}
    for option in options:
        key = (option.service, option.gpu_id)
        by_place[key] = (*by_place.get(key, ()), option)
    return Instance(CandidateSet(services, asked, tuple(offers), by_place, {}, ()), Limits(**limits), budget)


def random_steps(rng: random.Random, most: int) -> list[tuple[float, int]]:
    """Draw a capacity: one to three steps, the last at or above the target."""
    amounts = sorted(rng.sample(range(1, most + 1), min(most, rng.randint(1, 3))), reverse=True)
    speeds = sorted(rng.sample([4.0, 7.0, 10.0, 12.0, 15.0, 20.0, 31.0, 40.0], len(amounts)))
    return list(zip(speeds, amounts, strict=True))


def a_month(micro_usd_per_hour: int) -> float:
    """Return the dollars a month of whole micro-dollars an hour."""
    return micro_usd_per_hour * 730 / 1_000_000


def random_contract(rng: random.Random, spend: int) -> Contract:
    """Draw a contract whose thresholds lie about a spend in micro-dollars an hour."""
    marks = sorted(rng.sample(range(1, 3 * max(2, spend)), rng.randint(0, 2)))
    discounts = sorted(rng.choice([0.1, 0.25, 0.3, 0.5, 1.0]) for _ in marks)
    tiers = tuple(
        Tier(above_usd_per_month=a_month(mark), discount_fraction=discount)
        for mark, discount in zip(marks, discounts, strict=True))
    least, fee = (a_month(rng.choice([0, 0, spend // 3, spend])) for _ in range(2))
    return Contract(minimum_usd_per_month=least, fee_usd_per_month=fee / 4, tiers=tiers, signed=rng.random() < 0.3)


def random_limits(rng: random.Random, rules: frozenset[str], cost_hint: int) -> dict[str, Any]:
    """Draw a limit for each rule named."""
    drawn: dict[str, Any] = {}
    if "keep_budget" in rules:
        drawn["budget"] = rng.randint(cost_hint // 3, cost_hint * 2)
    if "limit_nodes" in rules:
        low = rng.choice([0, 0, 1, 3, 5])
        drawn["nodes"] = NodeCount(min=low, max=rng.choice([None, low + rng.randint(0, 4) or 1]))
    if "hold_nodes" in rules:
        drawn["at_least"] = {f"o{rng.randint(0, 1)}": rng.randint(1, 2)}
    if "limit_gpu_types" in rules:
        drawn["max_gpu_types"] = rng.randint(1, 2)
    if "choose_engines" in rules:
        drawn["engine_policy"] = rng.choice(["fleet", "per_gpu"])
    survive: dict[str, Any] = {}
    if "survive_node_loss" in rules:
        survive["nodes"] = rng.randint(1, 2)
    if "survive_provider_loss" in rules:
        survive["provider"] = True
    if "survive_region_loss" in rules:
        survive["region"] = True
    if survive:
        drawn["survive"] = Survive(**survive)
    if "cap_power" in rules:
        drawn["power_kw"] = rng.randint(0, 40) / 10
    if "pay_contracts" in rules:
        names = rng.sample(["acme", "bolt", "core"], rng.randint(1, 2))
        drawn["contracts"] = {name: random_contract(rng, cost_hint // 8) for name in names}
    if "cap_spot_share" in rules:
        drawn["spot_share_fraction"] = rng.choice([0.0, 0.3, 0.5, 0.75])
    return drawn


def random_instance(
    rng: random.Random, rules: Iterable[str] = (), *, services: int = 1, offers: int = 4, demand: int = 10,
    options: int = 2, largest: int = 6, price: int = 12, engines: Sequence[str] = ("sglang", "vllm"),
) -> Instance:
    """Draw a small problem under the rules named (those of CONSTRAINTS; demand is always to be met).

    Prices repeat, so that ties are common; GPU types, providers and regions are few, so that offers share them.
    """
    active = frozenset(rules)
    gpus = ["ant", "bee", "cat"][: rng.randint(1, 3)]
    made = [
        offer(
            f"o{i}", rng.randint(1, price), gpu=rng.choice(gpus), gpus=rng.choice([1, 1, 2, 4]),
            provider=rng.choice(["acme", "bolt", "core"]), region=rng.choice(["east", "west"]),
            stock=rng.choice([None, 1, 2, 3]) if "respect_stock" in active else None,
            watts=rng.choice([0, 300, 700]) if "cap_power" in active else 0,
            spot="cap_spot_share" in active and rng.random() < 0.6)
        for i in range(rng.randint(2, offers))
    ]
    rng.shuffle(made)
    found = {}
    for service in range(services):
        for gpu in gpus:
            for _ in range(rng.randint(1, options)):
                drawn = runs(
                    gpu, random_steps(rng, largest), engine=rng.choice(engines), service=service,
                    footprint=rng.choice([1, 1, 2]), precision=rng.choice(["bf16", "fp8"]))
                found[service, gpu, drawn.order] = drawn
    demands = [rng.randint(1, demand) for _ in range(services)]
    limits = random_limits(rng, active, price * max(demands))
    return instance(made, list(found.values()), demands, **limits)
