"""A budget plan for the terminal, as CSV, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.reports import roadmap_tables
from optimizer.reports.json_report import dumps
from optimizer.reports.roadmap_wording import (
    Purse,
    bound_of,
    demand_of_quarter,
    headline_of,
    how_of,
    letters_of,
    ordered_of,
    prices_of,
    rate_of,
    rented_of,
    retired_of,
    standing_of,
    status_of,
    sum_of,
)
from optimizer.reports.terminal import BOLD, DIM, STATUS_COLOUR, YELLOW, paint, table, wrap
from optimizer.reports.wording import counted, sources_of, spread_words
from optimizer.schema.budget_plan import BudgetPlan, NodeSetup

LIST_WIDTHS = {"buy": 8, "rent": 12, "retire": 8, "stand": 14}
"""Columns of the table of quarters whose lists are broken into lines."""


def _section(title: str) -> Iterator[str]:
    yield ""
    yield paint(title, BOLD)


def _headline(plan: BudgetPlan) -> Iterator[str]:
    yield paint(plan.problem, BOLD)
    yield from (paint(line, STATUS_COLOUR[plan.status]) for line in wrap(status_of(plan), "", ""))
    if plan.quarters:
        yield from (paint(line, BOLD) for line in wrap(headline_of(plan), "  ", ""))
    for warning in plan.warnings:
        yield from (paint(line, YELLOW) for line in wrap(warning, "  ", "! "))
    for reason in plan.reasons:
        yield from wrap(reason, "  ", "- ")


def _nodes(plan: BudgetPlan, names: dict[str, str]) -> Iterator[str]:
    """Say what stands behind each letter."""
    purse = Purse.of(plan)
    yield from _section("Nodes")
    for offer in sorted(plan.offers, key=lambda offer: (len(names[offer.offer_id]), names[offer.offer_id])):
        yield f"  {names[offer.offer_id]}  {offer.offer_id}"
        how = how_of(offer, plan.stays)
        bought = any(stay.way == "buy" and stay.offer_id == offer.offer_id for stay in plan.stays)
        lead = f", stands {counted(offer.lead_time_quarters, 'quarter')} after the order" if (
            bought and offer.lead_time_quarters) else ""
        where = offer.region if offer.kind == "owned" else f"{offer.provider} {offer.region}"
        told = f"{offer.gpu_count} x {offer.gpu_id}, {how}, {where}{lead}"
        yield from wrap(told, "       ", "     ")
        priced = f"{prices_of(offer, purse, bought)}; {offer.price_evidence} price of {offer.price_as_of}"
        yield from wrap(priced, "       ", "     ")
        for source in sources_of(offer.source_url):
            yield from (paint(line, DIM) for line in wrap(source, "       ", "     "))
        for setup in plan.setups:
            if setup.offer_id == offer.offer_id:
                yield from wrap(_served(setup), "       ", "     ")


def _served(setup: NodeSetup) -> str:
    """Say how a node serves a service."""
    how = f"{setup.engine_id}, {setup.precision}, {spread_words(setup)}"
    shown = f"{setup.capacity_per_node:.4g}" if setup.capacity_per_node % 1 else f"{setup.capacity_per_node:,.0f}"
    evidence = setup.evidence if setup.error_fraction is None else f"{setup.evidence} +-{setup.error_fraction:.0%}"
    return f"{setup.service_id}: {shown} a node with {how}; speed {evidence}"


def _broken(text: str, width: int) -> list[str]:
    """Break a list at its commas."""
    lines = [""]
    for part in (text or "-").split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines[-1] += ","
            lines.append(part)
    return lines


def _quarters(plan: BudgetPlan, names: dict[str, str]) -> Iterator[str]:
    """Lay the quarters out: demand, what is bought, rented and retired, what stands and the cash."""
    purse = Purse.of(plan)
    yield from _section(f"Quarters ({purse.currency})")
    rows: list[tuple[str, ...]] = [("quarter", "demand", *LIST_WIDTHS, "cash")]
    for quarter in plan.quarters:
        lists = [
            _broken(told(quarter, names), width) for told, width in zip(
                (ordered_of, rented_of, retired_of, standing_of), LIST_WIDTHS.values(), strict=True)
        ]
        for line in range(max(len(found) for found in lists)):
            cells = [found[line] if line < len(found) else "" for found in lists]
            ends = (quarter.label, demand_of_quarter(quarter)) if line == 0 else ("", "")
            rows.append((*ends, *cells, purse.amount(quarter.cash.cash_usd) if line == 0 else ""))
    yield from table(rows, right=(1, 6))
    yield from wrap("demand in requests in flight or requests/s, headroom included; bought nodes are paid when ordered",
                    "  ")


def _cash(plan: BudgetPlan) -> Iterator[str]:
    purse = Purse.of(plan)
    yield from _section(f"Cash flow ({purse.currency})")
    rows: list[tuple[str, ...]] = [("quarter", "capex", "rent", "running", "sold", "cash", "so far")]
    for quarter in plan.quarters:
        cash = quarter.cash
        amounts = (cash.capex_usd, cash.rent_usd, cash.running_usd, cash.sold_usd, cash.cash_usd)
        rows.append((quarter.label, *map(purse.amount, amounts), purse.amount(quarter.cumulative_cash_usd)))
    yield from table(_without_empty(rows), right=tuple(range(1, 7)))


def _without_empty(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out columns in which nothing happens."""
    keep = [i for i in range(len(rows[0])) if any(row[i].strip("0.,-") for row in rows[1:])]
    return [tuple(row[i] for i in keep) for row in rows]


def _years(plan: BudgetPlan) -> Iterator[str]:
    purse = Purse.of(plan)
    yield from _section(f"Fiscal years ({purse.currency})")
    rows: list[tuple[str, ...]] = [("year", "capex", "cap", "opex", "cap", "depreciation", "book value")]
    for year in plan.fiscal_years:
        cash = year.cash
        loss = cash.depreciation_usd + cash.written_off_usd
        amounts = (cash.capex_usd, year.capex_cap_usd, cash.opex_usd, year.opex_cap_usd, loss, cash.book_value_usd)
        rows.append((year.label, *map(purse.amount, amounts)))
    yield from table(_without_empty(rows), right=tuple(range(1, 7)))
    yield from wrap("depreciation of own nodes by the straight line, with what is left of those that "
                    "retire; book value at the end of the year", "  ")


def _total(plan: BudgetPlan) -> Iterator[str]:
    purse = Purse.of(plan)
    yield from _section("Total")
    parts = " ".join(
        f"{'-' if amount and amount < 0 else '+'} {name} {purse.money(abs(amount or 0.0))}"
        for name, amount in sum_of(plan)
    )
    total = "" if plan.discount_fraction_per_year else f" = {purse.money(plan.total_cost_usd)}"
    yield from wrap(parts.removeprefix("+ ") + total, "    ", "  ")
    yield from wrap(f"{bound_of(plan)} {rate_of(plan)}".strip(), "    ", "  ")
    for line in plan.assumptions:
        yield from wrap(line, "    ", "  ")


def render(plan: BudgetPlan) -> str:
    """Render a plan for the terminal."""
    names = letters_of(plan)
    parts = [_headline(plan)]
    if plan.quarters:
        parts += [_quarters(plan, names), _cash(plan), _years(plan), _nodes(plan, names), _total(plan)]
    inputs = plan.inputs
    footer = wrap(
        f"gpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, problem {inputs.problem_sha256[:12]}, "
        f"catalog {inputs.catalog_sha256[:12]}", "  ", "")
    lines = [line for part in parts for line in part]
    return "\n".join([*lines, "", *(paint(line, DIM) for line in footer)]) + "\n"


def render_json(plan: BudgetPlan) -> str:
    """Render a plan as JSON."""
    return dumps(plan.as_json())


ROADMAP_REPORTS: dict[str, Callable[[BudgetPlan], str]] = {
    "text": render, "json": render_json, "csv": roadmap_tables.render_csv, "markdown": roadmap_tables.render_markdown,
}
"""By the name that --format takes."""
