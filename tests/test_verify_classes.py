"""Plans of routed classes that stand pass; with one figure changed they are caught by the check that looks at it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from optimizer.load import Catalog
from optimizer.schema.plan import ClassShare, Deployment, Plan
from optimizer.schema.problem import Demand, Limits, Problem, RequestClass, Slo, Survive
from tests.catalogs import tiny
from tests.test_verify import Answered, answered

SHORT = RequestClass(isl_tokens=500, osl_tokens=200, share_fraction=0.8)
LONG = RequestClass(isl_tokens=6000, osl_tokens=200, share_fraction=0.2)


def plant(**tables: Any) -> Catalog:
    """Return a catalog with a cheap GPU whose memory holds 2 long requests or 25 short ones, and a dear one.

    4.2 GiB less 1.86 of weights and 2 of overhead hold 17,700 tokens of 20,480 bytes; speed allows 74 requests.
    """
    gpus = {"g": tiny.gpu(memory_usable_gib=4.2), "h": tiny.gpu("h")}
    offers = {one.offer_id: one for one in (
        tiny.offer("cloud-g", 0.5, stock=4), tiny.offer("edge-h", 2.5, gpu_id="h", provider="edge", region="kobe"),
        tiny.offer("far-h", 2.6, gpu_id="h", provider="far", region="osaka"))}
    return tiny.catalog(**{"gpus": gpus, "offers": offers, **tables})


def problem(demand: Demand, limits: Limits | None = None, **facts: Any) -> Problem:
    return tiny.problem(
        demand=demand, limits=limits or Limits(kinds=("on_demand",)),
        slo=Slo(tokens_per_s_per_user=25.0, ttft_ms=2000.0), workload=(SHORT, LONG), routing="by_class", **facts)


@cache
def in_flight(**limits: Any) -> Answered:
    return answered(problem(Demand(peak_concurrency=100), Limits(kinds=("on_demand",), **limits)), plant())


def rated() -> Answered:
    return answered(problem(Demand(peak_rps=12.0)), plant())


def with_deployment(plan: Plan, index: int, **changes: Any) -> Plan:
    found = list(plan.deployments)
    found[index] = found[index].model_copy(update=changes)
    return plan.model_copy(update={"deployments": tuple(found)})


def with_class(plan: Plan, index: int, part: int, **changes: Any) -> Plan:
    classes = list(plan.deployments[index].classes or ())
    classes[part] = classes[part].model_copy(update=changes)
    return with_deployment(plan, index, classes=tuple(classes))


def first(plan: Plan) -> tuple[Deployment, ClassShare]:
    one = plan.deployments[0]
    assert one.classes
    return one, one.classes[0]


SITUATIONS: dict[str, Callable[[], Answered]] = {
    "in flight": in_flight,
    "a rate": rated,
    "a node lost": lambda: in_flight(survive=Survive(nodes=1)),
    "a provider lost": lambda: in_flight(survive=Survive(provider=True)),
    "seven tenths used": lambda: in_flight(max_utilisation_fraction=0.7),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_plans_that_stand(name: str) -> None:
    found = SITUATIONS[name]()
    assert not found.faults()
    assert {one.offer_id for one in found.plan.deployments} > {"cloud-g"}
    assert found.plan.services[0].routing == "by_class"


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # changes of the deployment, of its first class, and the check that finds them
    "more of a class than there is": ({}, {"share_of_class_fraction": 1.0}, "split_classes"),
    "less of a class than there is": ({}, {"share_of_class_fraction": 0.01}, "split_classes"),
    "a class that carries more": ({}, {"capacity_per_node": 900.0}, "class_promise"),
    "more in flight than keep the promise": ({}, {"concurrency_alone": 900}, "class_promise"),
    "a class nobody asked for": ({}, {"isl_tokens": 501}, "class_promise"),
    "fewer in flight": ({}, {"concurrency": 0.5}, "class_figures"),
    "faster": ({"tokens_per_s_per_user": 300.0}, {"tokens_per_s_per_user": 300.0}, "class_figures"),
    "one class faster": ({}, {"tokens_per_s_per_user": 300.0}, "class_figures"),
    "sooner": ({}, {"ttft_ms": 1.0}, "class_figures"),
    "better known": ({}, {"evidence": "measured"}, "class_figures"),
    "a smaller error": ({}, {"error_fraction": 0.001}, "class_figures"),
    "another source": ({}, {"source_url": "https://example.org/other"}, "class_figures"),
    "a rate": ({}, {"rps": 3.0}, "class_figures"),
    "less full": ({"utilisation_fraction": 0.1}, {}, "split_classes"),
    "no classes": ({"classes": None}, {}, "class_figures"),
    "none at the peak": ({"concurrency_at_peak": 1}, {}, "class_figures"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_plans_are_caught(name: str) -> None:
    found = in_flight()
    of_deployment, of_class, check = CHANGES[name]
    index = next(i for i, one in enumerate(found.plan.deployments) if len(one.classes or ()) == 2) if name in (
        "more of a class than there is",) else 0
    plan = with_class(found.plan, index, 0, **of_class) if of_class else found.plan
    plan = with_deployment(plan, index, **of_deployment) if of_deployment else plan
    assert check in found.checks(plan)


def test_a_rate_beyond_its_sequences_is_caught() -> None:
    found = rated()
    _, part = first(found.plan)
    plan = with_class(found.plan, 0, 0, capacity_per_node=part.capacity_per_node * 1.5)
    assert "class_promise" in found.checks(plan)
    assert "class_figures" in found.checks(with_class(found.plan, 0, 0, rps=(part.rps or 0) * 0.5))


def test_losses_are_tried_again() -> None:
    found = in_flight()
    assert "survive_node_loss" in found.checks(survive=Survive(nodes=2))
    assert "survive_provider_loss" in found.checks(survive=Survive(provider=True))
    assert "survive_region_loss" in found.checks(survive=Survive(region=True))


def test_nodes_are_not_filled_beyond_the_share_that_may_be_used() -> None:
    assert "split_classes" in in_flight().checks(max_utilisation_fraction=0.5)


def test_a_plan_that_routes_where_nothing_is_routed_is_caught() -> None:
    found = in_flight()
    service = found.problem.services[0].model_copy(update={"routing": "mixed"})
    asked = found.problem.model_copy(update={"services": (service,)})
    assert "class_figures" in Answered(asked, found.catalog, found.plan).checks()
    shown = found.plan.services[0].model_copy(update={"routing": None})
    assert "class_figures" in found.checks(found.plan.model_copy(update={"services": (shown,)}))
