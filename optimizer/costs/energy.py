"""What the owned nodes of a plan draw from the grid, and what that emits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimizer.costs.figures import Figures, full_load_watts
from optimizer.load import Catalog
from optimizer.schema.plan import Node, SiteEnergy
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH

GRAMS_PER_KG = 1000


def site_energy(nodes: Iterable[Node], catalog: Catalog, problem: Problem) -> Iterator[SiteEnergy]:
    """Yield kWh and kg of CO2 equivalent a month of the owned nodes of each site.

    kWh = full load in kW x mean draw x PUE x 730; emissions = kWh x the grid's factor. Rented nodes are left out: no
    provider states their draw.
    """
    figures = Figures(catalog, problem, problem.assumptions.price_end)
    watts: dict[str, float] = {}
    for node in nodes:
        if node.kind == "owned":
            machine = catalog.owned[node.offer_id.removesuffix(f".{node.region}")]
            watts[node.region] = watts.get(node.region, 0.0) + node.count * full_load_watts(machine, catalog)
    for name, drawn in sorted(watts.items()):
        site = catalog.sites[name]
        pue = problem.assumptions.pue or figures.pick(site.pue)
        kwh = drawn / 1000 * figures.mean_draw * pue * HOURS_PER_MONTH
        grid = site.grid_g_co2e_per_kwh
        grams = None if grid is None else figures.pick(grid)
        yield SiteEnergy(
            site=name, kwh_per_month=kwh, g_co2e_per_kwh=grams,
            kg_co2e_per_month=None if grams is None else kwh * grams / GRAMS_PER_KG,
            source_url="" if grid is None else grid.source_url, as_of="" if grid is None else grid.as_of)
