"""The figures in force for owned nodes: the problem's own, else the catalog's, at one end of their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import get_args

from optimizer.costs.priced import PriceEnd, rate_per_usd
from optimizer.errors import CatalogError, Fault
from optimizer.load import Catalog
from optimizer.schema.base import Currency
from optimizer.schema.catalog import Figure, OwnedNode, Part, Site
from optimizer.schema.problem import Problem

CURRENCIES: tuple[Currency, ...] = get_args(Currency)

RESIDUAL_AGES = (12, 24, 36, 60)
"""Months at which the catalog states what a node is still worth."""


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


def mean_draw_fraction(idle_fraction: float, active_fraction: float, busy_fraction: float) -> float:
    """Return the mean power draw as a share of the maximum: idle + (active - idle) x busy.

    >>> mean_draw_fraction(0.25, 0.75, 0.5)
    0.5
    """
    return idle_fraction + (active_fraction - idle_fraction) * busy_fraction


def _stated(facts: object, stem: str, unit: str, currency: Currency) -> object:
    return getattr(facts, f"{stem}_{currency.lower()}_per_{unit}", None)


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
        figure = self.of_catalog(name)
        if figure is None:
            raise CatalogError([Fault("on_prem.yaml", f"assumptions.{name}", "nothing", "a figure")])
        return self.pick(figure)

    def of_catalog(self, name: str) -> Figure | None:
        """Return the catalog's figure of a name, None when it has none."""
        found: Figure | None = getattr(self.catalog.owned_assumptions, name, None)
        return found

    @cached_property
    def flipped(self) -> Figures:
        """The same at the other end, for figures whose high value makes a low cost: residual value and life."""
        other: PriceEnd = {"low": "high", "high": "low"}.get(self.end, "value")  # type: ignore[assignment]
        return Figures(self.catalog, self.problem, other)

    def residual(self, months: float) -> float:
        """Return the share of the purchase price got back after some months."""
        if self.problem.assumptions.residual_fraction is not None:
            return self.problem.assumptions.residual_fraction
        return interpolate_residual(self._residual_points, months)

    @cached_property
    def _residual_points(self) -> list[tuple[float, float]]:
        return [(float(age), self.flipped[f"residual_{age}_months_fraction"]) for age in RESIDUAL_AGES]

    def in_usd(self, amount: float, currency: Currency) -> float:
        """Turn an amount into US dollars at the rate in force."""
        return amount / float(rate_per_usd(self.catalog, self.problem, currency)) if currency != "USD" else amount

    def own_price(self, stem: str, unit: str) -> tuple[float, Currency] | None:
        """Return the problem's own price and its currency, None when it states none."""
        for currency in CURRENCIES:
            own = _stated(self.problem.assumptions, stem, unit, currency)
            if own is not None:
                return float(own), currency  # type: ignore[arg-type]
        return None

    def price(self, facts: object, stem: str, unit: str) -> float:
        """Return a price in US dollars: the problem's own, else the one among some facts of the catalog, else 0."""
        own = self.own_price(stem, unit)
        if own is not None:
            return self.in_usd(*own)
        for currency in CURRENCIES:
            figure = _stated(facts, stem, unit, currency)
            if isinstance(figure, Figure):
                return float(self.pick(figure) / rate_per_usd(self.catalog, self.problem, currency))
        return 0.0

    def site_price(self, site: Site, stem: str, unit: str) -> float:
        """Return a price of a site in US dollars."""
        return self.price(site, stem, unit)

    def assumed_price(self, stem: str, unit: str) -> float:
        """Return a price of the assumptions in US dollars; 0 where neither problem nor catalog states one."""
        return self.price(self.catalog.owned_assumptions, stem, unit)

    def staff_price(self, site: Site) -> float:
        """Return what a full-time person costs a year at a site: the problem's figure, the site's, the assumptions'."""
        if self.own_price("staff", "fte_year") is None and states_price(site, "staff", "fte_year"):
            return self.site_price(site, "staff", "fte_year")
        return self.assumed_price("staff", "fte_year")

    def optional(self, name: str) -> float:
        """Return a figure that a catalog need not state; 0 where neither it nor the problem does."""
        own = getattr(self.problem.assumptions, name, None)
        figure = self.of_catalog(name)
        return float(own) if own is not None else 0.0 if figure is None else self.pick(figure)

    @property
    def mean_draw(self) -> float:
        """The mean power draw as a share of the maximum."""
        busy = self.problem.assumptions.busy_fraction
        if busy is None:
            return self["utilisation_of_tdp_fraction"]
        return mean_draw_fraction(self["idle_of_tdp_fraction"], self["active_of_tdp_fraction"], busy)


def part_price(part: Part, end: PriceEnd) -> float:
    """Return the price of one unit of a part, or its share of the others, at an end of its range."""
    chosen = {"value": None, "low": part.low, "high": part.high}[end]
    return chosen if chosen is not None else (part.unit_price or part.fraction_of_parts or 0.0)


def quoted_purchase(node: OwnedNode, problem: Problem) -> tuple[float, Currency] | None:
    """Return the problem's own price of a node and its currency, None when it states none."""
    for currency in CURRENCIES:
        own: dict[str, float] = getattr(problem.assumptions, f"purchase_price_{currency.lower()}")
        if node.offer_id in own:
            return own[node.offer_id], currency
    return None


def purchase_usd(node: OwnedNode, figures: Figures) -> float:
    """Return the purchase price of a node: its parts, margins on them, and the network share of servers."""
    catalog, problem = figures.catalog, figures.problem
    factor = problem.assumptions.purchase_factor
    own = quoted_purchase(node, problem)
    if own is not None:
        return figures.in_usd(*own) / (1 + problem.assumptions.purchase_tax_included_fraction) * factor
    goods = sum(
        part_price(part, figures.end) * part.count / float(rate_per_usd(catalog, problem, part.currency))
        for part in node.parts if part.unit_price is not None
    )
    margins = sum(part_price(part, figures.end) for part in node.parts if part.fraction_of_parts is not None)
    beside = network_fraction(node, figures) + figures.optional("spares_fraction_of_hardware")
    return goods * (1 + margins) * (1 + beside) * factor


def network_fraction(node: OwnedNode, figures: Figures) -> float:
    """Return what network and cabling add to the parts, as a share of them, for the form of the node."""
    if node.form == "server":
        return figures["network_fraction_of_hardware"]
    return figures.optional("network_fraction_of_workstation")


def space_usd(figures: Figures) -> float:
    """Return what the space of a workstation costs a month, in US dollars; a server pays colocation instead."""
    return figures.optional("space_usd_per_workstation_month")


def states_price(facts: object, stem: str, unit: str) -> bool:
    """Say whether some facts of the catalog state a price in any currency."""
    return any(_stated(facts, stem, unit, currency) is not None for currency in CURRENCIES)


def full_load_watts(node: OwnedNode, catalog: Catalog) -> float:
    """Return the draw of a node with all GPUs at their power limit."""
    return node.gpu_count * (catalog.gpus[node.gpu_id].tdp_watts or 0.0) + node.host_watts


def staff_fte(node: OwnedNode, figures: Figures) -> float:
    """Return the staff of a node, in full-time people.

    The catalog's figure per GPU is for servers and workstations alike. A figure per node takes its place, and adds to
    the problem's own per GPU.
    """
    own = figures.problem.assumptions
    per_node = own.staff_fte_per_node
    counts = own.staff_fte_per_gpu is not None or per_node is None
    return (per_node or 0.0) + (node.gpu_count * figures["staff_fte_per_gpu"] if counts else 0.0)
