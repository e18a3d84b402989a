"""The monthly lines of a rented node."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.costs.figures import Figures
from optimizer.costs.priced import PricedOffer, rate_per_usd
from optimizer.costs.rented import upfront_interest_fraction
from optimizer.costs.statement.line import CostLine, cost_line, dollars
from optimizer.costs.statement.origin import FigureUsed, figure_used, own_figure
from optimizer.load import Catalog
from optimizer.schema.catalog import RentedOffer
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH


def _quoted(row: RentedOffer, offer: PricedOffer, catalog: Catalog, problem: Problem) -> tuple[list[str], FigureUsed]:
    """Write the price as it is quoted, a month, without tax, in US dollars; and say where it comes from."""
    own = problem.assumptions.rent_usd_per_hour.get(row.offer_id)
    if own is not None:
        return [f"USD {own:,.10g} an hour x {HOURS_PER_MONTH} h"], own_figure("rent_usd_per_hour", own)
    quoted = {"value": None, "low": row.price_low, "high": row.price_high}[offer.end] or row.price
    a_unit = "an hour" if row.per == "hour" else "a month"
    parts = [f"{row.currency} {quoted:,.10g} {a_unit}"]
    parts += [f"x {HOURS_PER_MONTH} h"] if row.per == "hour" else []
    parts += [f"/ {1 + row.tax_included_fraction:g} (tax)"] if row.tax_included_fraction else []
    rate = float(rate_per_usd(catalog, problem, row.currency))
    parts += [f"/ {rate:g} {row.currency} a dollar"] if row.currency != "USD" else []
    return parts, FigureUsed("price", f"{quoted:,.10g} {row.currency} {a_unit}", row.price_evidence, row.confidence,
                             row.source_url, row.as_of, row.notes)


def rented_lines(offer: PricedOffer, row: RentedOffer, catalog: Catalog, problem: Problem) -> Iterator[CostLine]:
    """Yield the lines of a rented node."""
    own, horizon = problem.assumptions, problem.limits.horizon_months
    parts, source = _quoted(row, offer, catalog, problem)
    for step in own.adjustments.get(row.provider, ()):
        fee = f"+ {dollars(step.fee_usd_per_node_month or 0.0)} a month"
        parts.append(fee if step.discount_fraction is None else f"- {step.discount_fraction:.4g} of it")
    parts += [f"x {own.rent_factor:g}"] if own.rent_factor != 1 else []
    if row.term_months:
        paid = max(row.term_months, horizon)
        parts.append(f"x {paid}/{horizon} months (term {row.term_months}, needed {horizon})")
    yield cost_line(offer, "rent", " ".join(parts), source)
    if row.upfront_fraction:
        figures = Figures(catalog, problem, offer.end)
        yearly = figures["discount_fraction_per_year"]
        share = upfront_interest_fraction(row.upfront_fraction, yearly, row.term_months)
        formula = f"rent x {share:.4%}: {row.upfront_fraction:.0%} upfront for {row.term_months} months at {yearly:.1%}"
        yield cost_line(offer, "upfront interest", formula, figure_used(figures, "discount_fraction_per_year"))
    if row.kind == "spot" and own.spot_interruption_fraction:
        lost = own.spot_interruption_fraction
        yield cost_line(offer, "interruptions", f"rent x {lost:g} / (1 - {lost:g})",
                        own_figure("spot_interruption_fraction", lost))
