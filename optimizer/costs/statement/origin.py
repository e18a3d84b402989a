"""Where a figure of a cost comes from: the problem, or a row of the catalog with its source."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.costs.figures import CURRENCIES, RESIDUAL_AGES, Figures
from optimizer.schema.catalog import Figure, Part


@dataclass(frozen=True)
class FigureUsed:
    """One figure with its origin."""

    name: str
    value: str
    evidence: str
    """quoted, list or assumed by the catalog; `stated` by the problem."""
    confidence: str
    source_url: str
    as_of: str
    notes: str = ""

    @classmethod
    def of(cls, name: str, value: float, figure: Figure) -> FigureUsed:
        """Take a figure of the catalog."""
        shown = f"{value:,.10g}" + (f" {figure.unit}" if figure.unit else "")
        return cls(name, shown, figure.evidence, figure.confidence, figure.source_url, figure.as_of, figure.notes)


def own_figure(name: str, value: float, unit: str = "") -> FigureUsed:
    """Take a figure of the problem."""
    return FigureUsed(f"assumptions.{name}", f"{value:,.10g} {unit}".strip(), "stated", "", "the problem", "")


def figure_used(figures: Figures, name: str) -> FigureUsed:
    """Say where a figure without a currency comes from."""
    own = getattr(figures.problem.assumptions, name, None)
    if own is not None:
        return own_figure(name, own)
    figure = figures.of_catalog(name)
    assert figure is not None, f"{name} was used already"
    return FigureUsed.of(name, figures[name], figure)


def price_used(figures: Figures, facts: object, stem: str, unit: str) -> FigureUsed | None:
    """Say where a price comes from, in the currency it is stated in; None when nothing states one."""
    own = figures.own_price(stem, unit)
    if own is not None:
        return own_figure(f"{stem}_{own[1].lower()}_per_{unit}", own[0])
    for currency in CURRENCIES:
        name = f"{stem}_{currency.lower()}_per_{unit}"
        figure = getattr(facts, name, None)
        if isinstance(figure, Figure):
            return FigureUsed.of(name, figures.pick(figure), figure)
    return None


def residual_used(figures: Figures, months: float) -> FigureUsed:
    """Say where the residual value comes from: the problem, or the catalog's figure at the nearest later age."""
    if figures.problem.assumptions.residual_fraction is not None:
        return own_figure("residual_fraction", figures.problem.assumptions.residual_fraction)
    age = next((known for known in RESIDUAL_AGES if months <= known), RESIDUAL_AGES[-1])
    return figure_used(figures.flipped, f"residual_{age}_months_fraction")


def part_used(part: Part) -> FigureUsed:
    """Say where the price of a part comes from."""
    value = f"{part.unit_price:,.10g} {part.currency}" if part.unit_price is not None else f"{part.fraction_of_parts:g}"
    span = "" if part.low is None or part.high is None else f" ({part.low:,.10g} to {part.high:,.10g})"
    return FigureUsed(part.item, value + span, part.evidence, part.confidence, part.source_url, part.as_of, part.notes)
