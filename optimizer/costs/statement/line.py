"""One line of a node's price, with its formula and the figures that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.costs.priced import PricedOffer
from optimizer.costs.statement.origin import FigureUsed
from optimizer.units import usd_per_month


@dataclass(frozen=True)
class CostLine:
    """One line of a node's price."""

    line: str
    usd_per_month: float
    """As it is planned with: rounded up to a micro-dollar an hour."""
    usd_per_month_low: float
    usd_per_month_high: float
    formula: str
    """How it comes about, with the numbers in."""
    figures: tuple[FigureUsed, ...]
    """What it rests on."""


def times(factor: float) -> str:
    """Write a what-if factor where it is not 1."""
    return "" if factor == 1 else f" x {factor:g}"


def dollars(amount: float) -> str:
    """Write US dollars."""
    return f"${amount:,.2f}"


def cost_line(offer: PricedOffer, line: str, formula: str, *figures: FigureUsed | None) -> CostLine:
    """Put a line together with its amounts at both ends."""
    value, low, high = (usd_per_month(getattr(offer.ends, end).get(line, 0)) for end in (offer.end, "low", "high"))
    return CostLine(line, value, low, high, formula, tuple(one for one in figures if one is not None))
