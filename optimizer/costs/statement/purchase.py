"""What an owned node is bought from, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.costs.figures import Figures, network_fraction, part_price, quoted_purchase
from optimizer.costs.priced import rate_per_usd
from optimizer.costs.statement.line import CostLine, dollars, times
from optimizer.costs.statement.origin import FigureUsed, figure_used, own_figure, part_used
from optimizer.schema.catalog import OwnedNode


def purchase_lines(node: OwnedNode, figures: Figures, total: float) -> Iterator[CostLine]:
    """Yield what a node is bought from."""
    problem, catalog = figures.problem, figures.catalog
    own = quoted_purchase(node, problem)
    factor = problem.assumptions.purchase_factor
    if own is not None:
        tax = problem.assumptions.purchase_tax_included_fraction
        taken = f" / {1 + tax:g} (tax)" if tax else ""
        changed = "" if own[1] == "USD" else f" / {float(rate_per_usd(catalog, problem, own[1])):g}"
        formula = f"{own[1]} {own[0]:,.2f}{changed}{taken}{times(factor)}"
        yield CostLine("purchase", total, total, total, formula, (own_figure("purchase_price", own[0], own[1]),))
        return
    ends = [Figures(catalog, problem, end) for end in (figures.end, "low", "high")]

    def line(name: str, amounts: list[float], formula: str, *used: FigureUsed) -> CostLine:
        """Make a line of a purchase."""
        value, low, high = (amount * factor for amount in amounts)
        return CostLine(name, value, low, high, formula + times(factor), used)

    goods = [0.0, 0.0, 0.0]
    for part in node.parts:
        if part.unit_price is None:
            continue
        rate = float(rate_per_usd(catalog, problem, part.currency))
        amounts = [part_price(part, at.end) * part.count / rate for at in ends]
        goods = [so_far + amount for so_far, amount in zip(goods, amounts, strict=True)]
        at_rate = "" if part.currency == "USD" else f" / {rate:g}"
        price = part_price(part, figures.end)
        yield line(part.item, amounts, f"{part.count} x {part.currency} {price:,.2f}{at_rate}", part_used(part))
    margins = [0.0, 0.0, 0.0]
    for part in node.parts:
        if part.fraction_of_parts is None:
            continue
        shares = [part_price(part, at.end) for at in ends]
        margins = [so_far + share for so_far, share in zip(margins, shares, strict=True)]
        amounts = [good * share for good, share in zip(goods, shares, strict=True)]
        yield line(part.item, amounts, f"{shares[0]:.1%} of {dollars(goods[0])}", part_used(part))
    before = [good * (1 + margin) for good, margin in zip(goods, margins, strict=True)]
    form = "hardware" if node.form == "server" else "workstation"
    beside = {
        ("network and cabling", f"network_fraction_of_{form}"): [network_fraction(node, at) for at in ends],
        ("spare parts", "spares_fraction_of_hardware"): [at.optional("spares_fraction_of_hardware") for at in ends],
    }
    for (name, figure), fractions in beside.items():
        if fractions[0]:
            amounts = [amount * share for amount, share in zip(before, fractions, strict=True)]
            yield line(name, amounts, f"{fractions[0]:.1%} of {dollars(before[0])}", figure_used(figures, figure))
