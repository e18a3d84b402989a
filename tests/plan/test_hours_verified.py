"""Plans hour by hour: those that are found stand, and whatever is changed in them is caught."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.plan.hours import timetable_of
from optimizer.schema.catalog import CapacityRow
from optimizer.schema.plan import Cost, Deployment, Node, Plan, ServicePlan
from optimizer.schema.problem import Demand, Limits, NodeCount, Problem, RequestClass, Service, Survive
from optimizer.solve import SolveSettings, prepare
from tests.catalogs import tiny
from tests.test_verify import BETTER, OFFERS, UNCHECKED, UNPROVEN, Answered, farm, first, lies_about, money

DAY = (0.2,) * 8 + (1.0,) * 10 + (0.5,) * 6


def answered_by_the_hour(problem: Problem, catalog: Catalog) -> Answered:
    prepared = prepare(LoadedProblem(problem, "", problem.name, "0" * 64, {}), catalog)
    plan = best_plan(prepared, SolveSettings())
    assert plan.status == "optimal", plan
    assert timetable_of(plan) is not None
    return Answered(problem, catalog, plan)


def day() -> Answered:
    """200 requests in flight by day, 40 at night, 100 in the evening, on own servers and rented nodes, in yen."""
    limits = Limits(kinds=("on_demand", "owned", "reserved"), stock={"cloud-g": 2}, nodes=NodeCount(min=1, max=9))
    problem = tiny.problem(limits=limits, demand=Demand(peak_concurrency=200, profile=DAY))
    return answered_by_the_hour(problem.model_copy(update={"currency": "JPY"}), farm(owned={"own-2x-g": tiny.node()}))


def valley() -> Answered:
    """A chat by rate beside work that is done at night on the nodes that stand for the chat; any node may be lost."""
    chat = tiny.problem(demand=Demand(hourly_rps=tuple(4.0 * share for share in DAY))).services[0]
    night = Service.model_validate({
        "service_id": "night", "model": "m", "kind": "async",
        "workload": (RequestClass(isl_tokens=500, osl_tokens=200),),
        "deadline": {"requests": 100_000.0, "start_hour": 20.5, "end_hour": 6.0}})
    limits = Limits(kinds=("on_demand", "reserved"), survive=Survive(nodes=1))
    problem = tiny.problem(limits=limits)
    return answered_by_the_hour(problem.model_copy(update={"services": (chat, night)}), farm())


def stated() -> Answered:
    """Nodes of stated capacity over a week: nothing on Sunday."""
    rows = {
        ("chat", name): CapacityRow(service_id="chat", offer_id=name, max_concurrency=most, engine_id="e")
        for name, most in (("cloud-g", 15), ("late-g", 15), ("other-h", 45))}
    demand = Demand(hourly_concurrency=(10,) * 96 + (40,) * 48 + (0,) * 24)
    limits = Limits(kinds=("on_demand", "reserved"))
    return answered_by_the_hour(tiny.problem(limits=limits, demand=demand), farm(capacities=rows))


MAKERS = {"day": day, "valley": valley, "stated": stated}


@pytest.fixture(scope="module")
def found() -> dict[str, Answered]:
    return {name: make() for name, make in MAKERS.items()}


@pytest.mark.parametrize("name", MAKERS)
def test_plans_that_are_found_stand(found: dict[str, Answered], name: str) -> None:
    assert found[name].faults() == []


PARTS: dict[str, type[BaseModel]] = {"cost": Cost, "nodes": Node, "deployments": Deployment, "services": ServicePlan}
FIELDS = [(part, name) for part, model in PARTS.items() for name in model.model_fields]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("part", "field"), FIELDS, ids=[f"{part}.{name}" for part, name in FIELDS])
def test_every_figure_is_checked(found: dict[str, Answered], name: str, part: str, field: str) -> None:
    one = found[name]
    shown = one.plan.cost if part == "cost" else getattr(one.plan, part)[0]
    if (part, field) in UNCHECKED - {("services", "gpu_hours_per_day")}:
        return
    if (name == "stated" and part == "deployments" and field in UNPROVEN) or getattr(shown, field) == "measured":
        return  # what is stated has no evidence of its own, and no evidence is better than measured
    lies = lies_about(field, getattr(shown, field))
    assert lies
    caught = [
        bool(one.faults(money(one.plan, **{field: lie}) if part == "cost" else first(one.plan, part, **{field: lie})))
        for lie in lies]
    flattering = WORSE.get((part, field))
    assert all(caught) if flattering is None else caught[flattering], dict(zip(map(str, lies), caught, strict=True))


WORSE = BETTER | {
    ("deployments", "capacity_per_node"): -1, ("deployments", "concurrency_at_peak"): 0,
    ("deployments", "plan_speed_capacity_per_node"): -1,
}
"""As in plans of one peak, figures that may look worse than they are."""


def with_period(plan: Plan, index: int, **changes: Any) -> Plan:
    periods = list(plan.periods)
    periods[index] = periods[index].model_copy(update=changes)
    return plan.model_copy(update={"periods": tuple(periods)})


@pytest.mark.parametrize("name", MAKERS)
def test_a_node_less_in_any_period_is_caught(found: dict[str, Answered], name: str) -> None:
    one = found[name]
    for index, period in enumerate(one.plan.periods):
        for place, running in enumerate(period.running):
            fewer, replicas = list(period.running), running.replicas // running.nodes
            fewer[place] = running.model_copy(
                update={"nodes": running.nodes - 1, "replicas": running.replicas - replicas})
            kept = tuple(left for left in fewer if left.nodes)
            if any(asked.amount for asked in period.demand):
                assert one.faults(with_period(one.plan, index, running=kept)), (index, running)
        for offer, count in period.nodes.items():
            less = {**period.nodes, offer: count - 1}
            assert one.faults(with_period(one.plan, index, nodes={n: c for n, c in less.items() if c})), (index, offer)


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_of_a_period_is_checked(found: dict[str, Answered], name: str) -> None:
    one = found[name]
    period = max(range(len(one.plan.periods)), key=lambda i: sum(one.plan.periods[i].nodes.values()))
    shown = one.plan.periods[period]
    for field, lie in (("amount", -1.0), ("amount", 1.0), ("capacity", 1.0), ("capacity", -1.0)):
        told = tuple(asked.model_copy(update={field: getattr(asked, field) + lie}) for asked in shown.demand)
        assert one.faults(with_period(one.plan, period, demand=told)), field
    assert "periods" in one.checks(with_period(one.plan, period, hours=shown.hours[1:]))
    assert "periods" in one.checks(with_period(one.plan, period, hours=(*shown.hours, shown.hours[0])))
    assert one.checks(one.plan.model_copy(update={"periods": ()})) == {"periods"}


def test_work_that_is_not_done_is_caught(found: dict[str, Answered]) -> None:
    one = found["valley"]
    (work,) = one.plan.work
    for changes in ({"requests": work.requests * 0.9}, {"start_hour": 20.0}, {"end_hour": 7.0},
                    {"capacity_requests": work.requests * 0.9}):
        changed = one.plan.model_copy(update={"work": (work.model_copy(update=changes),)})
        assert "carried_in_periods" in one.checks(changed), changes
    assert "carried_in_periods" in one.checks(one.plan.model_copy(update={"work": ()}))
    lazy = tuple(
        period.model_copy(update={"running": tuple(r for r in period.running if r.service_id != "night")})
        for period in one.plan.periods)
    assert "finish_work" in one.checks(one.plan.model_copy(update={"periods": lazy}))


def test_stricter_limits_are_caught_in_the_hour_they_bind(found: dict[str, Answered]) -> None:
    one = found["day"]
    most = max(sum(period.nodes.values()) for period in one.plan.periods)
    assert one.checks(nodes=NodeCount(min=0, max=most)) == set()
    assert one.checks(nodes=NodeCount(min=0, max=most - 1)) == {"limits_of_nodes"}
    used = {node.offer_id: node.count for node in one.plan.nodes}
    name = next(iter(used))
    assert one.checks(stock={name: used[name]}) == set()
    assert "respect_stock" in one.checks(stock={name: used[name] - 1})
    assert "limits_of_nodes" in one.checks(at_least={name: used[name] + 1})
    for survive in (Survive(nodes=9), Survive(provider=True), Survive(region=True)):
        assert "carry_demand" in one.checks(survive=survive)


def test_only_what_is_rented_by_the_hour_comes_and_goes(found: dict[str, Answered]) -> None:
    one = found["day"]
    table = timetable_of(one.plan)
    assert table is not None
    assert table.standing == {"late-g": 1}  # reserved: it stands at night too
    gone = tuple(period.model_copy(update={"nodes": {n: c for n, c in period.nodes.items() if n != "late-g"}})
                 if index == 0 else period for index, period in enumerate(one.plan.periods))
    assert one.faults(one.plan.model_copy(update={"periods": gone}))


def test_offers_without_an_hourly_price_stand_all_the_time() -> None:
    # an on-demand node at 730 dollars a month is 1 dollar an hour, but cannot be given back at night
    by_month = OFFERS["cloud-g"].model_copy(update={"per": "month", "price": 730.0})
    problem = tiny.problem(limits=Limits(kinds=("on_demand",)), demand=Demand(peak_concurrency=50, profile=DAY))
    plan = answered_by_the_hour(problem, farm(offers={"cloud-g": by_month})).plan
    table = timetable_of(plan)
    assert table is not None
    assert table.standing == {"cloud-g": 1}
    assert plan.cost.usd_per_month == 730.0
