"""Owned nodes: each line of the monthly cost worked out by hand, and every assumption that a problem may replace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from optimizer.costs import PricedOffer, price_of, priced_offers
from optimizer.costs.owned import (
    annuity,
    interpolate_residual,
    machine_of,
    monthly_capital_usd,
    monthly_cost,
    ownership,
)
from optimizer.errors import CatalogError
from optimizer.load import Catalog
from optimizer.schema.catalog import FxRate, Part, Site
from optimizer.schema.problem import Assumptions, Limits, Problem
from tests.catalogs import tiny


def asked(horizon_months: int = 12, stock: dict[str, int] | None = None, **assumptions: Any) -> Problem:
    """Return the tiny problem with its own figures for owned nodes."""
    problem = tiny.problem(limits=Limits(horizon_months=horizon_months, stock=stock or {}))
    return problem.model_copy(update={"assumptions": Assumptions.model_validate(assumptions)})


def with_node(**facts: Any) -> Catalog:
    """Return the tiny catalog with one owned node."""
    return tiny.catalog(owned={"own-2x-g": tiny.node(**facts)})


def lines(problem: Problem, **facts: Any) -> dict[str, float]:
    """Return the monthly cost lines of the tiny server."""
    catalog = with_node(**facts)
    return monthly_cost(catalog.owned["own-2x-g"], catalog.sites["here"], catalog, problem)


# The tiny server: 8,000 dollars of parts + 25% network = 10,000. Two GPUs of 300 W and a host of 400 W: 1 kW.
# capital      (10,000 - 40% after 12 months) / 12, no interest   500.00
# power        1 kW x 0.5 x PUE 1.2 x 730 h x 0.10                 43.80
# colocation   1 kW x 100                                         100.00
# maintenance  12% of 10,000 a year                               100.00
# staff        2 x 0.05 people x 120,000 a year                 1,000.00
SERVER = {"capital": 500.0, "power": 43.8, "colocation": 100.0, "maintenance": 100.0, "staff": 1000.0}


def test_lines_by_hand() -> None:
    assert lines(asked()) == pytest.approx(SERVER)


def test_each_line_is_rounded_up_to_a_micro_dollar_an_hour() -> None:
    found = price_of("own-2x-g.here", with_node(), asked())
    assert found is not None
    # 500/730 = 0.68493150..., 43.8/730 = 0.06, 100/730 = 0.13698630..., 1000/730 = 1.36986301...
    expected = {"capital": 684_932, "power": 60_000, "colocation": 136_987, "maintenance": 136_987, "staff": 1_369_864}
    assert found.ends.value == expected
    assert found.micro_usd_per_hour == sum(expected.values())
    assert sum(found.breakdown.values()) == pytest.approx(730 * sum(expected.values()) / 1e6)


def test_a_workstation_stands_in_the_office() -> None:
    # this catalog states no network and space of workstations; 8,000 dollars: (8,000 - 3,200) / 12 = 400;
    # 12% of 8,000 / 12 = 80; staff as for a server: 2 GPUs x 0.05 x 120,000 / 12
    office = lines(asked(), form="workstation", colocated=False)
    expected = {"capital": 400.0, "power": 43.8, "colocation": 0.0, "maintenance": 80.0, "staff": 1000.0}
    assert office == pytest.approx(expected)
    own = asked(staff_fte_per_gpu=0.0, network_fraction_of_workstation=0.25, space_usd_per_workstation_month=30.0)
    stated = lines(own, form="workstation", colocated=False)
    assert stated == pytest.approx(expected | {"capital": 500.0, "colocation": 30.0, "maintenance": 100.0, "staff": 0})


@pytest.mark.parametrize(
    ("assumptions", "line", "value"),
    [
        pytest.param({"residual_fraction": 0.0}, "capital", 10_000 / 12, id="nothing got back"),
        pytest.param({"purchase_price_usd": {"own-2x-g": 6000.0}}, "capital", 300.0,
                     id="own quotation, network included"),
        pytest.param({"purchase_price_usd": {"own-2x-g": 6000.0}}, "maintenance", 60.0, id="maintenance follows it"),
        pytest.param({"network_fraction_of_hardware": 0.0}, "capital", 400.0, id="no network"),
        pytest.param({"maintenance_fraction_per_year": 0.0}, "maintenance", 0.0, id="no maintenance"),
        pytest.param({"utilisation_of_tdp_fraction": 1.0}, "power", 87.6, id="full draw"),
        pytest.param({"electricity_usd_per_kwh": 0.2}, "power", 87.6, id="dear electricity"),
        pytest.param({"electricity_usd_per_kwh": 0.0}, "power", 0.0, id="own solar"),
        pytest.param({"pue": 2.4}, "power", 87.6, id="hot room"),
        pytest.param({"colocation_usd_per_kw_month": 0.0}, "colocation", 0.0, id="own room"),
        pytest.param({"staff_fte_per_gpu": 0.0}, "staff", 0.0, id="no staff"),
        pytest.param({"staff_usd_per_fte_year": 60_000.0}, "staff", 500.0, id="cheap staff"),
        pytest.param({"electricity_jpy_per_kwh": 20.0}, "power", 87.6, id="electricity in yen, 100 a dollar"),
        pytest.param({"colocation_jpy_per_kw_month": 30_000.0}, "colocation", 300.0, id="a rack in yen"),
        pytest.param({"staff_jpy_per_fte_year": 6_000_000.0}, "staff", 500.0, id="staff in yen"),
        # 0.5 people a node, the catalog's 0.05 a GPU left out: 0.5 x 120,000 / 12
        pytest.param({"staff_fte_per_node": 0.5}, "staff", 5000.0, id="staff by the node"),
        pytest.param({"staff_fte_per_node": 0.5, "staff_fte_per_gpu": 0.05}, "staff", 6000.0, id="both are one's own"),
        # idle 0.2, active 0.8, busy half of the hours: 0.5 of 1 kW, as before; busy all hours: 0.8
        pytest.param({"busy_fraction": 0.5, "idle_of_tdp_fraction": 0.2, "active_of_tdp_fraction": 0.8}, "power", 43.8,
                     id="idle half of the time"),
        pytest.param({"busy_fraction": 1.0, "idle_of_tdp_fraction": 0.2, "active_of_tdp_fraction": 0.8}, "power", 70.08,
                     id="busy around the clock"),
        # 8,000 x (1 + 0.25 network + 0.05) = 10,400: 0.6 of it / 12
        pytest.param({"spares_fraction_of_hardware": 0.05}, "capital", 520.0, id="spare parts"),
        pytest.param({"licence_usd_per_gpu_year": 4500.0}, "licence", 750.0, id="two licences"),
        pytest.param({"licence_jpy_per_gpu_year": 450_000.0}, "licence", 750.0, id="licences in yen"),
        pytest.param({"installation_usd_per_node": 1200.0}, "installation", 100.0, id="set up, never got back"),
        pytest.param({"installation_jpy_per_node": 120_000.0}, "installation", 100.0, id="set up in yen"),
        pytest.param({"purchase_price_jpy": {"own-2x-g": 600_000.0}}, "capital", 300.0, id="a quotation in yen"),
        # 660,000 yen with 10% tax inside
        pytest.param({"purchase_price_jpy": {"own-2x-g": 660_000.0}, "purchase_tax_included_fraction": 0.1}, "capital",
                     300.0, id="a quotation with tax"),
        pytest.param({"running_usd_per_hour": {"own-2x-g": 0.87}}, "running", 635.1, id="all of it in one figure"),
        pytest.param({"purchase_factor": 1.2}, "capital", 600.0, id="a fifth dearer"),
        pytest.param({"purchase_factor": 1.2}, "maintenance", 120.0, id="and its maintenance"),
        pytest.param({"electricity_factor": 1.2}, "power", 52.56, id="tariff a fifth higher"),
        pytest.param({"life_years": 0.5, "residual_fraction": 0.4}, "capital", 1000.0, id="worn out after six months"),
    ],
)
def test_a_problem_may_replace_every_assumption(assumptions: dict[str, Any], line: str, value: float) -> None:
    assert lines(asked(**assumptions))[line] == pytest.approx(value)


OF_RENTED = {"adjustments", "spot_interruption_fraction", "rent_factor", "rent_usd_per_hour"}
IN_EUROS = {name for name in Assumptions.model_fields if "_eur" in name}


def test_every_assumption_is_tried_above() -> None:
    tried = {name for mark in test_a_problem_may_replace_every_assumption.pytestmark  # type: ignore[attr-defined]
             for param in mark.args[1] for name in param.values[0]}
    of_workstations = {"network_fraction_of_workstation", "space_usd_per_workstation_month"}
    rest = {"discount_fraction_per_year", "price_end"} | OF_RENTED | IN_EUROS | of_workstations
    assert tried | rest == set(Assumptions.model_fields)


def test_figures_in_euros() -> None:
    rate = {"EUR": FxRate(currency="EUR", rate_per_usd=0.5, source_url="https://example.org", as_of="2026-06")}
    catalog = tiny.catalog(owned={"own-2x-g": tiny.node()}, fx=rate)
    stated = {
        "electricity_eur_per_kwh": 0.1, "colocation_eur_per_kw_month": 100.0, "staff_eur_per_fte_year": 60_000.0,
        "licence_eur_per_gpu_year": 600.0, "installation_eur_per_node": 600.0,
        "purchase_price_eur": {"own-2x-g": 3000.0}}
    assert set(stated) == IN_EUROS
    found = monthly_cost(catalog.owned["own-2x-g"], tiny.SITE, catalog, asked(**stated))
    # two dollars for a euro: 6,000 less 40% over 12 months, 1,200 over 12 months, 0.20 a kWh, 200 a kW,
    # 2 x 0.05 x 120,000 / 12, 2 x 1,200 / 12
    assert found == pytest.approx({
        "capital": 300.0, "installation": 100.0, "power": 87.6, "colocation": 200.0, "maintenance": 60.0,
        "staff": 1000.0, "licence": 200.0})


@pytest.mark.parametrize(("stated", "found"), [
    ({"electricity_usd_per_kwh": 0.1, "electricity_jpy_per_kwh": 20.0}, "electricity_usd_per_kwh and electricity_jpy"),
    ({"purchase_price_usd": {"n": 1.0}, "purchase_price_jpy": {"n": 150.0}}, "n in two currencies"),
    ({"busy_fraction": 0.5, "utilisation_of_tdp_fraction": 0.7}, "utilisation_of_tdp_fraction beside it"),
    ({"busy_fraction": 0.5, "idle_of_tdp_fraction": 0.7, "active_of_tdp_fraction": 0.5}, "at most active = 0.5"),
    ({"idle_of_tdp_fraction": 0.2}, "without busy_fraction"),
])
def test_what_is_stated_twice_is_refused(stated: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        Assumptions.model_validate(stated)


def test_what_a_node_is_sold_for() -> None:
    catalog = with_node()
    owned = ownership(catalog.owned["own-2x-g"], tiny.SITE, catalog, asked())
    # 10,000 new; 40% after a year, 30% after two, 10% from five on
    sold = [owned.resale_usd(months) for months in (0, 12, 18, 24, 60, 90)]
    assert sold == pytest.approx([10_000, 4000, 3500, 3000, 1000, 1000])
    assert (owned.outlay_usd, owned.life_months) == pytest.approx((10_000.0, 60.0))
    fixed = ownership(catalog.owned["own-2x-g"], tiny.SITE, catalog, asked(residual_fraction=0.25))
    assert [fixed.resale_usd(months) for months in (1, 60)] == pytest.approx([2500.0, 2500.0])


def test_interest_by_hand() -> None:
    # 21% a year, two years, nothing left: r = 1.21^(1/12) - 1 = 0.0160119 a month;
    # annuity r / (1 - 1.21^-2) = 0.0160119 / 0.3169866 = 0.0505128 of 10,000
    catalog_lines = lines(asked(24, discount_fraction_per_year=0.21, residual_fraction=0.0))
    assert catalog_lines["capital"] == pytest.approx(505.128, abs=1e-3)


@pytest.mark.parametrize(
    ("rate", "periods", "payment"),
    [(0.0, 4, 0.25), (0.1, 1, 1.1), (0.1, 2, 0.1 / (1 - 1 / 1.21)), (1.0, 2, 4 / 3)],
)
def test_annuity(rate: float, periods: float, payment: float) -> None:
    assert annuity(rate, periods) == pytest.approx(payment)


@given(st.floats(1, 1e6), st.floats(0, 1), st.floats(0, 0.5), st.integers(1, 120))
def test_payments_and_residual_repay_the_purchase(
    price: float, residual: float, rate_per_year: float, months: int
) -> None:
    payment = monthly_capital_usd(price, residual, rate_per_year, months)
    monthly = (1 + rate_per_year) ** (1 / 12)
    paid = sum(payment / monthly**month for month in range(1, months + 1)) + residual * price / monthly**months
    assert paid == pytest.approx(price, rel=1e-6)


@pytest.mark.parametrize(
    ("months", "fraction"),
    [(0, 1.0), (6, 0.7), (12, 0.4), (18, 0.35), (24, 0.3), (30, 0.25), (48, 0.15), (60, 0.1), (90, 0.1)],
)
def test_residual_value_between_known_ages(months: float, fraction: float) -> None:
    assert interpolate_residual([(12, 0.4), (24, 0.3), (36, 0.2), (60, 0.1)], months) == pytest.approx(fraction)


def test_a_horizon_beyond_the_life_buys_again() -> None:
    # five years: (10,000 - 10%) / 60 = 150 a month, whether it is needed for five years or ten
    assert [lines(asked(months))["capital"] for months in (60, 120)] == pytest.approx([150.0, 150.0])


@pytest.mark.parametrize(
    ("currency", "price"),
    [pytest.param("USD", 8000.0, id="dollars"), pytest.param("JPY", 800_000.0, id="yen at 100 a dollar")],
)
def test_parts_add_up(currency: str, price: float) -> None:
    half = tiny.part(price / 4, count=2, currency=currency)
    margin = Part(item="margin", fraction_of_parts=0.1, as_of="2026")
    assert lines(asked(), parts=(half, half)) == pytest.approx(SERVER)
    # 10% on everything bought: 11,000, so 550 and 110
    dearer = lines(asked(), parts=(half, margin, half))
    assert (dearer["capital"], dearer["maintenance"]) == pytest.approx((550.0, 110.0))


def test_a_site_priced_in_yen() -> None:
    site = Site(name="There", country="JP", electricity_jpy_per_kwh=tiny.figure(20.0), pue=tiny.figure(1.2),
                colocation_jpy_per_kw_month=tiny.figure(30_000.0))
    catalog = tiny.catalog(owned={"own-2x-g": tiny.node(sites=("there",))}, sites={"there": site})
    found = monthly_cost(catalog.owned["own-2x-g"], site, catalog, asked())
    assert (found["power"], found["colocation"]) == pytest.approx((87.6, 300.0))


def test_low_end_takes_what_is_cheap_about_every_figure() -> None:
    ranged = tiny.ASSUMPTIONS.model_copy(update={
        "residual_12_months_fraction": tiny.figure(0.4, 0.1, 0.7), "life_years": tiny.figure(5.0, 1.0, 6.0)})
    catalog = tiny.catalog(owned={"own-2x-g": tiny.node(parts=(tiny.part(8000.0, low=4000.0, high=16_000.0),))},
                           owned_assumptions=ranged)
    server, problem = catalog.owned["own-2x-g"], asked(24)
    ends = [monthly_cost(server, tiny.SITE, catalog, problem, end)["capital"] for end in ("low", "value", "high")]
    # needed for 24 months, then worth 30%: 5,000 x 0.7 / 24 and 10,000 x 0.7 / 24;
    # worn out after 12, then worth 10%: 20,000 x 0.9 / 12
    assert ends == pytest.approx([5000 * 0.7 / 24, 10_000 * 0.7 / 24, 1500.0])


def own(problem: Problem, **facts: Any) -> PricedOffer:
    """Price the tiny server."""
    found = price_of("own-2x-g.here", with_node(**facts), problem)
    assert found is not None
    return found


def test_evidence_is_that_of_the_weakest_part() -> None:
    quoted = tiny.part(4000.0, evidence="quoted", as_of="2026-03")
    listed = tiny.part(4000.0, evidence="list", as_of="2025")
    assert own(asked(), parts=(quoted, quoted)).price_evidence == "quoted"
    assert own(asked(), parts=(quoted, listed)).price_evidence == "list"
    assert own(asked(), parts=(quoted, tiny.part(1.0))).price_evidence == "assumed"
    assert own(asked(purchase_price_usd={"own-2x-g": 9000.0})).price_evidence == "quoted"
    # a price is as old as its oldest part
    assert own(asked(), parts=(quoted, listed)).price_as_of == "2025"


def test_stock_by_node_or_by_place() -> None:
    assert own(asked(), stock=4).stock == 4
    assert own(asked(stock={"own-2x-g": 3}), stock=4).stock == 3
    here = own(asked(stock={"own-2x-g": 3, "own-2x-g.here": 2}), stock=4)
    assert (here.stock, here.own_stock, here.obtainable, here.pool) == (3, 2, 2, "own-2x-g")
    assert own(asked(stock={"own-2x-g": 3, "own-2x-g.here": 5}), stock=4).obtainable == 3


def test_power_limit_and_place() -> None:
    found = own(asked())
    assert (found.watts, found.provider, found.region, found.kind) == (1000, "owned", "here", "owned")
    assert found.has_range is False


def test_a_catalog_without_assumptions_is_broken() -> None:
    bare = tiny.catalog(owned={"own-2x-g": tiny.node()}, owned_assumptions=None)
    with pytest.raises(CatalogError, match=r"assumptions\.life_years"):
        priced_offers(bare, asked())


@pytest.mark.parametrize("horizon_months", [1, 6, 12, 18, 36, 60, 84, 120])
def test_low_end_is_never_above_the_high_end(shipped: Catalog, horizon_months: int) -> None:
    for offer in priced_offers(shipped, asked(horizon_months)):
        low, value, high = (offer.ends.micro_usd_per_hour(end) for end in ("low", "value", "high"))
        assert low <= value <= high, offer.offer_id
        assert low > 0


def test_price_end_chooses_the_end(shipped: Catalog) -> None:
    name = "owned-workstation-2x-rtx-a5000.on-prem-jp"
    found = {end: price_of(name, shipped, asked(price_end=end)) for end in ("low", "value", "high")}
    prices = {end: offer.micro_usd_per_hour for end, offer in found.items() if offer is not None}
    assert prices["low"] < prices["value"] < prices["high"]
    middle = found["value"]
    assert middle is not None
    assert middle.range_micro_usd_per_hour == (prices["low"], prices["high"])


def test_every_offer_is_priced_once_in_the_order_of_ids(shipped: Catalog) -> None:
    problem = asked()
    offers = priced_offers(shipped, problem)
    ids = [offer.offer_id for offer in offers]
    assert ids == sorted(set(ids))
    assert len(ids) == len(shipped.offers) + sum(len(node.sites) for node in shipped.owned.values())
    for offer in offers[:: len(offers) // 40]:
        assert price_of(offer.offer_id, shipped, problem) == offer
    assert price_of("nothing", shipped, problem) is None


def test_a_machine_is_named_without_its_site_whatever_its_id() -> None:
    offer = price_of("own-2x-g.here", with_node(), asked())
    assert offer is not None
    assert machine_of(offer) == "own-2x-g"
    assert machine_of(replace(offer, offer_id="rented.here", kind="on_demand")) == "rented.here"
