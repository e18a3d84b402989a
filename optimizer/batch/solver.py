"""One worker's solver: the catalog is loaded once, and what variants share is computed once."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.batch.outcome import Outcome, outcome_of
from optimizer.batch.variants import Sources, Variant
from optimizer.candidates import Shelf
from optimizer.errors import Fault, GpumixError, InputError
from optimizer.explain.nowhere import why_nowhere
from optimizer.load import Catalog, load_catalog
from optimizer.load.inputs import at_places
from optimizer.load.problem import LoadedProblem, parse_problem, with_known_shapes
from optimizer.plan.best import best_plan
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared, SolveSettings, prepare
from optimizer.verify.known import KnownFigures

LONGEST_MESSAGE = 2000
"""Characters of a message that are kept."""


@dataclass(frozen=True)
class Facts:
    """What every worker of a batch is given."""

    sources: Sources
    catalog_dir: Path | None
    overlays: tuple[Path, ...]
    settings: SolveSettings
    catalog_sha256: str
    """Of the catalog with its overlays: a worker that finds another one does not start."""
    allow_outside: bool = False
    """Whether problems may name files outside their folders."""


class VariantSolver:
    """Solves variants one after the other; none depends on those before it."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.settings = replace(facts.settings, enumerated=True)
        self.catalog: Catalog = load_catalog(facts.catalog_dir, facts.overlays)
        if self.catalog.sha256 != facts.catalog_sha256:
            found = "another catalog than the one this batch began with"
            raise InputError([Fault(str(facts.catalog_dir or "catalog"), "", found, "the same files for every worker")])
        self.shelf, self.known = Shelf(), KnownFigures()
        self.own_models: dict[str, LlmModel] = {}
        """Models given as files, by what they hold."""

    def timed(self, variant: Variant) -> tuple[Outcome, float]:
        """Solve a variant, and say how many seconds it took."""
        start = time.perf_counter()
        return self.outcome(variant), time.perf_counter() - start

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
        loaded = parse_problem(text, variant.source, variant.overrides, base, self.facts.allow_outside)
        if loaded.own_models:
            loaded = self._with_kept_models(with_known_shapes(loaded, self.catalog))
        loaded = at_places(loaded, self.catalog)
        prepared = prepare(loaded, self.catalog, shelf=self.shelf)
        plan = best_plan(prepared, self.settings, with_rejections=False, known=self.known)
        plan_json = json.dumps(plan.as_json(rejections=False), ensure_ascii=False, separators=(",", ":"))
        models = [service.model for service in loaded.problem.services]
        return outcome_of(variant.name, models, plan, plan_json, _message(prepared, plan))

    def _with_kept_models(self, loaded: LoadedProblem) -> LoadedProblem:
        """Give a model that was read from a file before as the same object: the shelf knows models by identity."""
        kept = {name: self.own_models.setdefault(own.model_dump_json(), own) for name, own in loaded.own_models.items()}
        return replace(loaded, own_models=kept)


def _message(prepared: Prepared, plan: Plan) -> str:
    """Say in a line why there is no plan, or that a limit left the proof open."""
    if plan.status == "infeasible":
        return "; ".join(why_nowhere(prepared)) or "the limits leave no plan: gpumix explain says what must give"
    if plan.status == "unknown":
        return "the limit was reached before any plan was found"
    return "the limit was reached before the proof" if plan.status == "feasible" else ""
