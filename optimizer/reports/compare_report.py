"""Renting beside owning: as text in 80 columns, as Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.compare import Change, Comparison, Variant
from optimizer.compare.variant import HORIZONS
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.markdown import cell
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, GREEN, RED, YELLOW, paint, table, wrap
from optimizer.reports.wording import counted, mix_of

COLUMNS = ("name", "status", "usd_per_month", *(f"total_usd_{months}" for months in HORIZONS),
           *(f"net_usd_{months}" for months in HORIZONS), "usd_per_million_output_tokens", "power_kw", "node_count",
           "nodes", "reason")
"""Added to, never renamed."""

WORDS = {"rented": "Renting", "owned": "Owning", "mixed": "Owning some nodes and renting others"}

YEARS = {12: "1 year", 36: "3 years", 60: "5 years"}

NOTES = (
    "A month is the cost planned with: purchases less resale as an annuity over the horizon, terms paid in full "
    "over it. Totals are payments, without interest and tax: purchases on the first day and again at the end of "
    "their life, terms upfront and monthly, power, rent and the like as months go by. Net adds what is still owed "
    "of terms, and takes off what owned nodes are then sold for. Nodes are chosen for the horizon, not for each "
    "total.",
)


def amount(comparison: Comparison, usd: float | None, digits: int | None = None) -> str:
    """Write US dollars in the problem's currency."""
    if usd is None:
        return "-"
    currency = comparison.problem.currency
    places = (0 if currency == "JPY" else 2) if digits is None else digits
    value = f"{usd * comparison.rate_per_usd:,.{places}f}"
    return f"${value}" if currency == "USD" else value


def headline(comparison: Comparison) -> str:
    """Say which way is cheapest, against what."""
    if comparison.verdict is None:
        unknown = any(one.status == "unknown" for one in comparison.variants[:3])
        none = "There is no plan: neither rented nor owned nor mixed nodes keep every rule."
        return "No plan was found before the limit was reached." if unknown else none
    costs = comparison.base.usd_per_month
    unit = "" if comparison.problem.currency == "USD" else f"{comparison.problem.currency} "
    others = [
        f"{unit}{amount(comparison, cost)} {name}" for name, cost in costs.items()
        if cost is not None and name not in (comparison.verdict, "mixed")
    ]
    against = f" against {' and '.join(others)}" if others else ""
    best = f"{unit}{amount(comparison, costs[comparison.verdict])}"
    horizon = counted(comparison.problem.limits.horizon_months, "month")
    return f"{WORDS[comparison.verdict]} is cheapest: {best} a month{against}, planned for {horizon}."


def pay_back(comparison: Comparison) -> Iterator[str]:
    """Say when owning pays back, and for which share of the hours on-demand nodes cost as much."""
    rented, owned = comparison.variant("rented"), comparison.variant("owned")
    if not (rented.flows and owned.flows):
        missing = " and ".join(one.name for one in (rented, owned) if not one.flows)
        yield f"No break-even: {missing} without a plan."
        return
    month, hours = comparison.break_even_month, comparison.break_even_hours
    if month is None:
        yield "Owning never catches up with renting within ten years of payments."
    else:
        after = f" (after {hours:,.0f} hours)" if hours else ""
        yield f"By the end of month {month}{after} owning has cost no more than renting."
    share, run = comparison.break_even_utilisation_fraction, comparison.on_demand.hours_fraction
    if run is not None and run < 1:
        yield f"By the demand of each hour on-demand nodes run {run:.0%} of the hours."
    if share is not None and share <= 1:
        yield f"On-demand nodes that run {share:.0%} of the hours cost as much as owning."
    elif share is not None:
        yield f"On-demand nodes are cheaper even around the clock: owning costs {share:.2f} times as much."
    else:
        yield "No break-even utilisation: on-demand nodes alone without a plan."


def _headers(comparison: Comparison) -> tuple[str, ...]:
    currency = comparison.problem.currency
    return ("", f"{currency}/month", *(YEARS[months] for months in HORIZONS), f"{currency}/Mtok", "kW", "nodes")


def _row(comparison: Comparison, one: Variant) -> tuple[str, ...]:
    cost = one.plan.cost
    return (
        one.name, amount(comparison, one.usd_per_month),
        *(amount(comparison, one.total_usd(months), 0) for months in HORIZONS),
        amount(comparison, cost.usd_per_million_output_tokens, 1 if comparison.problem.currency == "JPY" else 4),
        f"{one.power_watts / 1000:.1f}" if one.flows else "-", f"{one.nodes}" if one.flows else "-",
    )


def _net_row(comparison: Comparison, one: Variant) -> tuple[str, ...]:
    return (one.name, *(amount(comparison, one.net_usd(months), 0) for months in HORIZONS))


def _change_row(comparison: Comparison, one: Change) -> tuple[str, ...]:
    month, share = one.break_even_month, one.break_even_utilisation_fraction
    return (
        one.quantity or "as stated", one.change if one.quantity else "",
        *(amount(comparison, one.usd_per_month[name], 0) for name in ("rented", "owned", "mixed")),
        one.verdict or "-", "never" if month is None else f"{month}", "-" if share is None else f"{share:.0%}",
    )


CHANGE_HEADERS = ("what if", "", "rented", "owned", "mixed", "cheapest", "month", "use")


def _plans(comparison: Comparison) -> list[Variant]:
    return [one for one in comparison.variants if one.flows]


def text(comparison: Comparison) -> str:
    """Render for a terminal of 80 columns."""
    lines = [paint(comparison.problem.name, BOLD)]
    colour = GREEN if comparison.verdict else RED
    lines += [paint(line, BOLD, colour) for line in wrap(headline(comparison), "  ", "")]
    for sentence in pay_back(comparison):
        lines += wrap(sentence, "  ", "")
    limited = [one.name for one in comparison.variants if one.status in ("feasible", "unknown")]
    if limited:
        lines += [paint(line, YELLOW) for line in wrap(f"Not proven (a limit was reached): {', '.join(limited)}.",
                                                       "  ", "! ")]
    plans = _plans(comparison)
    if plans:
        lines += ["", paint("Side by side, payments by the end of each year", BOLD)]
        lines += table([_headers(comparison), *(_row(comparison, one) for one in plans)], right=(1, 2, 3, 4, 5, 6, 7))
        lines += ["", paint("Net: with what is still owed of terms, less resale of owned nodes", BOLD)]
        net = [("", *(YEARS[months] for months in HORIZONS)), *(_net_row(comparison, one) for one in plans)]
        lines += table(net, right=(1, 2, 3))
        lines += ["", paint("Nodes", BOLD)]
        for one in plans:
            lines += wrap(f"{one.name}: {mix_of(one.plan.nodes)}", "      ", "  ")
    lines += _without_plan(comparison)
    lines += ["", paint("What would change the verdict", BOLD)]
    rows = [CHANGE_HEADERS, *(_change_row(comparison, one) for one in (comparison.base, *comparison.changes))]
    lines += table(rows, right=(2, 3, 4, 6, 7))
    lines += [*wrap("month: of break-even; use: share of the hours at which on-demand nodes cost as much as owning")]
    lines += ["", *(line for note in NOTES for line in wrap(note, "  ", "  ")), *_currency(comparison)]
    return "\n".join(lines) + "\n"


def _without_plan(comparison: Comparison) -> list[str]:
    lacking = [one for one in comparison.variants if not one.flows]
    if not lacking:
        return []
    lines = ["", paint("Without a plan", BOLD)]
    for one in lacking:
        lines += wrap(f"{one.name} ({one.status}): {one.reason}", "      ", "  ")
    return lines


def _currency(comparison: Comparison) -> list[str]:
    if comparison.fx_as_of is None:
        return []
    currency = comparison.problem.currency
    return wrap(f"Amounts in {currency} at {comparison.rate_per_usd:g} a dollar ({comparison.fx_as_of}).")


def as_markdown(comparison: Comparison) -> str:
    """Render as Markdown."""
    plans = _plans(comparison)
    parts = [f"# {cell(comparison.problem.name)}: rent, own, or both", headline(comparison)]
    parts += [" ".join(pay_back(comparison))]
    if plans:
        parts += ["## Side by side, payments by the end of each year",
                  "\n".join(markdown_table(_headers(comparison), [_row(comparison, one) for one in plans]))]
        years = ("", *(YEARS[months] for months in HORIZONS))
        parts += ["## Net: with what is still owed of terms, less resale",
                  "\n".join(markdown_table(years, [_net_row(comparison, one) for one in plans]))]
        parts += ["## Nodes", "\n".join(f"- {one.name}: {cell(mix_of(one.plan.nodes))}" for one in plans)]
    lacking = [f"- {one.name} ({one.status}): {cell(one.reason)}" for one in comparison.variants if not one.flows]
    parts += ["## Without a plan", "\n".join(lacking)] if lacking else []
    rows = [_change_row(comparison, one) for one in (comparison.base, *comparison.changes)]
    parts += ["## What would change the verdict", "\n".join(markdown_table(CHANGE_HEADERS, rows))]
    notes = [*NOTES, *(line.strip() for line in _currency(comparison))]
    return "\n\n".join([*parts, *notes]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """Render as CSV, one row a variant, in US dollars."""
    rows: list[dict[str, object]] = []
    for one in comparison.variants:
        found: dict[str, object] = {
            "name": one.name, "status": one.status, "usd_per_month": one.usd_per_month,
            "usd_per_million_output_tokens": one.plan.cost.usd_per_million_output_tokens,
            "power_kw": one.power_watts / 1000 if one.flows else None, "node_count": one.nodes,
            "nodes": mix_of(one.plan.nodes), "reason": one.reason,
        }
        for months in HORIZONS:
            found[f"total_usd_{months}"], found[f"net_usd_{months}"] = one.total_usd(months), one.net_usd(months)
        rows.append({
            key: "" if value is None else f"{value:.6g}" if key == "usd_per_million_output_tokens"
            else f"{value:.2f}" if isinstance(value, float) else value for key, value in found.items()
        })
    return rows_as_csv(COLUMNS, rows)


def as_json(comparison: Comparison) -> str:
    """Render as JSON."""
    return json_report.dumps(comparison.as_json())


COMPARE_REPORTS: dict[str, Callable[[Comparison], str]] = {
    "text": text, "json": as_json, "csv": as_csv, "markdown": as_markdown,
}
"""By the name that --format takes."""
