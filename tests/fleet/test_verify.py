"""A fleet that is changed in any one place no longer stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from optimizer.fleet import answer_fleet
from optimizer.load import Catalog, LoadedProblem, load_catalog, load_problem
from optimizer.schema.fleet import FleetPlan
from optimizer.solve import SolveSettings
from optimizer.verify.fleet import faults_of_fleet

Data = dict[str, Any]


@lru_cache(maxsize=8)
def answered(
    name: str, *overrides: str, shed: bool = False, services: tuple[int, ...] = ()
) -> tuple[FleetPlan, LoadedProblem, Catalog]:
    loaded = load_problem(name, overrides)
    if services:
        kept = tuple(loaded.problem.services[i] for i in services)
        loaded = replace(loaded, problem=loaded.problem.model_copy(update={"services": kept}))
    catalog = load_catalog(references={service.model for service in loaded.problem.services})
    return answer_fleet(loaded, catalog, SolveSettings(), shed), loaded, catalog


def faults(plan: FleetPlan, loaded: LoadedProblem, catalog: Catalog) -> list[str]:
    return faults_of_fleet(plan, loaded.problem, catalog, loaded.own_models)


def changed(plan: FleetPlan, change: Callable[[Data], object]) -> FleetPlan:
    data = plan.model_dump()
    change(data)
    return FleetPlan.model_validate(data)


SHARED = "shared-node-small-models"


def one_more_on_a_node(data: Data) -> None:
    full = next(one for one in data["layouts"] if one["free_gpus"] == 0)
    full["replicas"][0]["replicas"] += 1


def more_free(data: Data) -> None:
    data["layouts"][0]["free_gpus"] += 1


def fewer_replicas(data: Data) -> None:
    data["deployments"][0]["replicas"] -= 1


def other_holders(data: Data) -> None:
    data["deployments"][0]["nodes"] += 1


def cheaper(data: Data) -> None:
    data["cost"]["usd_per_month"] *= 0.9


def one_node_less(data: Data) -> None:
    data["nodes"] = data["nodes"][1:]


def carries_more(data: Data) -> None:
    data["deployments"][0]["capacity_per_replica"] *= 2


def more_sequences(data: Data) -> None:
    data["deployments"][0]["concurrency_per_replica"] += 40
    data["deployments"][0]["capacity_per_replica"] += 40


def forgotten(data: Data) -> None:
    data["services"] = data["services"][1:]


def cut_and_served(data: Data) -> None:
    data["shed"] = ({"service_id": "helpdesk", "priority": 1, "demand": "40", "reason": "none"},)


def other_priority(data: Data) -> None:
    data["services"][0]["priority"] = 3


def more_gpus(data: Data) -> None:
    data["services"][0]["gpus"] += 1


def a_cent_more(data: Data) -> None:
    data["shares"][0]["shapley_usd_per_month"] += 0.01


def nobody_pays(data: Data) -> None:
    data["shares"] = data["shares"][1:]


def saves_more(data: Data) -> None:
    data["saving"]["saved_usd_per_month"] += 1


@pytest.mark.parametrize("change", [
    one_more_on_a_node, more_free, fewer_replicas, other_holders, cheaper, one_node_less, carries_more, more_sequences,
    forgotten, cut_and_served, other_priority, more_gpus, a_cent_more, nobody_pays, saves_more,
], ids=lambda change: change.__name__)
def test_a_change_is_found(change: Callable[[Data], object]) -> None:
    plan, loaded, catalog = answered(SHARED)
    assert faults(plan, loaded, catalog) == []
    assert faults(changed(plan, change), loaded, catalog)


LOSING = "limits.survive.nodes=1"


def keeps_the_lost_node(data: Data) -> None:
    first = next(one for one in data["after_losses"] if one["layouts"])
    lost = next(one for one in data["layouts"] if one["offer_id"] == first["lost"])
    first["layouts"] = (*first["layouts"], {**lost, "count": 1})


def says_nothing(data: Data) -> None:
    data["after_losses"] = data["after_losses"][1:]


def loses_replicas(data: Data) -> None:
    after = data["after_losses"][0]
    name = after["deployments"][0]["service_id"]
    after["deployments"] = tuple(one for one in after["deployments"] if one["service_id"] != name)


@pytest.mark.parametrize("change", [keeps_the_lost_node, says_nothing, loses_replicas], ids=lambda one: one.__name__)
def test_a_change_of_what_is_left_after_a_loss_is_found(change: Callable[[Data], object]) -> None:
    plan, loaded, catalog = answered(SHARED, LOSING, services=(0, 1, 4))
    assert {one.lost for one in plan.after_losses} == {node.offer_id for node in plan.nodes}
    assert faults(plan, loaded, catalog) == []
    assert faults(changed(plan, change), loaded, catalog)


@pytest.mark.parametrize(("override", "rule"), [
    ("limits.budget={amount: 100, currency: USD, per: month}", "keep_budget"),
    ("limits.nodes={min: 0, max: 1}", "limit_nodes"),
    ("limits.at_least={aws-g5.xlarge-us-east-1-reserved-12m: 9}", "hold_nodes"),
    ("limits.max_gpu_types=1", "limit_gpu_types"),
    ("limits.engine_policy=fleet", "choose_engines"),
    ("limits.survive.nodes=1", "survive_node_loss"),
    ("limits.survive.provider=true", "survive_provider_loss"),
    ("limits.survive.region=true", "survive_region_loss"),
    ("limits.stock={aws-p4d.24xlarge-us-east-1-reserved-12m: 0}", "respect_stock"),
    ("limits.kinds=[on_demand]", "policy"),
    ("services.0.demand.peak_concurrency=400", "meet_demand"),
])
def test_a_rule_that_the_fleet_was_not_asked_to_keep_is_broken(override: str, rule: str) -> None:
    plan, _, catalog = answered(SHARED)
    asked = load_problem(SHARED, (override,))
    assert [fault for fault in faults(plan, asked, catalog) if fault.startswith(rule)]


@pytest.mark.parametrize("override", [
    "limits.nodes={min: 0, max: 1}", "limits.at_least={aws-g5.xlarge-us-east-1-reserved-12m: 2}",
    "limits.max_gpu_types=1", "limits.engine_policy=fleet", "limits.engine_policy=per_gpu",
    "services.0.demand.peak_concurrency=400", "limits.evidence=interpolated",
])
def test_a_fleet_stands_under_each_rule(override: str) -> None:
    plan, loaded, catalog = answered(SHARED, override)
    assert plan.status in ("optimal", "infeasible")
    assert faults(plan, loaded, catalog) == []
    if plan.status == "optimal" and not override.startswith("services"):
        free, _, _ = answered(SHARED)
        assert (plan.cost.usd_per_month or 0) >= (free.cost.usd_per_month or 0)


def test_cuts_follow_priority() -> None:
    plan, loaded, catalog = answered("stock-too-short", shed=True)
    # 4 GPUs: triage of class 1 takes two; of class 2 code takes two and helpdesk four, so that code is served
    assert [one.service_id for one in plan.services] == ["emergency-triage", "code"]
    assert [one.service_id for one in plan.shed] == ["helpdesk"]
    assert faults(plan, loaded, catalog) == []
    turned, _, _ = answered(
        "stock-too-short", "services.0.priority=3", "services.1.priority=1", "services.2.priority=2", shed=True)
    assert [one.service_id for one in turned.services] == ["helpdesk"]
    assert [one.service_id for one in turned.shed] == ["emergency-triage", "code"]
