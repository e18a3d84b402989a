"""Electricity and emissions of owned nodes by site."""

from __future__ import annotations

import pytest

from optimizer.costs.energy import site_energy
from tests.catalogs import tiny
from tests.costs.test_approval import OFFERS, asked, bought


def test_energy_by_site_and_the_grid() -> None:
    site = tiny.catalog(owned={"own-2x-g": tiny.node()}).sites["here"]
    green = site.model_copy(update={"grid_g_co2e_per_kwh": tiny.figure(400.0)})
    catalog = tiny.catalog(offers=OFFERS, owned={"own-2x-g": tiny.node()}, sites={"here": green})
    problem = asked()
    nodes = [bought("own-2x-g.here", 3, catalog, problem), bought("cloud-g", 5, catalog, problem)]
    (found,) = site_energy(nodes, catalog, problem)
    # 3 x 1 kW x 0.5 mean draw x PUE 1.2 x 730 h: the tariff of 0.1 makes the power line of 43.8 dollars a machine
    assert found.kwh_per_month == pytest.approx(3 * 438.0)
    assert found.kg_co2e_per_month == pytest.approx(3 * 438.0 * 0.4)
    unknown = tiny.catalog(owned={"own-2x-g": tiny.node()})
    (dark,) = site_energy([bought("own-2x-g.here", 1, unknown, problem)], unknown, problem)
    assert (dark.g_co2e_per_kwh, dark.kg_co2e_per_month) == (None, None)
