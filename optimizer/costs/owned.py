"""Owned nodes: purchase less residual value as an annuity, power, colocation, maintenance, staff and licences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from optimizer.costs.figures import (
    RESIDUAL_AGES,
    Figures,
    full_load_watts,
    interpolate_residual,
    purchase_usd,
    quoted_purchase,
    space_usd,
    staff_fte,
)
from optimizer.costs.priced import SOLD_NEW, PricedOffer, PriceEnd, PriceEnds, PriceLines
from optimizer.errors import CatalogError, Fault
from optimizer.load import Catalog
from optimizer.schema.base import Kind, PriceEvidence, Sold
from optimizer.schema.catalog import OwnedNode, Site
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH, micro_usd_up

__all__ = [
    "MONTHS_PER_YEAR", "Ownership", "PurchaseOf", "annuity", "full_load_watts", "interpolate_residual", "machine_of",
    "monthly_capital_usd", "monthly_cost", "monthly_rate", "owned_offer_id", "ownership", "price_node", "priced_offers",
    "purchase_usd",
]

MONTHS_PER_YEAR = 12


def annuity(rate_fraction: float, periods: float) -> float:
    """Return the constant payment a period that repays 1 at a rate a period.

    r / (1 - (1 + r)^-n), and 1 / n without interest.

    >>> round(annuity(0.08, 5), 6), annuity(0.0, 4)
    (0.250456, 0.25)
    >>> round(annuity(0.10, 2), 6)  # 1 = 0.576190 / 1.1 + 0.576190 / 1.21
    0.57619
    """
    if rate_fraction == 0:
        return 1 / periods
    return float(rate_fraction / (1 - (1 + rate_fraction) ** -periods))


def monthly_rate(discount_fraction_per_year: float) -> float:
    """Return the rate a month that compounds to a yearly one.

    >>> round(monthly_rate(0.21), 6)  # 1.016012 ^ 12 = 1.21
    0.016012
    """
    return float((1 + discount_fraction_per_year) ** (1 / MONTHS_PER_YEAR) - 1)


def monthly_capital_usd(
    purchase_usd: float, residual_fraction: float, discount_fraction_per_year: float, months: float
) -> float:
    """Return the monthly cost of capital: purchase less the present value of what it is sold for, as an annuity.

    >>> round(monthly_capital_usd(1200.0, 0.0, 0.0, 12), 6), round(monthly_capital_usd(1200.0, 0.5, 0.0, 12), 6)
    (100.0, 50.0)
    """
    rate = monthly_rate(discount_fraction_per_year)
    return float((purchase_usd - purchase_usd * residual_fraction * (1 + rate) ** -months) * annuity(rate, months))


@dataclass(frozen=True)
class Ownership:
    """What one owned node costs before it is spread over time, in US dollars without tax."""

    purchase_usd: float
    """Price of the node, network included."""
    installation_usd: float
    """Paid once beside it, never got back."""
    running_usd_per_month: dict[str, float]
    """Line (power, colocation, maintenance, staff, licence) -> what is paid each month."""
    life_months: float
    """Months until it is bought again."""
    discount_fraction_per_year: float
    residual_points: tuple[tuple[float, float], ...]
    """(age in months, share of the price that it is still worth)."""

    @property
    def outlay_usd(self) -> float:
        """Paid on the day of purchase."""
        return self.purchase_usd + self.installation_usd

    def resale_usd(self, months: float) -> float:
        """Return what a node of this age is sold for; linear between the known ages."""
        return self.purchase_usd * interpolate_residual(list(self.residual_points), months)

    def monthly_usd(self, months: float, residual_fraction: float) -> dict[str, float]:
        """Return the cost lines a month when it is needed for some months and then sold for a share of its price."""
        rate = self.discount_fraction_per_year
        lines = {"capital": monthly_capital_usd(self.purchase_usd, residual_fraction, rate, months)}
        if self.installation_usd:
            lines["installation"] = monthly_capital_usd(self.installation_usd, 0.0, rate, months)
        return lines | self.running_usd_per_month


def _running(node: OwnedNode, site: Site, figures: Figures, price: float) -> dict[str, float]:
    """Return what a node costs each month beside its purchase, line by line."""
    catalog, own = figures.catalog, figures.problem.assumptions
    if node.offer_id in own.running_usd_per_hour:
        return {"running": own.running_usd_per_hour[node.offer_id] * HOURS_PER_MONTH}
    kilowatts = full_load_watts(node, catalog) / 1000
    pue = own.pue or figures.pick(site.pue)
    power = kilowatts * figures.mean_draw * pue * HOURS_PER_MONTH
    colocation = figures.site_price(site, "colocation", "kw_month")
    lines = {
        "power": power * figures.site_price(site, "electricity", "kwh") * own.electricity_factor,
        "colocation": kilowatts * colocation if node.colocated else space_usd(figures),
        "maintenance": price * figures["maintenance_fraction_per_year"] / MONTHS_PER_YEAR,
        "staff": staff_fte(node, figures) * figures.staff_price(site) / MONTHS_PER_YEAR,
    }
    licence = node.gpu_count * figures.assumed_price("licence", "gpu_year") / MONTHS_PER_YEAR
    return lines | ({"licence": licence} if licence else {})


def ownership(
    node: OwnedNode, site: Site, catalog: Catalog, problem: Problem, end: PriceEnd = "value",
    figures: Figures | None = None,
) -> Ownership:
    """Return what an owned node costs at a site, at one end of the assumed figures.

    Args:
        figures: those of this end, where they are known already.

    Raises:
        CatalogError: the catalog states no assumptions for owned nodes.
    """
    if catalog.owned_assumptions is None:
        raise CatalogError([Fault("on_prem.yaml", "assumptions.life_years", "nothing", "a figure")])
    figures = figures or Figures(catalog, problem, end)
    price = purchase_usd(node, figures)
    own = problem.assumptions.residual_fraction
    points = tuple((float(age), figures.residual(age)) for age in RESIDUAL_AGES) if own is None else ((1e-9, own),)
    return Ownership(
        price, figures.assumed_price("installation", "node"), _running(node, site, figures, price),
        figures.flipped["life_years"] * MONTHS_PER_YEAR, figures["discount_fraction_per_year"], points,
    )


def monthly_cost(
    node: OwnedNode, site: Site, catalog: Catalog, problem: Problem, end: PriceEnd = "value",
    figures: Figures | None = None,
) -> dict[str, float]:
    """Return the cost lines of an owned node in US dollars a month.

    Bought for its life, needed for the horizon: the purchase is repaid over the horizon less the residual value at its
    end; a horizon beyond the life buys again, so then the life counts.
    """
    figures = figures or Figures(catalog, problem, end)
    owned = ownership(node, site, catalog, problem, end, figures)
    months = min(float(problem.limits.horizon_months), owned.life_months)
    return owned.monthly_usd(months, figures.residual(months))


@dataclass(frozen=True)
class PurchaseOf:
    """What the catalog alone says of the price of an owned machine: no problem, no network, no factors."""

    node: OwnedNode
    catalog: Catalog

    @property
    def parts_usd(self) -> float:
        """The parts at the catalog's rates, margins on them included, in US dollars."""
        rates = {"USD": 1.0} | {name: rate.rate_per_usd for name, rate in self.catalog.fx.items()}
        goods = sum(
            part.unit_price * part.count / rates[part.currency]
            for part in self.node.parts if part.unit_price is not None
        )
        return goods * (1 + sum(part.fraction_of_parts or 0.0 for part in self.node.parts))


def _evidence(node: OwnedNode, problem: Problem) -> PriceEvidence:
    if quoted_purchase(node, problem) is not None:
        return "quoted"
    order: tuple[PriceEvidence, ...] = ("quoted", "list", "assumed")
    return max((part.evidence for part in node.parts), key=order.index)


def owned_offer_id(node_id: str, site_id: str) -> str:
    """Name an owned node at a site."""
    return f"{node_id}.{site_id}"


def _hourly(usd_per_month: dict[str, float]) -> PriceLines:
    """Round each line that costs anything up to micro-dollars an hour; float noise is no cost."""
    return {line: micro_usd_up(round(usd / HOURS_PER_MONTH, 12)) for line, usd in usd_per_month.items() if usd}


class Placed(Protocol):
    """An offer, or the nodes of one in a plan."""

    @property
    def offer_id(self) -> str:
        """Id of the offer."""

    @property
    def kind(self) -> Kind:
        """How it is obtained."""

    @property
    def region(self) -> str:
        """Region, or the site of an owned node."""


def machine_of(one: Placed) -> str:
    """Return the id of an owned offer's machine without its site, as it costs the same to buy everywhere.

    A rented offer's id is its own.
    """
    return one.offer_id.removesuffix(f".{one.region}") if one.kind == "owned" else one.offer_id


def sold_as(node: OwnedNode, catalog: Catalog) -> Sold:
    """Return how a machine can be had: as it says itself, else as its GPU."""
    if node.sold is not None:
        return node.sold
    product = catalog.products.get(node.gpu_id)
    return "new" if product is None else product.sold


def figures_at_ends(catalog: Catalog, problem: Problem) -> dict[PriceEnd, Figures]:
    """Return the figures in force at each end, which all owned nodes of a problem share."""
    return {end: Figures(catalog, problem, end) for end in ("value", "low", "high")}


def price_node(
    node: OwnedNode, site_id: str, catalog: Catalog, problem: Problem, figures: dict[PriceEnd, Figures] | None = None
) -> PricedOffer:
    """Price one owned node at one site, with both ends of its assumed figures."""
    shared = figures_at_ends(catalog, problem) if figures is None else figures
    site, offer_id = catalog.sites[site_id], owned_offer_id(node.offer_id, site_id)
    if catalog.owned_assumptions is None:
        raise CatalogError([Fault("on_prem.yaml", "assumptions.life_years", "nothing", "a figure")])
    ends = PriceEnds(lambda end: _hourly(monthly_cost(node, site, catalog, problem, end, shared[end])))
    stated, sold = problem.limits.stock, sold_as(node, catalog)
    machine, here = stated.get(node.offer_id, node.stock), stated.get(offer_id)
    if sold not in SOLD_NEW and not problem.limits.used:  # those that are there already, and no more
        there = problem.limits.at_least.get(offer_id, 0)
        here = there if here is None else min(here, there)
    pool = node.offer_id if here is None or machine is not None else ""  # the machine's stock is shared by its sites
    own = here if here is not None and machine is not None and here < machine else None
    oldest = min(part.as_of for part in node.parts)  # a price is as old as the oldest of its parts
    product = catalog.products.get(node.gpu_id)
    licensed = product is None or product.licensed_for_data_centres
    return PricedOffer(
        offer_id, "owned", site_id, node.gpu_id, node.gpu_count, "owned", 0, "linux", ends,
        problem.assumptions.price_end, here if machine is None else machine,
        round(full_load_watts(node, catalog)), oldest, _evidence(node, problem),
        " ; ".join(dict.fromkeys(part.source_url for part in node.parts if part.source_url)),
        catalog.is_overlaid("owned", node.offer_id), sold,
        not licensed and (node.colocated or node.form == "server"), pool, own,
    )


def priced_offers(catalog: Catalog, problem: Problem) -> Iterator[PricedOffer]:
    """Price every owned node at every site where it may stand."""
    shared = figures_at_ends(catalog, problem)
    for node in catalog.owned.values():
        for site_id in node.sites:
            yield price_node(node, site_id, catalog, problem, shared)
