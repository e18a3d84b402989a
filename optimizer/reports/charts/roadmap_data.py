"""What the chart of a budget plan shows, as plain data: stacks of nodes and of cash by quarter."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from optimizer.reports.charts import look
from optimizer.reports.roadmap_wording import Purse, headline_of, owned_first, status_of
from optimizer.schema.budget_plan import BudgetPlan

MOST_SERIES = 8
"""Offers beyond so many are drawn together, the least used."""

COLOURS = (look.MAIN, *look.BACKGROUND_LINES, look.ACCENT)

HATCHES = {"keep": "", "buy": "", "reserve": "//", "rent": ".."}
"""Rented nodes are hatched, own ones plain, so that no colour has to be told apart."""

WAY_WORDS = {"keep": "there already", "buy": "bought", "reserve": "reserved", "rent": "rented"}


@dataclass(frozen=True)
class Series:
    """Bars of one kind, one by quarter."""

    name: str
    colour: str
    hatch: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class RoadmapChart:
    """Two stacks over the same quarters."""

    title: str
    subtitle: str
    quarters: tuple[str, ...]
    years: tuple[str, ...]
    nodes: tuple[Series, ...]
    cash: tuple[Series, ...]
    cash_title: str


def roadmap_chart(plan: BudgetPlan) -> RoadmapChart:
    """Gather what a plan's chart shows."""
    return RoadmapChart(
        title=f"{plan.problem}: nodes and cash by quarter",
        subtitle=f"{headline_of(plan)}. {status_of(plan)}.",
        quarters=tuple(quarter.label for quarter in plan.quarters),
        years=tuple(quarter.fiscal_year for quarter in plan.quarters),
        nodes=_nodes(plan), cash=_cash(plan),
        cash_title=f"cash a quarter, {_unit(plan)[0]}",
    )


def _nodes(plan: BudgetPlan) -> tuple[Series, ...]:
    """Stack own nodes below rented ones, each offer by the way it comes."""
    counts: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * len(plan.quarters))
    for place, quarter in enumerate(plan.quarters):
        for one in owned_first(quarter.nodes):
            counts[one.way, one.offer_id][place] += one.standing
    order = ("keep", "buy", "reserve", "rent")
    keys = sorted((key for key, values in counts.items() if sum(values)), key=lambda key: (order.index(key[0]), key[1]))
    largest = sorted(keys, key=lambda key: -sum(counts[key]))[: MOST_SERIES if len(keys) <= MOST_SERIES else 7]
    shown = [key for key in keys if key in largest]
    found = [
        Series(f"{offer_id} ({WAY_WORDS[way]})", COLOURS[place % len(COLOURS)], HATCHES[way],
               tuple(counts[way, offer_id]))
        for place, (way, offer_id) in enumerate(shown)
    ]
    others = [counts[key] for key in keys if key not in largest]
    if others:
        found.append(Series(f"{len(others)} other offers", look.FAINT, "", tuple(map(sum, zip(*others, strict=True)))))
    return tuple(found)


def _unit(plan: BudgetPlan) -> tuple[str, float]:
    """Return the unit of money and what a dollar is in it: thousands or millions where amounts are large."""
    purse = Purse.of(plan)
    most = max((abs(quarter.cash.cash_usd) * purse.rate for quarter in plan.quarters), default=0.0)
    for word, size in (("million ", 1e6), ("thousand ", 1e3)):
        if most >= 10 * size:
            return f"{word}{purse.currency}", purse.rate / size
    return purse.currency, purse.rate


def _cash(plan: BudgetPlan) -> tuple[Series, ...]:
    scale = _unit(plan)[1]
    lines = (
        ("purchases (capex)", look.MAIN, "", "capex_usd", 1.0), ("running own nodes", look.BACKGROUND_LINES[0], "",
                                                                "running_usd", 1.0),
        ("rent", look.ACCENT, "..", "rent_usd", 1.0), ("sold", look.BACKGROUND_LINES[2], "//", "sold_usd", -1.0),
    )
    found = [
        Series(name, colour, hatch, tuple(sign * getattr(quarter.cash, field) * scale for quarter in plan.quarters))
        for name, colour, hatch, field, sign in lines
    ]
    return tuple(series for series in found if any(series.values))
