"""The cash flow of a budget plan as CSV, and the whole plan as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports.markdown import cell, links, table
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
from optimizer.schema.budget_plan import BudgetPlan, Cash, QuarterPlan

MONEY = (*Cash.model_fields, "cumulative_cash_usd")

COLUMNS = ("problem", "status", "quarter", "starts", "fiscal_year", "demand", "ordered", "rented", "retired",
           "standing", "nodes", *MONEY, "currency", "fx_rate_per_usd",
           *(name.replace("_usd", "_local") for name in MONEY))
"""Added to, never renamed; `_local` is the problem's currency."""


def _row(plan: BudgetPlan, quarter: QuarterPlan) -> dict[str, object]:
    names = {offer.offer_id: f"x {offer.offer_id}" for offer in plan.offers}
    money = {**quarter.cash.model_dump(), "cumulative_cash_usd": quarter.cumulative_cash_usd}
    rate = plan.fx_rate_per_usd or 1.0
    local = {name.replace("_usd", "_local"): round(usd * rate, 2) for name, usd in money.items()}
    return {
        "problem": plan.problem, "status": plan.status, "quarter": quarter.label, "starts": quarter.starts,
        "fiscal_year": quarter.fiscal_year, "demand": demand_of_quarter(quarter),
        "ordered": ordered_of(quarter, names), "rented": rented_of(quarter, names),
        "retired": retired_of(quarter, names), "standing": standing_of(quarter, names),
        "nodes": sum(one.standing for one in quarter.nodes), **money, "currency": plan.currency,
        "fx_rate_per_usd": rate, **local,
    }


def render_csv(plan: BudgetPlan) -> str:
    """Render a plan as CSV, a row for each quarter; an answer without a plan has one row with its status."""
    rows = [_row(plan, quarter) for quarter in plan.quarters]
    return rows_as_csv(COLUMNS, rows or [{"problem": plan.problem, "status": plan.status}])


def _quarters(plan: BudgetPlan, purse: Purse) -> Iterator[str]:
    names = letters_of(plan)
    yield f"\n## Quarters ({purse.currency})\n"
    header = ("quarter", "demand", "buy", "rent", "retire", "stand", "capex", "rent paid", "running", "sold", "cash",
              "so far")
    rows = []
    for quarter in plan.quarters:
        cash = quarter.cash
        amounts = (cash.capex_usd, cash.rent_usd, cash.running_usd, cash.sold_usd, cash.cash_usd,
                   quarter.cumulative_cash_usd)
        lists = (told(quarter, names) or "-" for told in (ordered_of, rented_of, retired_of, standing_of))
        rows.append((quarter.label, demand_of_quarter(quarter), *lists, *map(purse.amount, amounts)))
    yield from table(header, rows)


def _years(plan: BudgetPlan, purse: Purse) -> Iterator[str]:
    yield f"\n## Fiscal years ({purse.currency})\n"
    header = ("year", "quarters", "capex", "capex cap", "opex", "opex cap", "sold", "depreciation", "written off",
              "book value")
    rows = []
    for year in plan.fiscal_years:
        cash = year.cash
        amounts = (cash.capex_usd, year.capex_cap_usd, cash.opex_usd, year.opex_cap_usd, cash.sold_usd,
                   cash.depreciation_usd, cash.written_off_usd, cash.book_value_usd)
        rows.append((year.label, year.quarters, *map(purse.amount, amounts)))
    yield from table(header, rows)


def _offers(plan: BudgetPlan, purse: Purse) -> Iterator[str]:
    names = letters_of(plan)
    yield "\n## Nodes\n"
    rows = []
    for offer in sorted(plan.offers, key=lambda offer: (len(names[offer.offer_id]), names[offer.offer_id])):
        bought = any(stay.way == "buy" and stay.offer_id == offer.offer_id for stay in plan.stays)
        serves = "; ".join(
            f"{s.service_id}: {s.capacity_per_node:g} a node, {s.engine_id} {s.precision} tp{s.tp_size}, {s.evidence}"
            for s in plan.setups if s.offer_id == offer.offer_id)
        rows.append((names[offer.offer_id], offer.offer_id, f"{offer.gpu_count} x {offer.gpu_id}",
                     how_of(offer, plan.stays), prices_of(offer, purse, bought), serves))
    yield from table(("", "offer", "GPUs", "how", "prices of today", "serves"), rows)
    yield ""
    yield from (f"- {cell(offer.offer_id)}: {links(offer.source_url)}" for offer in plan.offers)


def _lines(plan: BudgetPlan) -> Iterator[str]:
    purse = Purse.of(plan)
    yield f"# {cell(plan.problem)}\n"
    yield f"**{status_of(plan)}**\n"
    if plan.quarters:
        yield f"**{headline_of(plan)}**\n"
    yield from (f"> {cell(warning)}\n" for warning in plan.warnings)
    yield from (f"- {cell(reason)}" for reason in plan.reasons)
    if plan.quarters:
        yield from _quarters(plan, purse)
        yield from _years(plan, purse)
        yield from _offers(plan, purse)
        yield "\n## Total\n"
        yield from table(("part", purse.currency), [(name, purse.amount(amount)) for name, amount in sum_of(plan)])
        yield f"\n{bound_of(plan)} {rate_of(plan)}".rstrip()
        yield ""
        yield from (f"- {cell(line)}" for line in plan.assumptions)
    inputs = plan.inputs
    yield f"\ngpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, " \
          f"problem `{inputs.problem_sha256}`, catalog `{inputs.catalog_sha256}`"


def render_markdown(plan: BudgetPlan) -> str:
    """Render a plan as Markdown."""
    return "\n".join(_lines(plan)) + "\n"
