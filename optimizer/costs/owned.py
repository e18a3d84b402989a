"""Owned nodes: purchase less residual value as an annuity, power, colocation, maintenance and staff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from optimizer.costs.priced import PricedOffer, PriceEnd, PriceEnds, PriceLines, rate_per_usd
from optimizer.errors import CatalogError, Fault
from optimizer.load import Catalog
from optimizer.schema.base import Currency, PriceEvidence
from optimizer.schema.catalog import Figure, OwnedNode, Part, Site
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH, micro_usd_up

MONTHS_PER_YEAR = 12


def annuity(rate_fraction: float, periods: float) -> float:
    """Return the constant payment a period that repays 1 at a rate a period.

    r / (1 - (1 + r)^-n), and 1 / n without interest.

    >>> round(annuity(0.08, 5), 6), annuity(0.0, 4)
    (0.250456, 0.25)
    """
    if rate_fraction == 0:
        return 1 / periods
    return float(rate_fraction / (1 - (1 + rate_fraction) ** -periods))


def monthly_capital_usd(
    purchase_usd: float, residual_fraction: float, discount_fraction_per_year: float, months: float
) -> float:
    """Return the monthly cost of capital: purchase less the present value of what it is sold for, as an annuity.

    >>> round(monthly_capital_usd(1200.0, 0.0, 0.0, 12), 6), round(monthly_capital_usd(1200.0, 0.5, 0.0, 12), 6)
    (100.0, 50.0)
    """
    rate = (1 + discount_fraction_per_year) ** (1 / MONTHS_PER_YEAR) - 1
    return float((purchase_usd - purchase_usd * residual_fraction * (1 + rate) ** -months) * annuity(rate, months))


def interpolate_residual(points: list[tuple[float, float]], months: float) -> float:
    """Return the residual value after some months, linear between known ages; new is worth 1, and it never rises.

    >>> interpolate_residual([(12, 0.65), (24, 0.375)], 18), interpolate_residual([(12, 0.65), (24, 0.375)], 60)
    (0.5125, 0.375)
    """
    known = [(0.0, 1.0), *points]
    for (age, value), (next_age, next_value) in pairwise(known):
        if months <= next_age:
            return value + (months - age) / (next_age - age) * (next_value - value)
    return known[-1][1]


@dataclass(frozen=True)
class Figures:
    """The assumptions in force at one end of their ranges: the problem's own, else the catalog's."""

    catalog: Catalog
    problem: Problem
    end: PriceEnd

    def pick(self, figure: Figure) -> float:
        """Take one end of a figure's range."""
        chosen = getattr(figure, self.end)
        return float(figure.value if chosen is None else chosen)

    def __getitem__(self, name: str) -> float:
        own = getattr(self.problem.assumptions, name, None)
        if own is not None:
            return float(own)
        if self.catalog.owned_assumptions is None:
            raise CatalogError([Fault("on_prem.yaml", f"assumptions.{name}", "nothing", "a figure")])
        return self.pick(getattr(self.catalog.owned_assumptions, name))

    @property
    def flipped(self) -> Figures:
        """The same at the other end, for figures whose high value makes a low cost: residual value and life."""
        other: PriceEnd = {"low": "high", "high": "low"}.get(self.end, "value")  # type: ignore[assignment]
        return Figures(self.catalog, self.problem, other)

    def residual(self, months: float) -> float:
        """Return the share of the purchase price got back after the horizon."""
        if self.problem.assumptions.residual_fraction is not None:
            return self.problem.assumptions.residual_fraction
        stem = "residual_{}_months_fraction"
        return interpolate_residual([(age, self.flipped[stem.format(age)]) for age in (12, 24, 36, 60)], months)

    def site_price(self, site: Site, stem: str, unit: str) -> float:
        """Return a price of a site in US dollars."""
        own = getattr(self.problem.assumptions, f"{stem}_usd_per_{unit}", None)
        if own is not None:
            return float(own)
        currencies: tuple[Currency, ...] = ("USD", "JPY", "EUR")
        for currency in currencies:
            figure = getattr(site, f"{stem}_{currency.lower()}_per_{unit}")
            if figure is not None:
                return float(self.pick(figure) / rate_per_usd(self.catalog, self.problem, currency))
        return 0.0


def _part_price(part: Part, end: PriceEnd) -> float:
    chosen = {"value": None, "low": part.low, "high": part.high}[end]
    return chosen if chosen is not None else (part.unit_price or part.fraction_of_parts or 0.0)


def purchase_usd(node: OwnedNode, figures: Figures) -> float:
    """Return the purchase price of a node: its parts, margins on them, and the network share of servers."""
    catalog, problem = figures.catalog, figures.problem
    own = problem.assumptions.purchase_price_usd
    if node.offer_id in own:
        return own[node.offer_id]
    goods = sum(
        _part_price(part, figures.end) * part.count / float(rate_per_usd(catalog, problem, part.currency))
        for part in node.parts if part.unit_price is not None
    )
    margins = sum(_part_price(part, figures.end) for part in node.parts if part.fraction_of_parts is not None)
    network = figures["network_fraction_of_hardware"] if node.form == "server" else 0.0
    return goods * (1 + margins) * (1 + network)


def full_load_watts(node: OwnedNode, catalog: Catalog) -> float:
    """Return the draw of a node with all GPUs at their power limit."""
    return node.gpu_count * (catalog.gpus[node.gpu_id].tdp_watts or 0.0) + node.host_watts


def _staff_fte_per_gpu(node: OwnedNode, figures: Figures) -> float:
    """Return staff per GPU: the catalog's figure is for servers; a workstation has none unless the problem says so."""
    stated = figures.problem.assumptions.staff_fte_per_gpu is not None
    return figures["staff_fte_per_gpu"] if stated or node.form == "server" else 0.0


def monthly_cost(
    node: OwnedNode, site: Site, catalog: Catalog, problem: Problem, end: PriceEnd = "value"
) -> dict[str, float]:
    """Return the cost lines of an owned node in US dollars a month.

    Bought for its life, needed for the horizon: the purchase is repaid over the horizon less the residual value at its
    end; a horizon beyond the life buys again, so then the life counts.
    """
    figures = Figures(catalog, problem, end)
    months = min(float(problem.limits.horizon_months), figures.flipped["life_years"] * MONTHS_PER_YEAR)
    price = purchase_usd(node, figures)
    kilowatts = full_load_watts(node, catalog) / 1000
    pue = problem.assumptions.pue or figures.pick(site.pue)
    power = kilowatts * figures["utilisation_of_tdp_fraction"] * pue * HOURS_PER_MONTH
    staff = node.gpu_count * _staff_fte_per_gpu(node, figures)
    return {
        "capital": monthly_capital_usd(price, figures.residual(months), figures["discount_fraction_per_year"], months),
        "power": power * figures.site_price(site, "electricity", "kwh"),
        "colocation": kilowatts * figures.site_price(site, "colocation", "kw_month") if node.colocated else 0.0,
        "maintenance": price * figures["maintenance_fraction_per_year"] / MONTHS_PER_YEAR,
        "staff": staff * figures["staff_usd_per_fte_year"] / MONTHS_PER_YEAR,
    }


def _evidence(node: OwnedNode, problem: Problem) -> PriceEvidence:
    if node.offer_id in problem.assumptions.purchase_price_usd:
        return "quoted"
    order: tuple[PriceEvidence, ...] = ("quoted", "list", "assumed")
    return max((part.evidence for part in node.parts), key=order.index)


def owned_offer_id(node_id: str, site_id: str) -> str:
    """Name an owned node at a site."""
    return f"{node_id}.{site_id}"


def _hourly(usd_per_month: dict[str, float]) -> PriceLines:
    """Round each line that costs anything up to micro-dollars an hour; float noise is no cost."""
    return {line: micro_usd_up(round(usd / HOURS_PER_MONTH, 12)) for line, usd in usd_per_month.items() if usd}


def machine_of(offer_id: str) -> str:
    """Return an offer's id without the site of an owned node: the same machine costs the same to buy everywhere.

    >>> machine_of("owned-workstation-1x-rtx-a5000.on-prem-jp"), machine_of("aws-g5.xlarge-us-east-1-on-demand")
    ('owned-workstation-1x-rtx-a5000', 'aws-g5.xlarge-us-east-1-on-demand')
    """
    return offer_id.rsplit(".", 1)[0] if offer_id.startswith("owned-") else offer_id


def price_node(node: OwnedNode, site_id: str, catalog: Catalog, problem: Problem) -> PricedOffer:
    """Price one owned node at one site, with both ends of its assumed figures."""
    site, offer_id = catalog.sites[site_id], owned_offer_id(node.offer_id, site_id)
    if catalog.owned_assumptions is None:
        raise CatalogError([Fault("on_prem.yaml", "assumptions.life_years", "nothing", "a figure")])
    ends = PriceEnds(lambda end: _hourly(monthly_cost(node, site, catalog, problem, end)))
    stock = problem.limits.stock
    pool = "" if offer_id in stock else node.offer_id  # stock stated for the machine is shared by its sites
    oldest = min(part.as_of for part in node.parts)  # a price is as old as the oldest of its parts
    return PricedOffer(
        offer_id, "owned", site_id, node.gpu_id, node.gpu_count, "owned", 0, "linux", ends,
        problem.assumptions.price_end, stock.get(offer_id, stock.get(node.offer_id, node.stock)),
        round(full_load_watts(node, catalog)), oldest, _evidence(node, problem),
        " ; ".join(dict.fromkeys(part.source_url for part in node.parts if part.source_url)),
        catalog.is_overlaid("owned", node.offer_id), pool,
    )


def priced_offers(catalog: Catalog, problem: Problem) -> Iterator[PricedOffer]:
    """Price every owned node at every site where it may stand."""
    for node in catalog.owned.values():
        for site_id in node.sites:
            yield price_node(node, site_id, catalog, problem)
