"""Rent, own, or both: every way of obtaining the nodes, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimizer.compare.bench import Bench, over_kinds, over_provider, rented_kinds
from optimizer.compare.breakeven import break_even_hours
from optimizer.compare.sensitivity import Change, Verdict, change_of, variations
from optimizer.compare.variant import HORIZONS, Variant
from optimizer.costs import rate_per_usd
from optimizer.costs.api_supply import why_not_used
from optimizer.costs.priced import rate_as_of
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import without_roadmap
from optimizer.schema.base import Supplied
from optimizer.schema.plan import Inputs
from optimizer.schema.problem import Problem
from optimizer.solve import SolveSettings
from optimizer.solve.extract import inputs_of
from optimizer.solve.variants import with_limits

if TYPE_CHECKING:
    import pandas as pd

ALWAYS = ("rented", "owned", "mixed")
"""Variants that every comparison has, in this order; providers alone follow."""


@dataclass(frozen=True)
class Comparison:
    """Every way of obtaining the nodes of a problem, with when owning pays back."""

    problem: Problem
    variants: tuple[Variant, ...]
    """`rented`, `owned`, `mixed`, `api` and `mixed with api` where a hosted API may serve, each provider alone."""
    on_demand: Variant
    """Rented on demand alone: what the break-even utilisation is counted in."""
    base: Change
    """The verdict as things stand."""
    changes: tuple[Change, ...]
    """The verdict under each change."""
    inputs: Inputs
    rate_per_usd: float
    """Units of the problem's currency in a US dollar."""
    fx_as_of: str | None
    """The day of that rate; None for US dollars."""

    def variant(self, name: str) -> Variant:
        """Return a variant by its name."""
        return next(one for one in self.variants if one.name == name)

    @property
    def verdict(self) -> Verdict | None:
        """Which way is cheapest a month."""
        return self.base.verdict

    @property
    def break_even_month(self) -> int | None:
        """First month at whose end owning has cost no more than renting."""
        return self.base.break_even_month

    @property
    def break_even_utilisation_fraction(self) -> float | None:
        """Share of the hours for which on-demand nodes cost as much as owned ones."""
        return self.base.break_even_utilisation_fraction

    @property
    def break_even_hours(self) -> float | None:
        """Hours of renting after which the purchase is back."""
        rented, owned = self.variant("rented"), self.variant("owned")
        if not (rented.flows and owned.flows):
            return None
        outlay = owned.upfront_usd - rented.upfront_usd
        return break_even_hours(outlay, owned.running_usd_per_hour, rented.running_usd_per_hour)

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        return {
            "schema_version": 2,
            "problem": self.problem.name,
            "horizon_months": self.problem.limits.horizon_months,
            "currency": self.problem.currency,
            "fx_rate_per_usd": None if self.fx_as_of is None else self.rate_per_usd,
            "fx_as_of": self.fx_as_of,
            "verdict": self.verdict,
            "break_even_month": self.break_even_month,
            "break_even_hours": self.break_even_hours,
            "break_even_utilisation_fraction": self.break_even_utilisation_fraction,
            "on_demand_usd_per_month": self.on_demand.usd_per_month,
            "on_demand_hours_fraction": self.on_demand.hours_fraction,
            "variants": [one.as_json() for one in self.variants],
            "changes": [one.as_json() for one in self.changes],
            "cumulative_usd": {one.name: list(one.paid_usd[: HORIZONS[-1] + 1]) for one in self.variants[:3]},
            "inputs": self.inputs.model_dump(mode="json"),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the variants as a table, one row each."""
        import pandas as pd

        return pd.DataFrame([
            {
                "name": one.name, "status": one.status, "usd_per_month": one.usd_per_month,
                **{f"total_usd_{months}": one.total_usd(months) for months in HORIZONS},
                **{f"net_usd_{months}": one.net_usd(months) for months in HORIZONS},
                "usd_per_million_output_tokens": one.plan.cost.usd_per_million_output_tokens,
                "power_kw": one.power_watts / 1000 if one.flows else None, "node_count": one.nodes,
                "nodes": {node.offer_id: node.count for node in one.plan.nodes}, "reason": one.reason,
            }
            for one in self.variants
        ])


def _ways(bench: Bench, problem: Problem, explained: bool) -> dict[str, Variant]:
    """Solve the variants that every comparison has."""
    rented = rented_kinds(problem)
    kinds: dict[str, tuple[Supplied, ...]] = {"rented": rented, "owned": ("owned",), "mixed": (*rented, "owned")}
    return {name: bench.variant(name, over_kinds(problem, kinds[name]), explained) for name in ALWAYS}


def _with_apis(bench: Bench, problem: Problem) -> list[Variant]:
    """Solve for hosted APIs alone, and beside nodes of every kind, where an API may serve some service."""
    apis = bench.catalog.apis.values()
    if not any(api.model_id == service.model and why_not_used(api, service, problem) is None
               for service in problem.services for api in apis):
        return []
    every: tuple[Supplied, ...] = (*rented_kinds(problem), "owned", "api")
    return [bench.variant("api", over_kinds(problem, ("api",)), explained=True),
            bench.variant("mixed with api", over_kinds(problem, every), explained=True)]


def _on_demand(bench: Bench, problem: Problem, rented: Variant) -> Variant:
    """Solve for on-demand nodes alone, within no budget, unless the rented plan is of these already."""
    if rented.flows and all(node.kind == "on_demand" for node in rented.plan.nodes):
        return rented
    return bench.variant("on_demand", with_limits(problem, kinds=("on_demand",), budget=None))


def compare(loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings) -> Comparison:
    """Solve a problem rented, owned, mixed, and at each provider alone; `limits.kinds` is put aside.

    Raises:
        InputError: the problem names something that the catalog does not have.
        VerificationError: a plan broke a rule when it was checked again.
    """
    loaded = without_roadmap(loaded)  # years are its own: rented, owned and mixed over one, three and five
    problem, bench = loaded.problem, Bench(loaded, catalog, settings)
    ways = _ways(bench, problem, explained=True)
    alone = [bench.variant(name, over_provider(problem, name), explained=True) for name in bench.providers(problem)]
    on_demand = _on_demand(bench, problem, ways["rented"])
    base = change_of("", "as stated", ways, on_demand)
    changes = []
    for quantity, change, changed in variations(problem):
        found = _ways(bench, changed, explained=False)
        changes.append(change_of(quantity, change, found, _on_demand(bench, changed, found["rented"])))
    inputs = inputs_of(bench.prepared(problem))
    rate = float(rate_per_usd(catalog, problem, problem.currency))
    dated = rate_as_of(catalog, problem)
    variants = (*ways.values(), *_with_apis(bench, problem), *alone)
    return Comparison(problem, variants, on_demand, base, tuple(changes), inputs, rate, dated)
