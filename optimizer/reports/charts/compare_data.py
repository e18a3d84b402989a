"""What a chart of renting beside owning shows: payments month by month, and where they meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from optimizer.compare import Comparison, Variant
from optimizer.reports.charts import look
from optimizer.reports.compare_report import headline, pay_back
from optimizer.reports.wording import mix_of

MONTHS = 60
"""Five years are drawn."""

STYLES = {"rented": (look.ACCENT, "dash"), "owned": (look.MAIN, "solid"), "mixed": (look.LIMIT, "dot")}
"""Colour and stroke by the variant's name; both say the same."""

UNITS = ((1e9, " bn"), (1e6, " M"), (1e3, " k"))
"""Large amounts are written in these."""


@dataclass(frozen=True)
class PaidLine:
    """What is paid for one way of obtaining the nodes, or for two that are the same."""

    name: str
    mix: str
    points: tuple[tuple[float, float], ...]
    """(month, amount paid by its end); a purchase is a rise on the spot."""
    colour: str
    stroke: str
    """solid, dash or dot."""

    @property
    def total(self) -> float:
        """Return what is paid in five years."""
        return self.points[-1][1]


@dataclass(frozen=True)
class CompareChart:
    """Lines of payments in the problem's currency."""

    title: str
    subtitle: str
    currency: str
    lines: tuple[PaidLine, ...]
    meeting: tuple[float, float] | None
    """Month and amount where owning has cost no more than renting."""

    @property
    def most(self) -> float:
        """Return the largest amount."""
        return max((line.total for line in self.lines), default=1.0) or 1.0

    def notes(self) -> list[str]:
        """Write the small print."""
        return ["Payments without interest, tax and resale; nodes that come to the end of their life are bought again."]


def compact(amount: float) -> str:
    """Write a large amount short.

    >>> compact(19_753_877), compact(42_547.19), compact(950.0), compact(0)
    ('19.8 M', '42.5 k', '950', '0')
    """
    for size, name in UNITS:
        if abs(amount) >= size:
            return f"{amount / size:.3g}{name}"
    return f"{amount:,.0f}"


def _points(one: Variant, rate: float) -> Iterator[tuple[float, float]]:
    """Yield what is paid by each month; what is paid on the first day of a new period rises on the spot."""
    yield 0.0, 0.0
    yield 0.0, one.paid_usd[0] * rate
    flows = one.flows
    for before, month in pairwise(range(MONTHS + 1)):
        again = sum(n * f.upfront_usd * (f.periods(month) - max(1, f.periods(before))) for n, f in flows)
        if again:
            yield float(before), (one.paid_usd[before] + again) * rate
        yield float(month), one.paid_usd[month] * rate


def _lines(comparison: Comparison) -> Iterator[PaidLine]:
    """Yield a line for each way; one whose plan is that of another shares its line."""
    drawn: list[Variant] = []
    for one in comparison.variants[:3]:
        if not one.flows:
            continue
        same = next((other for other in drawn if other.plan.nodes == one.plan.nodes), None)
        if same is None:
            drawn.append(one)
    for one in drawn:
        names = [other.name for other in comparison.variants[:3] if other.flows and other.plan.nodes == one.plan.nodes]
        colour, stroke = STYLES[one.name]
        yield PaidLine(" = ".join(names), mix_of(one.plan.nodes), tuple(_points(one, comparison.rate_per_usd)), colour,
                       stroke)


def compare_chart(comparison: Comparison) -> CompareChart:
    """Choose what is drawn of a comparison that has a plan."""
    month = comparison.break_even_month
    meeting = None
    if month is not None and month <= MONTHS:
        meeting = (float(month), comparison.variant("owned").paid_usd[month] * comparison.rate_per_usd)
    return CompareChart(
        f"{comparison.problem.name}: what is paid, {comparison.problem.currency}",
        " ".join([headline(comparison), *pay_back(comparison)]), comparison.problem.currency,
        tuple(_lines(comparison)), meeting)
