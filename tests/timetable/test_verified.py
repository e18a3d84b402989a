"""Plans hour by hour: those that are found stand, and whatever is changed in them is caught."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.catalog import CapacityRow
from optimizer.schema.plan import Cost, Deployment, Node, Plan, ServicePlan, Timetable
from optimizer.schema.problem import Demand, Limits, NodeCount, Problem, RequestClass, Service, Survive
from optimizer.solve import SolveSettings, prepare
from tests.catalogs import tiny
from tests.test_verify import BETTER, OFFERS, UNCHECKED, UNPROVEN, Answered, farm, first, lies_about, money

DAY = (0.2,) * 8 + (1.0,) * 10 + (0.5,) * 6


def answered_by_the_hour(problem: Problem, catalog: Catalog) -> Answered:
    prepared = prepare(LoadedProblem(problem, "", problem.name, "0" * 64, {}), catalog)
    plan = best_plan(prepared, SolveSettings())
    assert plan.status == "optimal", plan
    assert plan.timetable is not None
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
    if name == "stated" and part == "deployments" and field in UNPROVEN:
        return
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


def with_table(plan: Plan, **changes: Any) -> Plan:
    assert plan.timetable is not None
    return plan.model_copy(update={"timetable": plan.timetable.model_copy(update=changes)})


def with_slot(plan: Plan, index: int, **changes: Any) -> Plan:
    assert plan.timetable is not None
    slots = list(plan.timetable.slots)
    slots[index] = slots[index].model_copy(update=changes)
    return with_table(plan, slots=tuple(slots))


def busiest(table: Timetable) -> int:
    return max(range(len(table.slots)), key=lambda i: table.slots[i].hourly_nodes)


@pytest.mark.parametrize("name", MAKERS)
def test_a_node_less_in_any_slot_is_caught(found: dict[str, Answered], name: str) -> None:
    one = found[name]
    assert one.plan.timetable is not None
    for index, slot in enumerate(one.plan.timetable.slots):
        for place, running in enumerate(slot.running):
            fewer = list(slot.running)
            fewer[place] = running.model_copy(update={"nodes": running.nodes - 1})
            kept = tuple(left for left in fewer if left.nodes)
            hourly = running.offer_id not in one.plan.timetable.standing
            if hourly or any(slot.demand.values()):
                assert one.faults(with_slot(one.plan, index, running=kept)), (index, running)


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_of_the_timetable_is_checked(found: dict[str, Answered], name: str) -> None:
    plan = found[name].plan
    assert plan.timetable is not None
    for field in ("hours", "standing_usd_per_month", "hourly_usd_per_month"):
        for lie in lies_about(field, getattr(plan.timetable, field)):
            assert found[name].faults(with_table(plan, **{field: lie})), field
    slot = busiest(plan.timetable)
    for field in ("standing_nodes", "hourly_nodes", "usd_per_hour"):
        for lie in lies_about(field, getattr(plan.timetable.slots[slot], field)):
            assert found[name].faults(with_slot(plan, slot, **{field: lie})), field
    less = {service: amount - 1 for service, amount in plan.timetable.slots[slot].demand.items()}
    assert "slot_demand" in found[name].checks(with_slot(plan, slot, demand=less))
    hours = plan.timetable.slots[slot].hours
    assert "hours" in found[name].checks(with_slot(plan, slot, hours=hours[1:]))
    assert "hours" in found[name].checks(with_slot(plan, slot, hours=(*hours, hours[0])))
    gone = plan.model_copy(update={"timetable": None})
    assert found[name].checks(gone) == {"timetable"}


def test_work_that_is_not_done_is_caught(found: dict[str, Answered]) -> None:
    one = found["valley"]
    assert one.plan.timetable is not None
    (work,) = one.plan.timetable.work
    for changes in ({"requests": work.requests * 0.9}, {"start_hour": 20.0}, {"end_hour": 7.0},
                    {"capacity_requests": work.requests * 0.9}):
        assert "finish_work" in one.checks(with_table(one.plan, work=(work.model_copy(update=changes),))), changes
    assert "finish_work" in one.checks(with_table(one.plan, work=()))
    lazy = tuple(
        slot.model_copy(update={"running": tuple(r for r in slot.running if r.service_id != "night")})
        for slot in one.plan.timetable.slots)
    assert "finish_work" in one.checks(with_table(one.plan, slots=lazy))


def test_stricter_limits_are_caught_in_the_hour_they_bind(found: dict[str, Answered]) -> None:
    one = found["day"]
    assert one.plan.timetable is not None
    most = max(slot.standing_nodes + slot.hourly_nodes for slot in one.plan.timetable.slots)
    assert one.checks(nodes=NodeCount(min=0, max=most)) == set()
    assert one.checks(nodes=NodeCount(min=0, max=most - 1)) == {"limit_nodes"}
    used = {node.offer_id: node.count for node in one.plan.nodes}
    name = next(iter(used))
    assert one.checks(stock={name: used[name]}) == set()
    assert "respect_stock" in one.checks(stock={name: used[name] - 1})
    assert "hold_nodes" in one.checks(at_least={name: used[name] + 1})
    assert "survive_node_loss" in one.checks(survive=Survive(nodes=9))
    assert "survive_provider_loss" in one.checks(survive=Survive(provider=True))
    assert "survive_region_loss" in one.checks(survive=Survive(region=True))


def test_only_what_is_rented_by_the_hour_comes_and_goes(found: dict[str, Answered]) -> None:
    one = found["day"]
    assert one.plan.timetable is not None
    assert one.plan.timetable.standing == {"late-g": 1}  # reserved: it stands at night too
    assert "use_nodes_there" in one.checks(with_table(one.plan, standing={}))


def test_offers_without_an_hourly_price_stand_all_the_time() -> None:
    # an on-demand node at 730 dollars a month is 1 dollar an hour, but cannot be given back at night
    by_month = OFFERS["cloud-g"].model_copy(update={"per": "month", "price": 730.0})
    problem = tiny.problem(limits=Limits(kinds=("on_demand",)), demand=Demand(peak_concurrency=50, profile=DAY))
    plan = answered_by_the_hour(problem, farm(offers={"cloud-g": by_month})).plan
    assert plan.timetable is not None
    assert plan.timetable.standing == {"cloud-g": 1}
    assert plan.cost.usd_per_month == 730.0
