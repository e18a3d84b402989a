"""Renting beside owning, as a document."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.compare import Change, Comparison, Variant
from optimizer.compare.variant import HORIZONS
from optimizer.documents.cells import Amount, Number, Share, Word
from optimizer.documents.document import (
    Document,
    Piece,
    Records,
    bullets,
    document,
    paragraph,
    section,
    table,
    warnings,
)
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.reports.wording import mix_of

COLUMNS = ("name", "status", "usd_per_month", *(f"total_usd_{months}" for months in HORIZONS),
           *(f"net_usd_{months}" for months in HORIZONS), "usd_per_million_output_tokens", "power_kw", "node_count",
           "nodes", "reason")
"""Added to, never renamed."""


def amount(comparison: Comparison, usd: float | None, digits: int | None = None) -> Amount:
    """Return US dollars in the problem's currency."""
    currency = comparison.problem.currency
    return Amount(None if usd is None else usd * comparison.rate_per_usd, currency, digits)


def _money(comparison: Comparison, usd: float | None) -> Message:
    """Write US dollars in the problem's currency inside a sentence."""
    return Message(f"compare.amount-{comparison.problem.currency}", value=(usd or 0.0) * comparison.rate_per_usd)


def headline(comparison: Comparison) -> Message:
    """Say which way is cheapest, against what."""
    if comparison.verdict is None:
        unknown = any(one.status == "unknown" for one in comparison.variants[:3])
        return Message("compare.unknown" if unknown else "compare.none")
    costs = comparison.base.usd_per_month
    others = tuple(
        Message("compare.other", cost=_money(comparison, cost), name=name) for name, cost in costs.items()
        if cost is not None and name not in (comparison.verdict, "mixed"))
    horizon = comparison.problem.limits.horizon_months
    return Message("compare.cheapest-against" if others else "compare.cheapest", others=others, n=horizon,
                   way=Message(f"compare.way-{comparison.verdict}"),
                   cost=_money(comparison, costs[comparison.verdict]))


def pay_back(comparison: Comparison) -> Iterator[Message]:
    """Say when owning pays back, and for which share of the hours on-demand nodes cost as much."""
    rented, owned = comparison.variant("rented"), comparison.variant("owned")
    if not (rented.flows and owned.flows):
        yield Message("compare.no-break-even", names=tuple(one.name for one in (rented, owned) if not one.flows))
        return
    month, hours = comparison.break_even_month, comparison.break_even_hours
    if month is None:
        yield Message("compare.never")
    else:
        yield Message("compare.by-month-hours" if hours else "compare.by-month", month=month, hours=hours)
    share, run = comparison.break_even_utilisation_fraction, comparison.on_demand.hours_fraction
    if run is not None and run < 1:
        yield Message("compare.hours-run", share=run)
    if share is None:
        yield Message("compare.no-utilisation")
    else:
        yield Message("compare.utilisation" if share <= 1 else "compare.around-the-clock", share=share)


def _name(one: Variant) -> Piece:
    """Name a way of obtaining nodes, or a provider."""
    return Message(f"head.{one.name}") if one.name in ("rented", "owned", "mixed") else one.name


def _years() -> tuple[Message, ...]:
    return tuple(Message("compare.years", n=months // 12) for months in HORIZONS)


def _row(comparison: Comparison, one: Variant) -> tuple[Piece | None, ...]:
    cost = one.plan.cost.usd_per_million_output_tokens
    return (
        _name(one), amount(comparison, one.usd_per_month),
        *(amount(comparison, one.total_usd(months), 0) for months in HORIZONS),
        amount(comparison, cost, 1 if comparison.problem.currency == "JPY" else 4),
        Number(one.power_watts / 1000 if one.flows else None, ".1f"), Number(one.nodes if one.flows else None))


def _net_row(comparison: Comparison, one: Variant) -> tuple[Piece | None, ...]:
    return (_name(one), *(amount(comparison, one.net_usd(months), 0) for months in HORIZONS))


def _change_row(comparison: Comparison, one: Change) -> tuple[Piece | None, ...]:
    month = one.break_even_month
    return (
        Message("compare.what-if", quantity=one.quantity, change=one.change) if one.quantity
        else Message("compare.as-stated"),
        *(amount(comparison, one.usd_per_month[name], 0) for name in ("rented", "owned", "mixed")),
        Word(one.verdict) if one.verdict else None, Message("compare.never-word") if month is None else Number(month),
        Share(one.break_even_utilisation_fraction))


def compare_document(comparison: Comparison) -> Document:
    """Put a comparison into a document, amounts in the problem's currency; its rows are in US dollars."""
    currency = comparison.problem.currency
    plans = [one for one in comparison.variants if one.flows]
    lacking = [one for one in comparison.variants if not one.flows]
    limited = tuple(one.name for one in comparison.variants if one.status in ("feasible", "unknown"))
    local = {"currency": currency, "rate": comparison.rate_per_usd, "as_of": comparison.fx_as_of}
    notes = [Message("compare.note"), *([Message("compare.local", **local)] if comparison.fx_as_of else [])]
    month = Message("head.local-month", currency=currency)
    return document(
        Message("compare.title", problem=comparison.problem.name),
        [section("verdict", "", paragraph(headline(comparison), style="lead"),
                 *(paragraph(one) for one in pay_back(comparison)),
                 warnings([Message("compare.limited", names=limited)] if limited else [])),
         section("totals", Message("compare.totals"), table(
             ("", month, *_years(), Message("head.local-million", currency=currency), *heads("kw", "nodes")),
             [_row(comparison, one) for one in plans])),
         section("net", Message("compare.net"), table(
             ("", *_years()), [_net_row(comparison, one) for one in plans])),
         section("nodes", Message("compare.nodes"), bullets(
             Message("compare.mix", name=one.name, mix=mix_of(one.plan.nodes)) for one in plans)),
         section("without", Message("compare.without"), bullets(
             Message("compare.lacking", name=one.name, status=one.status, reason=one.reason) for one in lacking)),
         section("changes", Message("compare.changes"), table(
             heads("what-if", "rented", "owned", "mixed", "cheapest", "break-even-month", "break-even-use"),
             [_change_row(comparison, one) for one in (comparison.base, *comparison.changes)]),
             *(paragraph(note, style="small") for note in notes))],
        records=Records(COLUMNS, tuple(_record(one) for one in comparison.variants)), data=comparison.as_json)


def _record(one: Variant) -> dict[str, object]:
    """Return the row of a variant for a spreadsheet."""
    found: dict[str, object] = {
        "name": one.name, "status": one.status, "usd_per_month": one.usd_per_month,
        "usd_per_million_output_tokens": one.plan.cost.usd_per_million_output_tokens,
        "power_kw": one.power_watts / 1000 if one.flows else None, "node_count": one.nodes,
        "nodes": mix_of(one.plan.nodes), "reason": one.reason}
    for months in HORIZONS:
        found[f"total_usd_{months}"], found[f"net_usd_{months}"] = one.total_usd(months), one.net_usd(months)
    return {
        key: "" if value is None else f"{value:.6g}" if key == "usd_per_million_output_tokens"
        else f"{value:.2f}" if isinstance(value, float) else value for key, value in found.items()}
