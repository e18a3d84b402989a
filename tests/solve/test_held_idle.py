"""Nodes that must be held and that no service can use: they stand idle, are counted by every rule, and are paid for."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from optimizer.answer import answer
from optimizer.load import load_catalog, load_problem
from optimizer.load.plan import read_saved_plan
from optimizer.replay import replay
from optimizer.reports import REPORTS
from optimizer.schema.problem import Limits, NodeCount
from optimizer.solve import SolveSettings
from optimizer.verify import faults_of_plan
from tests.oracles import Instance, instance, offer, random_instance, runs

OFFERS = (
    offer("a", 3, gpu="ant", provider="acme"), offer("b", 5, gpu="bee", provider="bolt", stock=2),
    offer("own", 4, gpu="old", watts=400))
OPTIONS = (runs("ant", 4, engine="vllm"), runs("bee", 6, engine="sglang"))
"""Nothing runs on old GPUs."""


def farm(**limits: object) -> Instance:
    return instance(OFFERS, OPTIONS, [12], **limits)  # type: ignore[arg-type]


def outcome(problem: Instance) -> tuple[int | None, dict[str, int], dict[str, int]]:
    found = problem.solve()
    return found.cost, {c.row.offer_id: c.nodes for c in found.chosen}, {c.row.offer_id: c.nodes for c in found.idle}


@pytest.mark.parametrize(
    ("limits", "cost", "serving", "idle"),
    [
        # 3 a = 12 cost 9, and two old nodes beside them 8
        ({"at_least": {"own": 2}}, 17, {"a": 3}, {"own": 2}),
        ({"at_least": {"own": 2}, "nodes": NodeCount(max=4)}, 18, {"b": 2}, {"own": 2}),
        ({"at_least": {"own": 2}, "nodes": NodeCount(max=3)}, None, {}, {}),
        ({"at_least": {"own": 1}, "max_gpu_types": 1}, None, {}, {}),  # an idle node is of a GPU type too
        ({"at_least": {"own": 2}, "power_kw": 0.7}, None, {}, {}),  # and draws power
        ({"at_least": {"own": 2}, "budget": 16}, None, {}, {}),  # and is paid for
        # one engine for the fleet: the held b runs sglang only, so 2 b serve, or one stands idle beside 3 a
        ({"at_least": {"b": 1}, "engine_policy": "fleet"}, 10, {"b": 2}, {}),
        ({"at_least": {"a": 1, "b": 1}, "engine_policy": "fleet"}, 13, {"b": 2}, {"a": 1}),
    ],
)
def test_held_nodes_count_for_every_rule_and_serve_nothing(
    limits: dict[str, object], cost: int | None, serving: dict[str, int], idle: dict[str, int]
) -> None:
    assert outcome(farm(**limits)) == (cost, serving, idle)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_else_can_run_on_held_nodes_costs_no_more(seed: int) -> None:
    """One more way to use a node never helps less: it may stay idle as before."""
    rng = random.Random(seed)
    rules = ["hold_nodes", *rng.sample(["limit_nodes", "choose_engines", "survive_node_loss", "respect_stock",
                                        "keep_budget", "survive_region_loss", "limit_gpu_types"], rng.randint(0, 3))]
    able = random_instance(rng, rules)
    held = next(iter(able.limits.at_least))
    options = able.candidates.options
    gpu = next(one.gpu_id for one in able.candidates.offers if one.offer_id == held)
    unable = replace(able, candidates=replace(
        able.candidates, options={key: found for key, found in options.items() if key[1] != gpu}))
    less, more = unable.solve_for_cost(), able.solve_for_cost()
    if less.cost is not None:
        assert more.cost is not None
        assert more.cost <= less.cost


FAULT = """
schema_version: 1
name: held
services:
  - service_id: chat
    model: llama-3.3-70b-instruct
    slo: {tokens_per_s_per_user: 15}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 10}
limits:
  at_least: {runpod-secure-a40-48gb-x1-on-demand: 2}
"""


def test_an_idle_node_is_shown_saved_read_again_and_verified(tmp_path: Path) -> None:
    file, name = tmp_path / "p.yaml", "runpod-secure-a40-48gb-x1-on-demand"
    file.write_text(FAULT)
    loaded, catalog = load_problem(file, ()), load_catalog()
    plan = answer(loaded, catalog, SolveSettings(enumerated=True))
    assert {node.offer_id: node.idle for node in plan.nodes if node.idle} == {name: 2}
    assert name not in {one.offer_id for one in plan.deployments}
    assert any(name in warning and "idle" in warning for warning in plan.warnings)
    assert f"{name} (2 held idle)" in REPORTS["text"](plan)
    saved = tmp_path / "plan.json"
    saved.write_text(REPORTS["json"](plan))
    assert read_saved_plan(saved).plan.nodes == plan.nodes
    assert not faults_of_plan(plan, loaded.problem, catalog, loaded.own_models)
    free = loaded.problem.model_copy(update={"limits": Limits()})
    assert any("more than must be held" in fault for fault in faults_of_plan(
        plan, free, catalog, loaded.own_models))


@pytest.mark.parametrize("more", ["", "roadmap: {start: 2027-Q1, quarters: 2}", "sharing: nodes"])
def test_a_saved_plan_with_an_idle_node_still_stands(tmp_path: Path, more: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"{FAULT}{more}\n")
    loaded, catalog, settings = load_problem(file, ()), load_catalog(), SolveSettings(enumerated=True)
    plan = answer(loaded, catalog, settings)
    assert plan.status == "optimal"
    assert {node.offer_id: node.idle for node in plan.nodes if node.idle} == {
        "runpod-secure-a40-48gb-x1-on-demand": 2}
    again = replay(plan, loaded, catalog, settings, 0.0)
    assert (again.passed, again.faults) == (True, ())
    assert again.usd_per_month_now == pytest.approx(plan.cost.usd_per_month)


@pytest.mark.parametrize("seed", range(40))
def test_each_further_idle_node_adds_its_price_and_never_helps(seed: int) -> None:
    rng = random.Random(seed)
    rules = rng.sample(["choose_engines", "survive_node_loss", "keep_budget", "survive_region_loss", "pay_contracts"],
                       rng.randint(0, 2))
    base = random_instance(rng, rules, services=rng.choice([1, 2]))
    old = offer("old", rng.randint(1, 9), gpu="old", provider="elsewhere", region="south")
    market = base.with_offers((*base.candidates.offers, old))
    costs = [market.with_limits(at_least={"old": held} if held else {}).solve_for_cost().cost for held in range(4)]
    for held, (less, more) in enumerate(pairwise(costs), 1):
        if more is None:
            continue
        assert less is not None, f"{held} held nodes make a plan possible"
        assert more == less + old.micro_usd_per_hour
