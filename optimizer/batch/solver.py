"""One worker's solver: the catalog is loaded once, and what variants share is computed once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.batch.outcome import Outcome, outcome_of
from optimizer.batch.variants import Sources, Variant
from optimizer.candidates import Shelf
from optimizer.errors import GpumixError
from optimizer.explain.nowhere import why_nowhere
from optimizer.load import Catalog, load_catalog
from optimizer.load.problem import parse_problem, with_known_shapes
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared, SolveSettings, plan_of, prepare, solve

LONGEST_MESSAGE = 2000
"""Characters of a message that are kept."""


@dataclass(frozen=True)
class Facts:
    """What every worker of a batch is given."""

    sources: Sources
    catalog_dir: Path | None
    overlays: tuple[Path, ...]
    settings: SolveSettings


class VariantSolver:
    """Solves variants one after the other; none depends on those before it."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.settings = replace(facts.settings, enumerated=True)
        self.catalog: Catalog = load_catalog(facts.catalog_dir, facts.overlays)
        self.shelf = Shelf()

    def outcome(self, variant: Variant) -> Outcome:
        """Solve a variant; whatever goes wrong is its outcome."""
        try:
            return self._solved(variant)
        except GpumixError as error:
            return Outcome(variant.name, "error", message=str(error)[:LONGEST_MESSAGE])
        except Exception as error:
            message = f"our own fault: {type(error).__name__}: {error}"
            return Outcome(variant.name, "error", message=message[:LONGEST_MESSAGE])

    def _solved(self, variant: Variant) -> Outcome:
        text, base = self.facts.sources.texts[variant.source]
        loaded = parse_problem(text, variant.source, variant.overrides, base)
        if loaded.own_models:
            loaded = with_known_shapes(loaded, self.catalog)
        prepared = prepare(loaded, self.catalog, shelf=self.shelf)
        solution = solve(prepared.candidates, prepared.problem.limits, prepared.budget, self.settings)
        plan = plan_of(prepared, solution, with_rejections=False)
        plan_json = json.dumps(plan.as_json(rejections=False), ensure_ascii=False, separators=(",", ":"))
        return outcome_of(variant.name, plan, plan_json, _message(prepared, plan))


def _message(prepared: Prepared, plan: Plan) -> str:
    """Say in a line why there is no plan, or that a limit left the proof open."""
    if plan.status == "infeasible":
        return "; ".join(why_nowhere(prepared)) or "the limits leave no plan: gpumix explain says what must give"
    if plan.status == "unknown":
        return "the limit was reached before any plan was found"
    return "the limit was reached before the proof" if plan.status == "feasible" else ""
