"""Rented, owned and mixed beside each provider: each is the plan that its own limits give."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from optimizer.compare import Comparison, compare
from optimizer.compare.sensitivity import with_demand
from optimizer.load import Catalog, LoadedProblem, load_catalog, load_problem
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from optimizer.verify import faults_of_plan
from tests.catalogs import tiny

SETTINGS = SolveSettings()


def shipped_case(name: str, *overrides: str) -> tuple[LoadedProblem, Catalog]:
    loaded = load_problem(name, overrides)
    return loaded, load_catalog(references={service.model for service in loaded.problem.services})


@pytest.fixture(scope="module")
def tokyo() -> tuple[LoadedProblem, Catalog, Comparison]:
    loaded, catalog = shipped_case("tokyo-cloud-or-own")
    return loaded, catalog, compare(loaded, catalog, SETTINGS)


@pytest.mark.parametrize(("name", "overrides"), [
    ("rented", ("limits.kinds=[on_demand,reserved]",)), ("owned", ("limits.kinds=[owned]",)),
    ("mixed", ("limits.kinds=[on_demand,reserved,owned]",)),
    ("aws", ("limits.kinds=[on_demand,reserved]", "limits.providers.allow=[aws]")),
])
def test_a_variant_is_the_problem_with_its_limits(
    tokyo: tuple[LoadedProblem, Catalog, Comparison], name: str, overrides: tuple[str, ...]
) -> None:
    _, catalog, comparison = tokyo
    alone = prepare(load_problem("tokyo-cloud-or-own", overrides), catalog)
    plan = plan_of(alone, solve(alone.candidates, alone.problem.limits, alone.budget, SETTINGS))
    assert comparison.variant(name).status == "optimal"
    assert comparison.variant(name).usd_per_month == plan.cost.usd_per_month
    assert comparison.variant(name).plan.nodes == plan.nodes


def test_limits_kinds_is_put_aside(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    loaded, catalog = shipped_case("tokyo-cloud-or-own", "limits.kinds=[owned]")
    other = compare(loaded, catalog, SETTINGS)
    assert [one.name for one in other.variants] == [one.name for one in tokyo[2].variants]
    assert [one.usd_per_month for one in other.variants] == [one.usd_per_month for one in tokyo[2].variants]


def test_every_plan_stands_and_mixed_is_never_dearer(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    loaded, catalog, comparison = tokyo
    costs = {one.name: one.usd_per_month or math.inf for one in comparison.variants}
    assert costs["mixed"] <= min(costs.values())
    assert costs["rented"] == min(cost for name, cost in costs.items() if name not in ("owned", "mixed"))
    kinds = load_problem("tokyo-cloud-or-own", ("limits.kinds=[on_demand,reserved,owned]",)).problem
    for one in comparison.variants:
        assert faults_of_plan(one.plan, kinds, catalog, loaded.own_models) == [], one.name


def test_totals_of_on_demand_nodes_are_their_months(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    azure = tokyo[2].variant("azure")
    assert azure.usd_per_month is not None
    assert {node.kind for node in azure.plan.nodes} == {"on_demand"}
    for months in (12, 36, 60):
        assert azure.total_usd(months) == pytest.approx(months * azure.usd_per_month)
        assert azure.net_usd(months) == azure.total_usd(months)


def test_break_even_agrees_with_the_totals(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    comparison = tokyo[2]
    month = comparison.break_even_month
    assert month is not None
    owned, rented = comparison.variant("owned").paid_usd, comparison.variant("rented").paid_usd
    assert owned[month] <= rented[month]
    assert all(owned[earlier] > rented[earlier] for earlier in range(month))
    hours = comparison.break_even_hours
    assert hours is not None
    assert math.ceil(hours / 730) == month


def test_the_share_of_the_hours_is_of_on_demand_nodes(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    comparison = tokyo[2]
    assert {node.kind for node in comparison.on_demand.plan.nodes} == {"on_demand"}
    owned, dear = comparison.variant("owned").usd_per_month, comparison.on_demand.usd_per_month
    assert owned is not None
    assert dear is not None
    assert comparison.break_even_utilisation_fraction == owned / dear


def test_changes_move_what_they_name(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    comparison = tokyo[2]
    base = comparison.base.usd_per_month
    found = {(one.quantity, one.change): one.usd_per_month for one in comparison.changes}
    assert len(found) == 10
    assert found["rented prices", "+20%"]["rented"] == pytest.approx(1.2 * (base["rented"] or 0), rel=1e-6)
    assert found["rented prices", "+20%"]["owned"] == base["owned"]
    for quantity in ("purchase prices", "electricity"):
        low, high = found[quantity, "-20%"], found[quantity, "+20%"]
        assert (low["owned"] or 0) < (base["owned"] or 0) < (high["owned"] or 0)
        assert low["rented"] == base["rented"] == high["rented"]
    for name in ("rented", "owned", "mixed"):
        assert (found["demand", "-20%"][name] or 0) <= (base[name] or 0) <= (found["demand", "+20%"][name] or 0)


def test_the_frame_and_the_document_say_the_same(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    comparison = tokyo[2]
    frame, data = comparison.to_frame(), comparison.as_json()
    assert list(frame["name"]) == [one["name"] for one in data["variants"]]
    assert list(frame["usd_per_month"]) == [one["usd_per_month"] for one in data["variants"]]
    for one in data["variants"]:
        assert set(one) >= {"name", "status", "usd_per_month", "total_usd"}
        assert set(one["total_usd"]) == {"12", "36", "60"}
    for name, paid in data["cumulative_usd"].items():
        total = next(one["total_usd"] for one in data["variants"] if one["name"] == name)
        assert [paid[12], paid[36], paid[60]] == [total["12"], total["36"], total["60"]]


def test_the_published_case_from_its_own_figures() -> None:
    # a server of 833,806 that costs 0.87 an hour, against 98.32: 8,556 hours, in the twelfth month
    loaded, catalog = shipped_case("own-against-cloud-8x-h100")
    found = compare(loaded, catalog, SETTINGS)
    assert found.break_even_hours == pytest.approx(8556.24, abs=0.01)
    assert found.break_even_month == 12
    owned, rented = found.variant("owned"), found.variant("rented")
    # five years without interest: 833,806 / 60 + 0.87 x 730 = 13,896.77 + 635.10; rounded up to micro-dollars an hour
    assert owned.usd_per_month == pytest.approx(14_531.87, abs=0.01)
    assert rented.usd_per_month == pytest.approx(98.32 * 730)
    assert owned.total_usd(36) == pytest.approx(833_806 + 36 * 635.10)
    assert found.break_even_utilisation_fraction == pytest.approx(14_531.87 / 71_773.60, rel=1e-6)


# The tiny cloud: one GPU g for a dollar an hour. The tiny server: two GPUs, 10,000 dollars, 60% back after a year.
def tiny_comparison(**tables: object) -> Comparison:
    catalog = tiny.catalog(**{"owned": {"own-2x-g": tiny.node()}, **tables})
    return compare(LoadedProblem(tiny.problem(), "", "tiny.yaml", "0" * 64, {}), catalog, SETTINGS)


def test_what_has_no_plan_says_why() -> None:
    none_to_buy = tiny_comparison(owned={})
    assert none_to_buy.variant("owned").status == "infeasible"
    assert "no offer is admitted" in none_to_buy.variant("owned").reason
    assert none_to_buy.variant("owned").total_usd(12) is None
    assert (none_to_buy.break_even_month, none_to_buy.break_even_hours) == (None, None)
    assert none_to_buy.verdict == "rented"
    nothing = tiny_comparison(owned={}, offers={})
    assert nothing.verdict is None
    assert [one.name for one in nothing.variants] == ["rented", "owned", "mixed"]


def test_break_even_utilisation_stands_beyond_the_budget() -> None:
    """A budget of 20,000 dollars bars the 71,773.60 of rent, yet owning still costs 14,531.87 / 71,773.60 of it."""
    loaded, catalog = shipped_case("own-against-cloud-8x-h100", "limits.budget={amount: 20000, per: month}")
    found = compare(loaded, catalog, SETTINGS)
    assert found.variant("rented").plan.nodes == ()
    assert found.break_even_utilisation_fraction == pytest.approx(14531.87 / 71773.60, rel=1e-6)


def test_a_budget_or_a_stock_in_the_way_is_named() -> None:
    loaded, catalog = shipped_case("own-against-cloud-8x-h100", "limits.budget={amount: 20000, per: month}")
    found = compare(loaded, catalog, SETTINGS)
    assert found.variant("rented").reason.startswith("limits.budget stands in the way: without it $71,773.60")
    assert found.variant("owned").status == "optimal"
    held, catalog = shipped_case("own-against-cloud-8x-h100", "limits.at_least.owned-server-8x-h100-sxm.on-prem-us=1")
    other = compare(held, catalog, SETTINGS)
    assert other.variant("rented").reason == (
        "limits.at_least holds owned-server-8x-h100-sxm.on-prem-us, which is left out here")
    empty, catalog = shipped_case("own-against-cloud-8x-h100", "limits.providers.allow=[owned]")
    assert "no offer is admitted" in compare(empty, catalog, SETTINGS).variant("rented").reason
    tight, catalog = shipped_case(
        "own-against-cloud-8x-h100", "limits.stock.aws-p5.48xlarge-us-east-1-on-demand=1",
        "limits.stock.aws-p5.4xlarge-us-east-1-on-demand=1", "services.0.demand.peak_concurrency=100000")
    assert "stock" in compare(tight, catalog, SETTINGS).variant("rented").reason
    fast, catalog = shipped_case("own-against-cloud-8x-h100", "services.0.slo.tokens_per_s_per_user=5000")
    assert "tok" in compare(fast, catalog, SETTINGS).variant("rented").reason


@pytest.mark.parametrize(("demand", "factor", "scaled"), [(40, 0.8, 32), (41, 0.8, 33), (1, 0.2, 1), (40, 1.2, 48)])
def test_demand_is_scaled_up_to_whole_requests(demand: int, factor: float, scaled: int) -> None:
    problem = tiny.problem()
    service = problem.services[0]
    assert service.demand is not None
    asked = service.model_copy(update={"demand": service.demand.model_copy(update={"peak_concurrency": demand})})
    changed = with_demand(problem.model_copy(update={"services": (asked,)}), factor)
    assert changed.services[0].demand is not None
    assert changed.services[0].demand.peak_concurrency == scaled


def test_a_comparison_is_frozen(tokyo: tuple[LoadedProblem, Catalog, Comparison]) -> None:
    with pytest.raises(AttributeError):
        tokyo[2].problem = None  # type: ignore[misc]
    assert replace(tokyo[2], fx_as_of=None).fx_as_of is None


@pytest.fixture(scope="module")
def by_the_hour() -> Comparison:
    return compare(*shipped_case("tokyo-own-spot-in-yen"), SETTINGS)


def test_by_the_hour_every_variant_is_proven_and_mixed_is_never_dearer(by_the_hour: Comparison) -> None:
    costs = {one.name: one.usd_per_month or math.inf for one in by_the_hour.variants}
    assert {one.status for one in by_the_hour.variants} == {"optimal"}
    assert costs["mixed"] <= min(costs.values())
    assert all(one.plan.periods for one in by_the_hour.variants)


def test_by_the_hour_nodes_that_come_and_go_are_paid_for_their_hours(by_the_hour: Comparison) -> None:
    azure = by_the_hour.variant("azure")
    assert azure.usd_per_month is not None
    assert azure.total_usd(12) == pytest.approx(12 * azure.usd_per_month, rel=1e-6)
    nodes = azure.plan.nodes
    assert all(node.kind in ("on_demand", "spot") for node in nodes)
    hours = sum(node.node_hours_per_month or 0.0 for node in nodes) / (730 * sum(node.count for node in nodes))
    assert azure.hours_fraction == pytest.approx(hours)
    assert hours < 1
    assert azure.around_the_clock_usd_per_month == pytest.approx(
        sum(node.count * node.usd_per_hour_each * 730 for node in nodes), rel=1e-6)


def test_by_the_hour_the_purchase_is_paid_on_the_first_day(by_the_hour: Comparison) -> None:
    owned = by_the_hour.variant("owned")
    assert {node.kind for node in owned.plan.nodes} == {"owned"}
    assert owned.paid_usd[0] == pytest.approx(owned.upfront_usd)
    assert owned.paid_usd[0] > 12 * (owned.paid_usd[1] - owned.paid_usd[0])


def test_by_the_hour_the_share_of_the_hours_is_of_nodes_around_the_clock(by_the_hour: Comparison) -> None:
    owned, clock = by_the_hour.variant("owned").usd_per_month, by_the_hour.on_demand.around_the_clock_usd_per_month
    assert owned is not None
    assert by_the_hour.break_even_utilisation_fraction == pytest.approx(owned / clock)
    run = by_the_hour.on_demand.hours_fraction
    assert run is not None
    # they run a larger share of the hours than that, so that renting them costs more than owning
    assert run > by_the_hour.break_even_utilisation_fraction
    assert (by_the_hour.on_demand.usd_per_month or 0) > owned
