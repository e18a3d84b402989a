"""Every key of `limits`: adding a restriction never helps, and relaxing one never hurts.

Small random problems over one market, in every form that a question can have: one peak, hours of a day, services that
share nodes, quarters. A new key of `limits` must be given a way to be made stricter here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.catalog import Product
from optimizer.schema.problem import (
    Budget,
    Cap,
    Contract,
    Demand,
    Limits,
    NodeCount,
    Problem,
    RequestClass,
    Roadmap,
    Selection,
    Service,
    Slo,
    Survive,
)
from optimizer.solve import SolveSettings, prepare
from tests.catalogs import tiny

OFFERS = {one.offer_id: one for one in (
    tiny.offer("acme-g", 1.0, stock=4, provider="acme", region="osaka"),
    tiny.offer("acme-g-6m", 0.7, kind="reserved", term_months=6, provider="acme", region="osaka"),
    tiny.offer("acme-g-24m", 0.5, kind="reserved", term_months=24, provider="acme", region="osaka"),
    tiny.offer("acme-2g", 1.9, gpu_count=2, provider="acme", region="kobe"),
    tiny.offer("best-h", 1.3, gpu_id="h", provider="best", region="kobe"),
    tiny.offer("best-g-spot", 0.4, kind="spot", provider="best", region="kobe", stock=2),
)}
OWN = "own-2x-g"
SITES = {"here": tiny.SITE, "there": tiny.SITE.model_copy(update={"electricity_usd_per_kwh": tiny.figure(0.3)})}
POINTS = (tiny.point(1, 5.0, 50.0), tiny.point(64, 30.0, 400.0), tiny.point(1, 4.0, 40.0, gpu_id="h"),
          tiny.point(48, 30.0, 500.0, gpu_id="h"), tiny.point(32, 9.0, 90.0, engine_id="f"),
          tiny.point(40, 12.0, 120.0, gpu_id="h", engine_id="f"))

Tighten = Callable[[random.Random, Limits], Limits | None]
"""Makes a key stricter, None where it is as strict as it can be."""


def changed(limits: Limits, **keys: Any) -> Limits:
    return Limits.model_validate({**limits.model_dump(exclude_unset=True), **keys})


def a_budget(rng: random.Random, limits: Limits) -> Limits | None:
    amount = limits.budget.amount * rng.choice((0.5, 0.9)) if limits.budget else rng.choice((700.0, 1500.0, 3000.0))
    return changed(limits, budget=Budget(amount=amount))


def a_cap(key: str, amounts: tuple[float, ...]) -> Tighten:
    def tighten(rng: random.Random, limits: Limits) -> Limits | None:
        cap = getattr(limits, key)
        if key == "cash_per_year" and limits.contracts:
            return None  # refused together
        left = [amount for amount in amounts if cap is None or amount < cap.amount]
        return changed(limits, **{key: Cap(amount=rng.choice(left))}) if left else None
    return tighten


def a_shorter_horizon(rng: random.Random, limits: Limits) -> Limits | None:
    if limits.purchases or limits.cash_per_year:
        return None  # less is bought and paid within a shorter one
    return lower("horizon_months", (36, 24, 12, 6))(rng, limits)


def fewer_kinds(rng: random.Random, limits: Limits) -> Limits | None:
    if len(limits.kinds) == 1:
        return None
    gone = rng.choice(limits.kinds)
    return changed(limits, kinds=tuple(kind for kind in limits.kinds if kind != gone))


def without_one(key: str, names: tuple[str, ...]) -> Tighten:
    def tighten(rng: random.Random, limits: Limits) -> Limits | None:
        chosen: Selection = getattr(limits, key)
        left = [name for name in names if not chosen.refuses(name)]
        if len(left) < 2:
            return None
        if rng.random() < 0.5:
            return changed(limits, **{key: Selection(allow=chosen.allow, forbid=(*chosen.forbid, rng.choice(left)))})
        return changed(limits, **{key: Selection(allow=tuple(left[1:]), forbid=chosen.forbid)})

    return tighten


def less_stock(rng: random.Random, limits: Limits) -> Limits | None:
    """State a stock for an offer, the machine or one of its sites, or lower one; never more than the catalog's."""
    name = rng.choice([*OFFERS, OWN, f"{OWN}.here", f"{OWN}.there"])
    known = limits.stock.get(name, OFFERS[name].stock if name in OFFERS else 3 if name == OWN else None)
    if known == 0:
        return None
    return changed(limits, stock={**limits.stock, name: rng.randrange(known) if known else rng.randint(0, 3)})


def more_held(rng: random.Random, limits: Limits) -> Limits | None:
    name = rng.choice([*OFFERS, f"{OWN}.here"])
    return changed(limits, at_least={**limits.at_least, name: limits.at_least.get(name, 0) + 1})


def fewer_nodes(rng: random.Random, limits: Limits) -> Limits | None:
    least, most = limits.nodes.min, limits.nodes.max
    if rng.random() < 0.5:
        return changed(limits, nodes=NodeCount(min=min(least + 1, most or 9), max=most))
    fewer = rng.randint(2, 5) if most is None else most - 1
    return changed(limits, nodes=NodeCount(min=least, max=fewer)) if fewer >= max(1, least) else None


def more_losses(rng: random.Random, limits: Limits) -> Limits | None:
    more = [{"nodes": limits.survive.nodes + 1}, {"provider": True}, {"region": True}]
    return changed(limits, survive=Survive.model_validate({**limits.survive.model_dump(), **rng.choice(more)}))


def dearer_contract(rng: random.Random, limits: Limits) -> Limits | None:
    if limits.cash_per_year:
        return None  # refused together
    """Add a contract that only adds to bills, or raise its minimum."""
    name = rng.choice(("acme", "best"))
    known = limits.contracts.get(name, Contract())
    more = Contract(minimum_usd_per_month=known.minimum_usd_per_month + rng.choice((0.0, 800.0)),
                    fee_usd_per_month=known.fee_usd_per_month + rng.choice((0.0, 50.0)), signed=rng.random() < 0.3)
    return changed(limits, contracts={**limits.contracts, name: more}) if more.signed >= known.signed else None


def lower(key: str, values: tuple[Any, ...]) -> Tighten:
    """Go a step along values that are ever stricter."""
    def tighten(rng: random.Random, limits: Limits) -> Limits | None:
        place = values.index(getattr(limits, key))
        return None if place + 1 == len(values) else changed(limits, **{key: rng.choice(values[place + 1:])})

    return tighten


STRICTER: dict[str, Tighten] = {
    "budget": a_budget,
    "kinds": fewer_kinds,
    "used": lower("used", (True, False)),
    "allow_geforce_in_datacenter": lower("allow_geforce_in_datacenter", (True, False)),
    "max_term_months": lower("max_term_months", (24, 12, 6, 1)),
    "gpus": without_one("gpus", ("g", "h")),
    "providers": without_one("providers", ("acme", "best", "owned")),
    "regions": without_one("regions", ("osaka", "kobe", "here", "there")),
    "stock": less_stock,
    "at_least": more_held,
    "max_gpu_types": lower("max_gpu_types", (None, 2, 1)),
    "max_gpu_types_in": lower("max_gpu_types_in", ("period", "plan")),
    "nodes": fewer_nodes,
    "engine_policy": lower("engine_policy", ("any", "per_gpu", "fleet")),
    "survive": more_losses,
    "spot_share_fraction": lower("spot_share_fraction", (None, 0.7, 0.3, 0.0)),
    "contracts": dearer_contract,
    "power_kw": lower("power_kw", (None, 3.0, 2.0, 1.0, 0.0)),
    "evidence": lower("evidence", ("estimated", "interpolated", "measured")),
    "speed_confidence": lower("speed_confidence", (None, 0.6, 0.9)),
    "max_utilisation_fraction": lower("max_utilisation_fraction", (1.0, 0.8, 0.5)),
    "horizon_months": a_shorter_horizon,
    "purchases": a_cap("purchases", (30_000.0, 12_000.0, 0.0)),
    "cash_per_year": a_cap("cash_per_year", (60_000.0, 20_000.0, 6_000.0)),
    "co2_kg_per_month": lower("co2_kg_per_month", (None, 500.0, 100.0, 0.0)),
}
"""Key of `limits` -> how it is made stricter. A shorter horizon pays the same machine and term in less time."""

LOOSE = Limits(kinds=("on_demand", "reserved", "owned", "spot"), max_term_months=24, horizon_months=36,
               used=True, allow_geforce_in_datacenter=True, max_gpu_types_in="period")


def market() -> Catalog:
    """Six offers of two providers and a machine for two sites, three of it in all; two GPU types, two engines.

    Two cheaper machines may not be bought without leave: one is sold used only, one not licensed for data centres.
    """
    owned = {
        OWN: tiny.node(sites=("here", "there"), stock=3),
        "own-old": tiny.node(offer_id="own-old", parts=(tiny.part(6000.0),), sold="used"),
        "own-game": tiny.node(offer_id="own-game", gpu_id="h", parts=(tiny.part(6000.0),))}
    card = Product(gpu_id="h", sold="new", licensed_for_data_centres=False, **tiny.SOURCE)
    return tiny.catalog(
        *POINTS, offers=OFFERS, owned=owned, products={"h": card}, sites=SITES,
        gpus={"g": tiny.gpu(), "h": tiny.gpu("h")}, engines={"e": tiny.engine(), "f": tiny.engine(name="F")})


def service(rng: random.Random, name: str, demand: Demand) -> Service:
    slo = Slo(tokens_per_s_per_user=rng.choice((20.0, 33.0)), ttft_ms=rng.choice((None, 450.0)))
    return Service(
        service_id=name, model="m", slo=slo,
        workload=(RequestClass(isl_tokens=500, osl_tokens=200),), demand=demand, headroom_fraction=0.0)


def peaks(rng: random.Random) -> Problem:
    demands = [Demand(peak_concurrency=rng.randint(20, 260)) for _ in range(rng.choice((1, 1, 2)))]
    return Problem(schema_version=1, name="peaks", services=tuple(
        service(rng, name, demand) for name, demand in zip("ab", demands, strict=False)))


def hours(rng: random.Random) -> Problem:
    shape = [rng.choice((0.1, 0.3, 0.6)) for _ in range(3)]
    profile = tuple(shape[0] for _ in range(8)) + tuple(1.0 for _ in range(8)) + tuple(shape[1] for _ in range(8))
    return Problem(schema_version=1, name="hours", services=(
        service(rng, "a", Demand(peak_concurrency=rng.randint(20, 260), profile=profile)),))


def quarters(rng: random.Random) -> Problem:
    roadmap = Roadmap.model_validate({
        "start": "2027-Q2", "quarters": 4, "demand_factors": (1.0, 1.0, rng.choice((1.2, 2.0)), 2.0),
        "fiscal_year_start_month": 4})
    return peaks(rng).model_copy(update={"roadmap": roadmap, "name": "quarters"})


Costed = Callable[[Problem, Catalog], float]


def cost_of_plan(problem: Problem, catalog: Catalog) -> float:
    loaded = LoadedProblem(problem, "", problem.name, "0" * 64, {})
    plan = best_plan(prepare(loaded, catalog), SolveSettings(), with_rejections=False)
    assert plan.status in ("optimal", "infeasible")
    return plan.cost.usd_per_month if plan.cost.usd_per_month is not None else float("inf")




def shared(make: Callable[[random.Random], Problem]) -> Callable[[random.Random], Problem]:
    return lambda rng: make(rng).model_copy(update={"sharing": "nodes"})


def quarters_by_the_hour(rng: random.Random) -> Problem:
    roadmap = Roadmap.model_validate({"start": "2027-Q2", "quarters": 3, "fiscal_year_start_month": 4,
                                      "demand_growth_fraction_per_year": rng.choice((0.0, 0.8))})
    return hours(rng).model_copy(update={"roadmap": roadmap, "name": "years"})


SUMS = frozenset({"purchases", "cash_per_year", "co2_kg_per_month"})

FORMS: dict[str, tuple[Callable[[random.Random], Problem], Costed, frozenset[str]]] = {
    "peak": (peaks, cost_of_plan, frozenset()),
    "hours": (hours, cost_of_plan, frozenset()),
    "shared": (shared(peaks), cost_of_plan, frozenset()),
    "shared hours": (shared(hours), cost_of_plan, frozenset()),
    "years": (quarters, cost_of_plan, frozenset({"horizon_months", "purchases", "cash_per_year"})),
    "shared years by the hour": (shared(quarters_by_the_hour), cost_of_plan,
                                 frozenset({"horizon_months", "purchases", "cash_per_year"})),
}
"""Form -> (random problem, cost of its cheapest plan, keys that it refuses)."""

FEW, MANY = 4, 150


def stricter(rng: random.Random, limits: Limits, keys: list[str], times: int) -> Limits:
    for key in rng.choices(keys, k=times):
        limits = STRICTER[key](rng, limits) or limits
    return limits


def check(form: str, key: str, examples: int) -> None:
    """Tighten a few keys, then one more: the cost may not fall, and over many peaks it must rise for some."""
    make, costed, refused = FORMS[form]
    keys, catalog, dearer = sorted(STRICTER.keys() - refused), market(), 0
    for seed in range(examples):
        rng = random.Random(f"{form} {key} {seed}")
        loose = LOOSE if "horizon_months" not in refused else Limits.model_validate(
            LOOSE.model_dump(exclude={"horizon_months"}, exclude_unset=True))
        base = stricter(rng, loose, keys, rng.randint(0, 3))
        if key == "max_gpu_types_in":  # counted in each period, it is as loose as it can be
            base = changed(base, max_gpu_types=1, max_gpu_types_in="period")
        tight = STRICTER[key](rng, base)
        if tight is None:
            continue  # as strict as can be
        problem = make(rng)
        before, after = (costed(problem.model_copy(update={"limits": limits}), catalog) for limits in (base, tight))
        assert after >= before * (1 - 1e-9), f"{form}: {base.model_dump(exclude_unset=True)} -> {key}: {tight}"
        dearer += after > before
    seen = dearer or form != "peak" or key == "max_gpu_types_in"
    assert seen or examples < MANY, f"{key} never made a plan dearer: it is not looked at"


CASES = [(form, key) for form, (_, _, refused) in FORMS.items() for key in STRICTER if key not in refused]


REFUSED = [(form, key) for form, (_, _, refused) in FORMS.items() for key in sorted(refused)
           if not (form in ("fleet", "quarters") and key in SUMS)]


def test_every_key_has_a_way_to_be_made_stricter() -> None:
    no_rules = {"country", "simplicity_fraction"}  # a name for regions; how named plans are told apart
    assert set(STRICTER) | no_rules == set(Limits.model_fields)


@pytest.mark.parametrize(("form", "key"), CASES)
def test_a_restriction_never_helps(form: str, key: str) -> None:
    check(form, key, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "key"), CASES)
def test_a_restriction_never_helps_over_many_problems(form: str, key: str) -> None:
    check(form, key, MANY)


@pytest.mark.parametrize(("form", "key"), REFUSED)
def test_a_key_that_is_not_looked_at_is_refused(form: str, key: str) -> None:
    make, costed, _ = FORMS[form]
    rng = random.Random(key)
    tight = None
    while tight is None:
        tight = STRICTER[key](rng, Limits())
    with pytest.raises(InputError, match=rf"limits\.{key}"):
        costed(make(rng).model_copy(update={"limits": tight}), market())
