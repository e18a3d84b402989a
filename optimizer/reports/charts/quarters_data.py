"""What the chart of a budget plan shows, as plain data: stacks of nodes and of cash by quarter."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.messages import Message
from optimizer.reports.charts import look
from optimizer.reports.quarters_report import Quarters, status_line, total_line

MOST_SERIES = 8
"""Offers beyond so many are drawn together, the least used."""

COLOURS = (look.MAIN, *look.BACKGROUND_LINES, look.ACCENT)

HATCHES = {"keep": "", "buy": "", "reserve": "//", "rent": ".."}
"""Rented nodes are hatched, own ones plain, so that no colour has to be told apart."""


@dataclass(frozen=True)
class Series:
    """Bars of one kind, one by quarter."""

    name: str
    colour: str
    hatch: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class QuartersChart:
    """Two stacks over the same quarters."""

    title: str
    subtitle: str
    quarters: tuple[str, ...]
    years: tuple[str, ...]
    nodes: tuple[Series, ...]
    cash: tuple[Series, ...]
    cash_title: str


def quarters_chart(shown: Quarters) -> QuartersChart:
    """Gather what a plan's chart shows."""
    return QuartersChart(
        title=f"{shown.plan.problem}: nodes and cash by quarter",
        subtitle=f"{total_line(shown)}. {status_line(shown.plan)}.",
        quarters=tuple(quarter.label for quarter in shown.roadmap.quarters),
        years=tuple(quarter.fiscal_year for quarter in shown.roadmap.quarters),
        nodes=_nodes(shown), cash=_cash(shown),
        cash_title=f"cash a quarter, {_unit(shown)[0]}",
    )


def _nodes(shown: Quarters) -> tuple[Series, ...]:
    """Stack own nodes below rented ones, each offer by the way it comes."""
    quarters = range(len(shown.roadmap.quarters))
    counts = {
        (way, offer_id): [float(shown.standing(quarter, way).get(offer_id, 0)) for quarter in quarters]
        for way in HATCHES for offer_id in sorted(shown.letters)}
    keys = [key for key, values in counts.items() if sum(values)]
    largest = sorted(keys, key=lambda key: -sum(counts[key]))[: MOST_SERIES if len(keys) <= MOST_SERIES else 7]
    drawn = [key for key in keys if key in largest]
    found = [
        Series(f"{offer_id} ({Message(f'quarters.way-{way}')})", COLOURS[place % len(COLOURS)], HATCHES[way],
               tuple(counts[way, offer_id]))
        for place, (way, offer_id) in enumerate(drawn)
    ]
    others = [counts[key] for key in keys if key not in largest]
    if others:
        found.append(Series(f"{len(others)} other offers", look.FAINT, "", tuple(map(sum, zip(*others, strict=True)))))
    return tuple(found)


def _unit(shown: Quarters) -> tuple[str, float]:
    """Return the unit of money and what a dollar is in it: thousands or millions where amounts are large."""
    most = max((abs(quarter.cash_usd) * shown.rate for quarter in shown.roadmap.quarters), default=0.0)
    for word, size in (("million ", 1e6), ("thousand ", 1e3)):
        if most >= 10 * size:
            return f"{word}{shown.currency}", shown.rate / size
    return shown.currency, shown.rate


def _cash(shown: Quarters) -> tuple[Series, ...]:
    scale = _unit(shown)[1]
    lines = (
        ("purchases (capex)", look.MAIN, "", "capex_usd", 1.0), ("running own nodes", look.BACKGROUND_LINES[0], "",
                                                                "running_usd", 1.0),
        ("rent", look.ACCENT, "..", "rent_usd", 1.0), ("sold", look.BACKGROUND_LINES[2], "//", "sold_usd", -1.0),
    )
    found = [
        Series(name, colour, hatch, tuple(sign * getattr(quarter, field) * scale for quarter in shown.roadmap.quarters))
        for name, colour, hatch, field, sign in lines
    ]
    return tuple(series for series in found if any(series.values))
