"""What the facade returns: each result as a table, as plain data, as HTML for a notebook, and as a chart."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from gpumix.chart import Chart
from optimizer import __version__
from optimizer.errors import GpumixError, InputError

if TYPE_CHECKING:
    import pandas as pd

    from optimizer.compare import Comparison as ComparisonDetails
    from optimizer.explain.explanation import Explanation as ExplanationDetails
    from optimizer.frontier import Frontier as FrontierDetails
    from optimizer.reports.charts.batch_data import VariantCost
    from optimizer.schema.plan import Plan as PlanDetails
    from optimizer.schema.plan import Proposal
    from optimizer.solve import SolveSettings

__all__ = ["Comparison", "Explanation", "Frontier", "GpumixError", "InputError", "Plan", "__version__"]

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


class _Tabular(Protocol):
    """What can be shown as a title with a table below."""

    @property
    def title(self) -> str:
        """The result in one line."""

    def to_frame(self) -> pd.DataFrame:
        """Return the result as a table."""


def _as_html(result: _Tabular) -> str:
    """Return a title and a table, every text escaped."""
    table = result.to_frame().to_html(index=False, border=0, float_format=lambda value: f"{value:,.2f}", na_rep="")
    return f"<p><b>{html.escape(result.title)}</b></p>{table}"


def _bars(rows: list[VariantCost]) -> Chart:
    """Return a chart with a bar for each row."""

    def draw(ending: str, width_px: int) -> bytes:
        from collections import Counter

        from optimizer.reports.charts.batch_charts import drawn
        from optimizer.reports.charts.batch_data import BatchChart

        counts = dict(Counter(one.status for one in rows))
        chart = BatchChart(tuple(rows), tuple(range(1, len(rows) + 1)), counts, len(rows))
        return drawn(chart, ending, width_px)

    return Chart(draw)


def _row(name: str, one: PlanDetails | Proposal) -> VariantCost:
    from optimizer.reports.charts.batch_data import VariantCost
    from optimizer.schema.plan import Proposal

    cost = one.usd_per_month if isinstance(one, Proposal) else one.cost.usd_per_month
    return VariantCost(name, name, cost, one.status, " + ".join(f"{n.count} x {n.offer_id}" for n in one.nodes))


@dataclass(frozen=True)
class Plan:
    """The answer to a problem: the cheapest nodes and engines, or why there are none."""

    details: PlanDetails = field(repr=False)
    """Everything that the plan says; its keys are those of `gpumix solve --format json`."""

    @property
    def status(self) -> Status:
        """`optimal`: proven cheapest; `feasible`: with a gap; `infeasible`: proven that there is none; `unknown`."""
        return self.details.status

    @property
    def usd_per_month(self) -> float | None:
        """Cost a month in US dollars; None where there is no plan."""
        return self.details.cost.usd_per_month

    @property
    def gap_fraction(self) -> float | None:
        """How much cheaper a plan could be at most, as a fraction of the cost; 0 is a proof."""
        return self.details.gap_fraction

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why there is no plan, and what would make one."""
        return self.details.reasons

    @property
    def title(self) -> str:
        """The plan in one line."""
        nodes = " + ".join(f"{one.count} x {one.offer_id}" for one in self.details.nodes)
        cost = "" if self.usd_per_month is None else f": ${self.usd_per_month:,.2f} a month, {nodes}"
        return f"{self.details.problem}: {self.status}{cost}"

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, as `--format json` writes it, its digest included."""
        return self.details.as_json()

    def to_frame(self) -> pd.DataFrame:
        """Return the nodes as a table: one row an offer, cost of all its nodes in US dollars a month."""
        import pandas as pd

        columns = ["offer_id", "gpu_id", "gpu_count", "kind", "provider", "region", "count", "usd_per_month",
                   "price_evidence", "price_as_of", "source_url"]
        return pd.DataFrame([one.model_dump() for one in self.details.nodes], columns=columns)

    def plot(self) -> Chart:
        """Draw the cost of the plan beside that of every proposal: measured speeds only, each single GPU type."""
        return _bars([_row("this plan", self.details), *(_row(one.name, one) for one in self.details.proposals)])

    def __str__(self) -> str:
        """Return the report that `gpumix solve` prints."""
        from optimizer.commands.options import plain
        from optimizer.reports import REPORTS

        return plain(REPORTS["text"](self.details))

    def _repr_html_(self) -> str:
        return _as_html(self)


@dataclass(frozen=True)
class Frontier:
    """Every plan that no other beats in both cost and one promise, in rising value."""

    details: FrontierDetails = field(repr=False)
    settings: SolveSettings = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every point of the range is there and proven."""
        return self.details.complete

    @property
    def title(self) -> str:
        """The frontier in one line."""
        one = self.details
        count = f"{len(one.points)} point{'' if len(one.points) == 1 else 's'}"
        return f"{one.problem}: cost against {one.axis} of {one.service_id}, {count}"

    def plan_at(self, value: float) -> Plan | None:
        """Return the cheapest plan that keeps a promise of the axis, in its unit; None when none does."""
        found = self.details.point_at(value)
        return None if found is None else Plan(found.plan)

    def to_dict(self) -> dict[str, Any]:
        """Return the frontier as plain data, as `gpumix pareto --format json` writes it."""
        return self.details.as_json()

    def to_frame(self) -> pd.DataFrame:
        """Return the points as a table: the promise with its bar, cost in US dollars a month, nodes."""
        return self.details.to_frame()

    def plot(self) -> Chart:
        """Draw cost against the promise, as `gpumix pareto --chart` does."""

        def draw(ending: str, width_px: int) -> bytes:
            from optimizer.frontier import single_gpu_curves
            from optimizer.reports.charts import FRONTIER_CHARTS
            from optimizer.reports.charts.data import chart_data

            chart = chart_data(self.details, single_gpu_curves(self.details, self.settings))
            return FRONTIER_CHARTS[ending](chart, width_px)

        return Chart(draw)

    def _repr_html_(self) -> str:
        return _as_html(self)


@dataclass(frozen=True)
class Comparison:
    """Rent, own, or both, and each provider alone, side by side."""

    details: ComparisonDetails = field(repr=False)

    @property
    def verdict(self) -> str | None:
        """Which way is cheapest a month: `rented`, `owned` or `mixed`; None where there is no plan."""
        return self.details.verdict

    @property
    def title(self) -> str:
        """The comparison in one line."""
        month = self.details.break_even_month
        pays = "" if month is None else f"; owning pays back in month {month}"
        return f"{self.details.problem.name}: {self.verdict or 'no plan'}{pays}"

    def plan(self, name: str) -> Plan:
        """Return the plan of one way: `rented`, `owned`, `mixed`, or a provider's name.

        Raises:
            InputError: there is no such way.
        """
        from optimizer.errors import Fault

        known = {one.name: one for one in self.details.variants}
        if name not in known:
            raise InputError([Fault("plan", name, "no such way", ", ".join(known))])
        return Plan(known[name].plan)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, as `gpumix compare --format json` writes it."""
        return self.details.as_json()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a way: cost a month, payments over 1, 3 and 5 years in US dollars, nodes."""
        return self.details.to_frame()

    def plot(self) -> Chart:
        """Draw what each way has paid, month by month."""

        def draw(ending: str, width_px: int) -> bytes:
            from optimizer.reports.charts.compare_charts import drawn
            from optimizer.reports.charts.compare_data import compare_chart

            return drawn(compare_chart(self.details), ending, width_px)

        return Chart(draw)

    def _repr_html_(self) -> str:
        return _as_html(self)


@dataclass(frozen=True)
class Explanation:
    """Why the other GPUs and engines lost, what binds, what else there is; or why there is no plan."""

    details: ExplanationDetails = field(repr=False)

    @property
    def plan(self) -> Plan:
        """The plan that is explained."""
        return Plan(self.details.plan)

    @property
    def alternatives(self) -> tuple[Plan, ...]:
        """The next best plans of another structure, cheapest first."""
        return tuple(Plan(one) for one in self.details.alternatives)

    @property
    def title(self) -> str:
        """The explanation in one line."""
        return f"Why {self.plan.title}"

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data, as `gpumix explain --format json` writes it."""
        return self.details.as_json()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a GPU type: its verdict, reason, and the price in US dollars an hour at which it enters."""
        return self.details.to_frame()

    def plot(self) -> Chart:
        """Draw the cost of the plan beside that of each alternative."""
        named = [_row(" + ".join(f"{n.count} x {n.gpu_id}" for n in one.nodes), one)
                 for one in (self.details.plan, *self.details.alternatives)]
        return _bars(named)

    def _repr_html_(self) -> str:
        return _as_html(self)
