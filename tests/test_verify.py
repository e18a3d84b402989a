"""Plans that stand pass; plans with one thing changed are caught, each by the check that names what is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import optimizer.verify
from optimizer.costs.approval import approval_of
from optimizer.errors import ExitCode, VerificationError
from optimizer.load import Catalog, LoadedProblem, load_problem, shipped_problem_names
from optimizer.plan.best import best_plan
from optimizer.schema.catalog import CapacityRow
from optimizer.schema.plan import Commitment, Cost, Deployment, Node, Plan, ServicePlan, YearOfCash
from optimizer.schema.problem import (
    Budget,
    Contract,
    Demand,
    Limits,
    NodeCount,
    Problem,
    RequestClass,
    Selection,
    Service,
    Slo,
    Survive,
)
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from optimizer.verify import CHECKS, faults_of_plan, verify_plan
from tests.catalogs import tiny


@dataclass(frozen=True)
class Answered:
    """A problem with its catalog and the plan that was found for it."""

    problem: Problem
    catalog: Catalog
    plan: Plan

    def faults(self, plan: Plan | None = None, **limits: Any) -> list[str]:
        """Hold a plan (by default the one found) against the problem, perhaps with other limits."""
        problem = self.problem.model_copy(update={"limits": self.problem.limits.model_copy(update=limits)})
        return faults_of_plan(plan or self.plan, problem, self.catalog, {})

    def checks(self, plan: Plan | None = None, **limits: Any) -> set[str]:
        """Name the checks that find fault."""
        return {fault.split(":", 1)[0] for fault in self.faults(plan, **limits)}


def answered(problem: Problem, catalog: Catalog) -> Answered:
    loaded = LoadedProblem(problem, "", problem.name, "0" * 64, {})
    prepared = prepare(loaded, catalog)
    found = solve(prepared.candidates, problem.limits, prepared.budget, SolveSettings())
    assert found.status == "optimal"
    return Answered(problem, catalog, plan_of(prepared, found))


OFFERS = {
    one.offer_id: one
    for one in (
        tiny.offer("cloud-g", 1.0, stock=1), tiny.offer("edge-2g", 2.5, gpu_count=2, provider="edge", region="osaka"),
        tiny.offer("late-g", 0.9, kind="reserved", term_months=6, provider="edge", region="kobe"),
        tiny.offer("other-h", 3.0, gpu_id="h", provider="edge", region="kobe"),
    )
}
POINTS = (tiny.point(1, 5.0, 50.0), tiny.point(64, 30.0, 400.0))
"""Measured: 200 tokens/s alone, 33 tokens/s with 64 in flight."""


def farm(**tables: Any) -> Catalog:
    """Return the tiny catalog with a cloud node, a dearer one of two GPUs, a reserved one, and a second engine."""
    engines = {"e": tiny.engine(), "f": tiny.engine(name="F", default=False)}
    gpus = {"g": tiny.gpu(), "h": tiny.gpu("h")}
    return tiny.catalog(*POINTS, **{"offers": OFFERS, "engines": engines, "gpus": gpus, **tables})


def requests(in_flight: int) -> Demand:
    return Demand(peak_concurrency=in_flight)


def mixed() -> Answered:
    """200 requests in flight on one cloud node (stock 1) and one of two GPUs: 87 + 174 = 261."""
    limits = Limits(kinds=("on_demand", "owned"), stock={"cloud-g": 1})
    slo = Slo(tokens_per_s_per_user=25.0, ttft_ms=2000.0)
    return answered(tiny.problem(limits=limits, slo=slo, demand=requests(200)), farm())


def rated() -> Answered:
    """72,000 requests in ten hours, twice that at the peak: 4 requests/s, in yen."""
    demand = Demand(
        daily_active_users=3600.0, uses_per_user_per_day=10.0, requests_per_use=2.0, active_hours=10.0,
        peak_to_mean=2.0)
    problem = tiny.problem(demand=demand, headroom_fraction=0.5).model_copy(update={"currency": "JPY"})
    return answered(problem, farm())


def stated() -> Answered:
    """90 requests in flight on nodes of stated capacity: 15 on cloud-g, 30 on edge-2g, 45 on other-h.

    One of each carries 90 for 6.5; two other-h for 6 carry as much, but only one is in stock.
    """
    rows = {
        ("chat", name): CapacityRow(service_id="chat", offer_id=name, max_concurrency=most, engine_id="e")
        for name, most in (("cloud-g", 15), ("edge-2g", 30), ("other-h", 45))
    }
    limits = Limits(kinds=("on_demand",), stock={"other-h": 1})
    return answered(tiny.problem(limits=limits, demand=requests(90)), farm(capacities=rows))


def owned() -> Answered:
    """50 requests in flight on one own server of two GPUs: 2 x 300 + 400 = 1,000 W."""
    limits = Limits(kinds=("owned",), power_kw=1.0)
    return answered(tiny.problem(limits=limits, demand=requests(50)), farm(owned={"own-2x-g": tiny.node()}))


def agreed() -> Answered:
    """200 requests in flight on one cloud node and one spot node of two GPUs, at least 3 dollars an hour billed for it.

    Of 87 + 174 the 87 remain without spot nodes: at least 40% of 200 must.
    """
    offers = {**OFFERS, "spot-2g": tiny.offer("spot-2g", 2.0, gpu_count=2, provider="edge", kind="spot", stock=1)}
    limits = Limits(
        kinds=("on_demand", "spot"), stock={"cloud-g": 1, "edge-2g": 0, "other-h": 0}, spot_share_fraction=0.6,
        contracts={"edge": Contract(minimum_usd_per_month=2190.0)})
    slo = Slo(tokens_per_s_per_user=25.0, ttft_ms=2000.0)
    return answered(tiny.problem(limits=limits, slo=slo, demand=requests(200)), farm(offers=offers))


def test_a_contract_is_a_line_of_the_cost() -> None:
    cost = agreed().plan.cost
    # 1 + 2 dollars for the nodes, and one more to the minimum of 3
    assert cost.usd_per_hour == 4.0
    assert cost.breakdown == {"rent": 2190.0, "contracts": 730.0}


def two_services() -> Answered:
    """A sync service beside one that works off 100,000 requests overnight."""
    chat = tiny.problem(limits=Limits(kinds=("on_demand",))).services[0]
    night = Service.model_validate({
        "service_id": "night", "model": "m", "kind": "async",
        "workload": (RequestClass(isl_tokens=500, osl_tokens=200),),
        "deadline": {"requests": 100_000.0, "start_hour": 22.0, "end_hour": 6.0}})
    problem = tiny.problem(limits=Limits(kinds=("on_demand",)))
    return answered(problem.model_copy(update={"services": (chat, night)}), farm())


def mixture() -> Answered:
    """Two classes of requests on whole responses."""
    workload = (
        RequestClass(isl_tokens=500, osl_tokens=200, share_fraction=0.75),
        RequestClass(isl_tokens=100, osl_tokens=50, share_fraction=0.25),
    )
    slo = Slo(tokens_per_s_per_user=20.0, response="whole", e2e_ms=10_000.0)
    return answered(tiny.problem(slo=slo, workload=workload, demand=requests(300)), farm())


MAKERS: dict[str, Callable[[], Answered]] = {
    "mixed": mixed, "rated": rated, "stated": stated, "owned": owned, "agreed": agreed, "two services": two_services,
    "mixture": mixture,
}


@pytest.fixture(scope="module")
def found() -> dict[str, Answered]:
    return {name: make() for name, make in MAKERS.items()}


@pytest.mark.parametrize("name", MAKERS)
def test_untampered_plans_pass(found: dict[str, Answered], name: str) -> None:
    one = found[name]
    assert one.faults() == []
    assert verify_plan(one.plan, one.problem, one.catalog, {}) is one.plan


def test_the_mixed_plan_is_as_worked_out(found: dict[str, Answered]) -> None:
    plan = found["mixed"].plan
    assert [(node.offer_id, node.count) for node in plan.nodes] == [("cloud-g", 1), ("edge-2g", 1)]
    assert [one.capacity_per_node for one in plan.deployments] == [87, 174]
    assert plan.cost.usd_per_hour == 3.5


def test_a_fault_is_an_error_of_our_own(found: dict[str, Answered]) -> None:
    one = found["mixed"]
    lie = one.plan.model_copy(update={"nodes": ()})
    with pytest.raises(VerificationError, match="deployments_fill_nodes: cloud-g: deployed but not bought") as error:
        verify_plan(lie, one.problem, one.catalog, {})
    assert error.value.exit_code is ExitCode.OWN_FAULT


def first(plan: Plan, part: str, **changes: Any) -> Plan:
    """Change the first of the plan's nodes, deployments or services."""
    items = getattr(plan, part)
    return plan.model_copy(update={part: (items[0].model_copy(update=changes), *items[1:])})


def money(plan: Plan, **changes: Any) -> Plan:
    return plan.model_copy(update={"cost": plan.cost.model_copy(update=changes)})


def one_node_fewer(plan: Plan) -> Plan:
    """Take away the node of two GPUs everywhere, consistently: bought, deployed, paid and added up."""
    nodes, deployments = plan.nodes[:1], (plan.deployments[0].model_copy(update={"load_fraction": 1.0}),)
    plan = plan.model_copy(update={"nodes": nodes, "deployments": deployments})
    plan = money(plan, usd_per_hour=1.0, usd_per_month=730.0, breakdown={"rent": 730.0})
    return plan.model_copy(update={"bound_usd_per_month": 730.0})


def three_replicas_more(plan: Plan) -> Plan:
    """Claim that the two GPUs hold five replicas, consistently with its capacity."""
    last = plan.deployments[-1]
    lie = last.model_copy(update={"replicas": 5, "capacity_per_node": 5.0 * last.concurrency_per_replica})
    return plan.model_copy(update={"deployments": (*plan.deployments[:-1], lie)})


def higher_cap(plan: Plan) -> Plan:
    """Set a replica to more sequences than keep the promise, consistently."""
    one = plan.deployments[0]
    return first(plan, "deployments", concurrency_per_replica=one.concurrency_per_replica + 1,
                 capacity_per_node=one.capacity_per_node + 1)


LIES: list[tuple[str, str, Callable[[Plan], Plan], str]] = [
    ("mixed", "one node fewer, all figures made to fit", one_node_fewer, "meet_demand"),
    ("mixed", "one node fewer bought", lambda p: p.model_copy(update={"nodes": p.nodes[:1]}), "deployments_fill_nodes"),
    ("mixed", "deployed twice", lambda p: p.model_copy(update={"deployments": p.deployments * 2}), "answered_once"),
    ("mixed", "an offer in two lines", lambda p: p.model_copy(update={"nodes": p.nodes * 2}), "node_count"),
    ("mixed", "no node in a line", lambda p: first(p, "nodes", count=0), "node_count"),
    ("mixed", "stock exceeded", lambda p: first(p, "nodes", count=2), "respect_stock"),
    ("mixed", "more replicas than GPUs", three_replicas_more, "deployments_fill_nodes"),
    ("mixed", "concurrency past the promise", higher_cap, "replica_promise"),
    ("rated", "rate past the percentile", lambda p: first(
        p, "deployments", capacity_per_node=p.deployments[0].capacity_per_node * 1.01), "node_capacity"),
    ("two services", "batch rate past the sequences", lambda p: p.model_copy(update={"deployments": (
        p.deployments[0], p.deployments[1].model_copy(update={"capacity_per_node": 1e3}))}), "node_capacity"),
    ("stated", "more than what is stated", lambda p: first(p, "deployments", capacity_per_node=16.0), "node_capacity"),
    ("stated", "a higher setting than stated", lambda p: first(
        p, "deployments", concurrency_per_replica=16), "node_capacity"),
    ("mixture", "a mix past its load", higher_cap, "replica_promise"),
    ("mixed", "a cheaper cost", lambda p: money(p, usd_per_hour=3.4), "total_cost"),
    ("mixed", "a line of cost left out", lambda p: money(p, breakdown={}), "total_cost"),
    ("mixed", "a bound above the cost", lambda p: p.model_copy(update={"bound_usd_per_month": 9e9}), "total_cost"),
    ("mixed", "optimal with a gap", lambda p: p.model_copy(
        update={"bound_usd_per_month": 0.0, "gap_fraction": 1.0}), "total_cost"),
    ("mixed", "a gap that is none", lambda p: p.model_copy(
        update={"status": "feasible", "bound_usd_per_month": 1000.0}), "total_cost"),
    ("mixed", "no bound", lambda p: p.model_copy(update={"bound_usd_per_month": None}), "total_cost"),
    ("mixed", "no cost at all", lambda p: money(p, usd_per_hour=None, usd_per_month=None), "total_cost"),
    ("mixed", "infeasible with nodes", lambda p: p.model_copy(update={"status": "infeasible"}), "status"),
    ("mixed", "an offer of nowhere", lambda p: first(p, "nodes", offer_id="nowhere"), "known_names"),
    ("mixed", "a service of no one", lambda p: first(p, "deployments", service_id="mail"), "known_names"),
    ("mixed", "an engine unknown", lambda p: first(p, "deployments", engine_id="x"), "known_names"),
    ("mixed", "no service answered", lambda p: p.model_copy(update={"services": ()}), "known_names"),
    ("mixed", "another problem's plan", lambda p: p.model_copy(update={"problem": "other"}), "known_names"),
    ("mixed", "no GPUs a replica", lambda p: first(p, "deployments", gpu_count=0), "known_names"),
    ("mixed", "an engine not asked for", lambda p: first(p, "deployments", engine_id="f"), "engines_run"),
    ("mixed", "a precision not listed", lambda p: first(p, "deployments", precision="fp8"), "engines_run"),
    ("mixed", "too many GPUs in parallel", lambda p: first(p, "deployments", tp_size=8), "engines_run"),
    ("mixed", "parallel over GPUs it has not", lambda p: first(p, "deployments", tp_size=2), "engines_run"),
    ("mixed", "a faster reader", lambda p: first(p, "services", tokens_per_s_per_user=80.0), "plan_speed"),
    ("mixed", "a better grade", lambda p: first(p, "services", grade="A"), "plan_speed"),
    ("mixed", "all load on one", lambda p: first(p, "deployments", load_fraction=1.0), "load"),
]


@pytest.mark.parametrize(("name", "label", "lie", "check"), LIES, ids=[f"{name}: {label}" for name, label, *_ in LIES])
def test_a_lie_is_caught(
    found: dict[str, Answered], name: str, label: str, lie: Callable[[Plan], Plan], check: str
) -> None:
    one = found[name]
    assert check in one.checks(lie(one.plan)), one.faults(lie(one.plan))


FAULTS: list[tuple[str, Callable[[Plan], Plan], str]] = [
    ("mixed", lambda p: first(p, "deployments", concurrency_at_peak=88), "88 in flight at the peak, 87 at most"),
    ("mixed", lambda p: first(p, "deployments", load_fraction=0.9), "is sent 0.900 of chat, more than it carries"),
    # 66 + 2 x 67 = 200 are enough, 65 + 134 are not
    ("mixed", lambda p: first(p, "deployments", concurrency_at_peak=65), "199 in flight at the peak, 200 come"),
    ("mixed", lambda p: first(p, "services", tokens_per_s_per_user=24.0, grade="C"), "24.0 tokens/s, 25 asked for"),
    ("mixed", lambda p: first(p, "deployments", tokens_per_s_per_user=30.0), "30 tokens/s on some nodes"),
    ("mixed", lambda p: first(p, "deployments", capacity_per_node=80.0), "claims 80 on 1 x 87"),
    ("mixed", lambda p: p.model_copy(update={"bound_usd_per_month": 3000.0}), "bound 3000.0 USD/month above the cost"),
    ("owned", lambda p: first(p, "deployments", replicas=3), "3 replicas on 1 nodes of 2 each"),
]


@pytest.mark.parametrize(("name", "lie", "fault"), FAULTS, ids=[fault for *_, fault in FAULTS])
def test_a_fault_says_what_is_wrong(
    found: dict[str, Answered], name: str, lie: Callable[[Plan], Plan], fault: str
) -> None:
    faults = found[name].faults(lie(found[name].plan))
    assert any(fault in one for one in faults), faults


STRICTER: list[tuple[str, str, dict[str, Any], str]] = [
    # the mixed plan: cloud-g of cloud in tokyo and edge-2g of edge in osaka, 3.5 dollars an hour, 87 + 174 for 200
    ("mixed", "provider forbidden", {"providers": Selection(forbid=("edge",))}, "policy"),
    ("mixed", "region not allowed", {"regions": Selection(allow=("tokyo",))}, "policy"),
    ("mixed", "GPU forbidden", {"gpus": Selection(forbid=("g",))}, "policy"),
    ("mixed", "kind not allowed", {"kinds": ("owned",)}, "policy"),
    ("rated", "term too long", {"max_term_months": 5}, "policy"),
    ("mixed", "none in stock", {"stock": {"edge-2g": 0}}, "respect_stock"),
    ("mixed", "budget of an hour", {"budget": Budget(amount=3.49, per="hour")}, "keep_budget"),
    ("mixed", "budget of a month", {"budget": Budget(amount=2554.99)}, "keep_budget"),  # 3.5 x 730 = 2555
    ("mixed", "budget of a year", {"budget": Budget(amount=30659.99, per="year")}, "keep_budget"),
    ("mixed", "budget in yen", {"budget": Budget(amount=255_499.0, currency="JPY")}, "keep_budget"),  # at 100 a dollar
    ("mixed", "too few nodes", {"nodes": NodeCount(min=3)}, "limit_nodes"),
    ("mixed", "committed nodes are missing", {"at_least": {"cloud-g": 40}}, "hold_nodes"),
    ("mixed", "too many nodes", {"nodes": NodeCount(max=1)}, "limit_nodes"),
    ("mixed", "a node lost", {"survive": Survive(nodes=1)}, "survive_node_loss"),
    ("mixed", "a provider lost", {"survive": Survive(provider=True)}, "survive_provider_loss"),
    ("mixed", "a region lost", {"survive": Survive(region=True)}, "survive_region_loss"),
    ("mixed", "measured only", {"evidence": "measured"}, "shown_speeds"),
    ("mixed", "with confidence", {"speed_confidence": 0.9}, "replica_promise"),
    ("agreed", "less on spot nodes", {"spot_share_fraction": 0.56}, "cap_spot_share"),  # 88 of 200, 87 are there
    ("agreed", "a larger minimum", {"contracts": {"edge": Contract(minimum_usd_per_month=2920.0)}}, "pay_contracts"),
    ("agreed", "a fee beside it", {"contracts": {"edge": Contract(fee_usd_per_month=2920.0)}}, "total_cost"),
    ("agreed", "signed elsewhere too", {"contracts": {
        "edge": Contract(minimum_usd_per_month=2190.0),
        "cloud": Contract(minimum_usd_per_month=800.0, signed=True)}}, "pay_contracts"),
    ("stated", "one GPU type", {"max_gpu_types": 1}, "limit_gpu_types"),  # g and h
    ("owned", "less power", {"power_kw": 0.999}, "cap_power"),
    ("rated", "a shorter horizon", {"horizon_months": 3}, "total_cost"),  # six months paid over three
]


@pytest.mark.parametrize(
    ("name", "label", "limits", "check"), STRICTER, ids=[f"{name}: {label}" for name, label, *_ in STRICTER])
def test_a_stricter_problem_refuses(
    found: dict[str, Answered], name: str, label: str, limits: dict[str, Any], check: str
) -> None:
    assert check in found[name].checks(**limits), found[name].faults(**limits)


@pytest.mark.parametrize(
    "limits",
    [
        {"budget": Budget(amount=3.5, per="hour")}, {"budget": Budget(amount=2555.0)},
        {"budget": Budget(amount=255_500.0, currency="JPY")}, {"nodes": NodeCount(min=2, max=2)}, {"max_gpu_types": 1},
        {"engine_policy": "fleet"}, {"engine_policy": "per_gpu"}, {"power_kw": 0.0},
        {"providers": Selection(allow=("cloud", "edge"))}, {"stock": {"edge-2g": 1}},
    ],
)
def test_a_limit_met_exactly_is_met(found: dict[str, Answered], limits: dict[str, Any]) -> None:
    assert found["mixed"].faults(**limits) == []


@pytest.mark.parametrize(("policy", "engines", "caught"), [
    # cloud-g and edge-2g are GPUs g, other-h is h
    ("fleet", ("e", "e", "e"), False), ("fleet", ("e", "e", "f"), True), ("fleet", ("f", "f", "f"), False),
    ("per_gpu", ("e", "e", "f"), False), ("per_gpu", ("e", "f", "e"), True), ("any", ("e", "f", "e"), False),
])
def test_engines_of_the_fleet(found: dict[str, Answered], policy: str, engines: tuple[str, ...], caught: bool) -> None:
    plan = found["stated"].plan
    pairs = zip(plan.deployments, engines, strict=True)
    changed = tuple(one.model_copy(update={"engine_id": engine}) for one, engine in pairs)
    plan = plan.model_copy(update={"deployments": changed})
    assert ("choose_engines" in found["stated"].checks(plan, engine_policy=policy)) is caught


def priced(offer_id: str, price: float, **facts: Any) -> dict[str, Any]:
    """Return the offers with one of them changed."""
    return {"offers": OFFERS | {offer_id: tiny.offer(offer_id, price, **facts)}}


DRIFTED: list[tuple[str, dict[str, Any], str]] = [
    ("an offer withdrawn", {"offers": {name: one for name, one in OFFERS.items() if name != "edge-2g"}}, "known_names"),
    ("a price risen: the node", priced("cloud-g", 1.1), "known_offers"),
    ("a price risen: the sum", priced("cloud-g", 1.1), "total_cost"),
    ("fewer GPUs", priced("edge-2g", 2.5, provider="edge", region="osaka"), "known_offers"),
    ("measured slower", {"points": (tiny.point(1, 5.0, 50.0), tiny.point(64, 41.0, 400.0))}, "replica_promise"),
    ("later first tokens", {"points": (tiny.point(1, 5.0, 50.0), tiny.point(64, 30.0, 2001.0))}, "replica_promise"),
    ("no longer measured", {"points": ()}, "replica_promise"),
    ("an engine for newer GPUs", {"engines": {"e": tiny.engine(min_compute_capability=9.0)}}, "engines_run"),
    ("an engine without one GPU", {"engines": {"e": tiny.engine(tp_sizes=(2,))}}, "engines_run"),
    ("a shorter context", {"models": {"m": tiny.model(context_limit_tokens=512)}}, "engines_run"),
]


@pytest.mark.parametrize(("label", "tables", "check"), DRIFTED, ids=[label for label, *_ in DRIFTED])
def test_a_plan_of_other_facts_is_caught(
    found: dict[str, Answered], label: str, tables: dict[str, Any], check: str
) -> None:
    one = replace(found["mixed"], catalog=replace(found["mixed"].catalog, **tables))
    assert check in one.checks(), one.faults()


def test_a_plan_without_any_speed_behind_it_is_caught(found: dict[str, Answered]) -> None:
    nothing = replace(found["mixed"], catalog=replace(found["mixed"].catalog, points=(), calibration=None))
    assert "replica_promise: cloud-g: no speed is known" in nothing.faults()


def test_memory_is_checked_where_no_row_proves_it() -> None:
    # estimated only: 20 GiB hold 1.86 of weights, 2 of overhead and 16 of KV cache
    catalog = tiny.catalog()
    one = answered(tiny.problem(), catalog)
    assert one.faults() == []
    # 3.87 GiB - 2 - 1.8626 = 0.0074 GiB of KV cache: 7.9e6 bytes / 20,480 = 388 tokens, fewer than 700
    full = replace(one, catalog=replace(catalog, gpus={"g": tiny.gpu(memory_usable_gib=3.87)}))
    assert {"memory", "replica_promise"} <= full.checks()
    # 5.2 GiB leave 1.337 GiB: 70,100 tokens, 99 requests of 704 tokens in whole blocks; the plan asks a replica for 74
    assert replace(one, catalog=replace(catalog, gpus={"g": tiny.gpu(memory_usable_gib=5.2)})).faults() == []
    # 4.8 GiB leave 0.937 GiB: 49,140 tokens, 69 requests
    fewer = replace(one, catalog=replace(catalog, gpus={"g": tiny.gpu(memory_usable_gib=4.8)}))
    assert fewer.checks() == {"replica_promise"}


PARTS: dict[str, type[BaseModel]] = {"cost": Cost, "nodes": Node, "deployments": Deployment, "services": ServicePlan}
FIELDS = [(part, name) for part, model in PARTS.items() for name in model.model_fields]

UNCHECKED = {("services", "arithmetic"), ("services", "gpu_hours_per_day")}
"""Words for the reader, and a figure of busy hours that rests on the solver's speed target."""

BETTER = {
    ("deployments", "ttft_ms"): 0, ("deployments", "error_fraction"): 0, ("deployments", "evidence"): 0,
    ("deployments", "tokens_per_s_per_user"): -1, ("services", "tokens_per_s_per_user"): -1,
}
"""Figures that may look worse than they are, not better: which of the lies is the flattering one."""

OTHERS: dict[str, tuple[str, ...]] = {
    "kind": ("spot", "owned"), "price_evidence": ("quoted", "assumed"), "grade": ("A", "C"),
    "evidence": ("measured", "interpolated"), "layout": ("tp2-pp2", "tp1-dp4-ep4"),
}


def lies_about(name: str, value: Any) -> list[Any]:
    """Return other values of a field: a little less and a little more, another word, nothing, or something."""
    if name in OTHERS:
        return [other for other in OTHERS[name] if other != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value - 1, value + 1]
    if isinstance(value, float):
        return [value * 0.99, value * 1.01] if value else [0.01]
    if isinstance(value, str):
        return [value + "-x"]
    if isinstance(value, dict):
        return [{line: amount * factor for line, amount in value.items()} for factor in (0.9, 1.1)]
    return [1.0] if value is None else []


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("part", "field"), FIELDS, ids=[f"{part}.{name}" for part, name in FIELDS])
def test_every_figure_is_checked(found: dict[str, Answered], name: str, part: str, field: str) -> None:
    one = found[name]
    shown = one.plan.cost if part == "cost" else getattr(one.plan, part)[0]
    lies = lies_about(field, getattr(shown, field))
    assert lies
    caught = [
        bool(one.faults(money(one.plan, **{field: lie}) if part == "cost" else first(one.plan, part, **{field: lie})))
        for lie in lies
    ]
    if (part, field) in UNCHECKED or (name == "stated" and part == "deployments" and field in UNPROVEN):
        return
    flattering = BETTER.get((part, field))
    assert all(caught) if flattering is None else caught[flattering], dict(zip(map(str, lies), caught, strict=True))


UNPROVEN = {
    "engine_id", "precision", "tp_size", "layout", "concurrency_per_replica", "concurrency_at_peak",
    "tokens_per_s_per_user", "ttft_ms", "evidence", "error_fraction", "source_url",
}
"""What stands beside a stated capacity is what the row says, or a word for the reader."""


def test_a_thousand_nodes_are_counted_at_once(found: dict[str, Answered]) -> None:
    # 12,000 requests on nodes of one request each: 12,002 with two lost leave 12,000
    rows = {("chat", "edge-2g"): CapacityRow(service_id="chat", offer_id="edge-2g", max_concurrency=1, engine_id="e")}
    limits = Limits(kinds=("on_demand",), providers=Selection(allow=("edge",)), survive=Survive(nodes=2))
    problem = tiny.problem(limits=limits, demand=requests(12_000))
    catalog = farm(capacities=rows, points=(), offers={"edge-2g": OFFERS["edge-2g"]})
    one = answered(problem, catalog)
    assert [node.count for node in one.plan.nodes] == [12_002]
    assert one.faults() == []
    assert one.checks(survive=Survive(nodes=3)) == {"survive_node_loss", "plan_speed"}


@pytest.mark.parametrize("survive", [Survive(nodes=1), Survive(provider=True), Survive(region=True)])
def test_plans_that_survive_stand_and_say_a_speed_they_keep(survive: Survive) -> None:
    limits = Limits(kinds=("on_demand", "reserved"), survive=survive)
    one = answered(tiny.problem(limits=limits, demand=requests(60)), farm())
    assert one.faults() == []
    speed = one.plan.services[0].tokens_per_s_per_user
    assert speed is not None
    faster = first(one.plan, "services", tokens_per_s_per_user=speed * 1.01)
    assert "plan_speed" in one.checks(faster)


def test_an_answer_without_a_plan_has_nothing_to_check(found: dict[str, Answered]) -> None:
    one = found["mixed"]
    none = Cost(usd_per_hour=None, usd_per_month=None, breakdown={})
    empty = one.plan.model_copy(
        update={"status": "infeasible", "nodes": (), "deployments": (), "services": (), "cost": none})
    assert one.faults(empty) == []


def to_sign(one: Answered, **changes: Any) -> Plan:
    """Add the sums that someone signs, some of them changed."""
    approval = approval_of(one.plan.nodes, one.plan.cost, one.catalog, one.problem)
    assert approval is not None
    return one.plan.model_copy(update={"approval": approval.model_copy(update=changes)})


def test_sums_to_sign_that_are_true_pass(found: dict[str, Answered]) -> None:
    for one in found.values():
        assert one.faults(to_sign(one)) == []


@pytest.mark.parametrize("changes", [
    {"purchases": 1.0}, {"years": ()}, {"cost_per_month": 1.0},
    {"commitments": (Commitment(offer_id="own-2x-g.here", nodes=1, months=12, amount=1.0, ends="2027-12"),)},
    {"years": (YearOfCash(name="FY2027", months=12, purchases=0.0, upfront=0.0, running=1.0, cash=2.0),)},
])
def test_sums_to_sign_that_are_not_those_of_the_nodes(found: dict[str, Answered], changes: dict[str, Any]) -> None:
    one = found["owned"]
    assert one.checks(to_sign(one, **changes)) == {"approval"}


def test_every_check_is_tested() -> None:
    tested = {check for *_, check in LIES} | {check for *_, check in STRICTER} | {check for *_, check in DRIFTED}
    tested |= {"choose_engines", "memory", "service_figures", "unit_costs"}  # by tests of their own, or field by field
    tested |= {"split_classes", "class_promise", "class_figures"}  # in test_verify_classes
    tested |= {"approval"}  # by the tests above
    assert {check.__name__ for check in CHECKS} == {f"check_{name}" for name in tested - {"status"}}
    assert all(check.__doc__ for check in CHECKS)


@pytest.mark.parametrize(("part", "field", "check"), [
    ("services", "headroom_fraction", "service_figures"), ("services", "capacity_rps", "service_figures"),
    ("cost", "usd_per_million_output_tokens", "unit_costs"), ("cost", "fx_as_of", "unit_costs"),
])
def test_figures_are_caught_by_their_own_check(found: dict[str, Answered], part: str, field: str, check: str) -> None:
    one = found["rated"]
    lie = money(one.plan, **{field: "2001"}) if field == "fx_as_of" else None
    lie = lie or (money(one.plan, **{field: 9.0}) if part == "cost" else first(one.plan, part, **{field: 9.0}))
    assert one.checks(lie) == {check}


@pytest.mark.parametrize("name", shipped_problem_names())
def test_shipped_plans_stand_and_one_node_fewer_does_not(shipped: Catalog, name: str) -> None:
    loaded = load_problem(name)
    prepared = prepare(loaded, shipped)
    plan = best_plan(prepared, SolveSettings())
    assert faults_of_plan(plan, prepared.problem, shipped, loaded.own_models) == []
    if plan.nodes:
        count = plan.nodes[0].count
        fewer = first(plan, "nodes", count=count - 1)
        faults = faults_of_plan(fewer, prepared.problem, shipped, loaded.own_models)
        check = "node_lines" if plan.periods else "deployments_fill_nodes"
        assert any(fault.startswith(check) for fault in faults)


VERIFY = Path(optimizer.verify.__file__).parent


@pytest.mark.parametrize("path", sorted(VERIFY.glob("*.py")), ids=lambda path: path.name)
def test_verify_knows_neither_solver_nor_formulation(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would hide what is imported"
            imported.add(node.module or "")
    assert imported
    for forbidden in ("ortools", "optimizer.formulation", "optimizer.solve", "optimizer.candidates", "importlib"):
        assert not [name for name in imported if name == forbidden or name.startswith(f"{forbidden}.")]
