"""What a chart of a batch shows: a bar for each of a few variants, or many by rising cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimizer.batch.ledger import Ledger
from optimizer.batch.outcome import Outcome
from optimizer.reports.charts.scales import LOG_FOLD
from optimizer.reports.wording import counted

MOST_BARS = 50
"""More variants than these are drawn as one line by rising cost."""

MOST_POINTS = 2000
"""Points of that line: more than a screen has pixels across."""


@dataclass(frozen=True)
class VariantCost:
    """One variant: its short name and cost, or why it has none."""

    name: str
    full_name: str
    usd_per_month: float | None
    status: str
    mix: str

    @property
    def said(self) -> str:
        """Return what stands at the end of its bar."""
        return self.status if self.usd_per_month is None else f"${self.usd_per_month:,.2f}"


@dataclass(frozen=True)
class BatchChart:
    """Costs of a batch: all variants in their order when they are few, else those with a plan by rising cost."""

    variants: tuple[VariantCost, ...]
    ranks: tuple[int, ...]
    """Place of each, from 1; of a long line only some are drawn."""
    counts: dict[str, int]
    total: int

    @property
    def as_bars(self) -> bool:
        """Say whether each variant has a bar."""
        return sum(self.counts.values()) <= MOST_BARS

    @property
    def log_cost(self) -> bool:
        """Say whether cost is drawn on a log scale."""
        costs = [one.usd_per_month for one in self.variants if one.usd_per_month]
        return not self.as_bars and bool(costs) and max(costs) > LOG_FOLD * min(costs)

    @property
    def subtitle(self) -> str:
        """Say how many variants there are, and how they ended."""
        ended = ", ".join(f"{count:,} {status}" for status, count in sorted(self.counts.items()))
        return f"{counted(sum(self.counts.values()), 'variant')}: {ended}"

    def notes(self) -> list[str]:
        """Write the small print."""
        found = [] if self.as_bars else ["Variants with a plan, cheapest first."]
        drawn, planned = len(self.variants), self.ranks[-1] if self.ranks else 0
        if not self.as_bars and drawn < planned:
            found.append(f"{drawn:,} of {planned:,} are drawn: evenly spaced ones, and the dearest.")
        done = sum(self.counts.values())
        if done < self.total:
            found.append(f"The batch is not finished: {done:,} of {self.total:,} variants are in it.")
        return found


def batch_chart(ledger: Ledger) -> BatchChart:
    """Read the costs of a batch."""
    counts = ledger.counts()
    outcomes = (outcome for outcome, _ in ledger.rows())
    if sum(counts.values()) <= MOST_BARS:
        variants = _named(list(outcomes))
        return BatchChart(variants, tuple(range(1, len(variants) + 1)), counts, ledger.count())
    planned = sum(outcome.usd_per_month is not None for outcome in outcomes)
    step = -(-planned // MOST_POINTS)
    drawn = [rank for rank in range(1, planned + 1) if (rank - 1) % step == 0 or rank == planned]
    return BatchChart(_named(list(_by_cost(ledger, set(drawn)))), tuple(drawn), counts, ledger.count())


def _by_cost(ledger: Ledger, ranks: set[int]) -> Iterable[Outcome]:
    """Yield the outcomes of some ranks, cheapest first."""
    return (outcome for rank, outcome in enumerate(ledger.by_cost(), 1) if rank in ranks)


def _named(outcomes: Sequence[Outcome]) -> tuple[VariantCost, ...]:
    names = short_names([outcome.name for outcome in outcomes])
    return tuple(
        VariantCost(name, one.name, one.usd_per_month, one.status, one.mix)
        for name, one in zip(names, outcomes, strict=True)
    )


def short_names(names: Sequence[str]) -> list[str]:
    """Shorten names to what tells them apart: the last part of each key, and no file that all have.

    >>> short_names(["desk/services.0.slo.grade=A", "desk/services.0.slo.grade=B"]), short_names(["a", "b"])
    (['grade=A', 'grade=B'], ['a', 'b'])
    """
    parts = [name.split("/") for name in names]
    common = len({part[0] for part in parts}) == 1 and all(len(part) > 1 for part in parts)
    short = [
        ", ".join(f"{key.rpartition('.')[2]}{sign}{value}" for key, sign, value in (p.partition("=") for p in part))
        for part in (part[1:] if common else part for part in parts)
    ]
    return short if len(set(short)) == len(short) else list(names)
