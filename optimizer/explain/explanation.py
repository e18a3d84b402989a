"""Everything that a meeting asks about a plan: what else there is, what binds, what would change it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optimizer.candidates import Shelf
from optimizer.costs import priced_offers
from optimizer.errors import Fault, InputError
from optimizer.explain.decisive_tests import DecisiveTest, decisive_tests
from optimizer.explain.doctor import Diagnosis, diagnose
from optimizer.explain.doctor.search import Bench
from optimizer.explain.entering import EngineVerdict, GpuVerdict, engine_verdicts, gpu_verdicts
from optimizer.explain.margins import Margin, margins
from optimizer.explain.over_periods import engines_of, gpus_of, margins_of
from optimizer.explain.shortage import what_is_short
from optimizer.explain.stability import Stability, stabilities
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan, spans_periods
from optimizer.plan.quarter import at_quarter
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared, Solution, SolveSettings, plan_of, prepare, solve_prepared
from optimizer.solve.nearby import other_structures

if TYPE_CHECKING:
    import pandas as pd

ALTERNATIVES = 5
WITHIN = 0.1


@dataclass(frozen=True)
class Explanation:
    """A plan, or the proof that there is none, with its reasons."""

    plan: Plan
    gpus: tuple[GpuVerdict, ...]
    engines: tuple[EngineVerdict, ...]
    margins: tuple[Margin, ...]
    stability: tuple[Stability, ...]
    alternatives: tuple[Plan, ...]
    """Next best plans of another structure, cheapest first."""
    alternatives_asked: int
    """How many of them were looked for."""
    within_fraction: float
    """How much dearer than the best an alternative may be."""
    alternatives_complete: bool
    """Whether there is no other structure within that, or as many as asked were found."""
    diagnosis: Diagnosis | None
    """Only where there is no plan."""
    tests: tuple[DecisiveTest, ...] | None
    """Estimates whose measurement would change the plan; None where nobody asked."""
    prepared: Prepared

    def to_frame(self) -> pd.DataFrame:
        """Return the GPU verdicts as a table, one row each."""
        import pandas as pd

        return pd.DataFrame([vars(one) for one in self.gpus])

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "schema_version": 2,
            "problem": self.plan.problem,
            "plan": self.plan.as_json(),
            "gpus": [vars(one) for one in self.gpus],
            "engines": [vars(one) for one in self.engines],
            "limits": [
                {**vars(one), "steps": [{"step": words, "usd_per_month_change": usd} for words, usd in one.steps]}
                for one in self.margins
            ],
            "stability": [vars(one) for one in self.stability],
            "alternatives_asked": self.alternatives_asked,
            "within_fraction": self.within_fraction,
            "alternatives_complete": self.alternatives_complete,
            "alternatives": [plan.as_json(rejections=False) for plan in self.alternatives],
            "tests": None if self.tests is None else [vars(one) for one in self.tests],
            "diagnosis": None if self.diagnosis is None else _diagnosis_json(self.diagnosis),
        }


def _diagnosis_json(found: Diagnosis) -> dict[str, Any]:
    return {
        "conflict": [{"key": key, "asks": asks} for key, asks in found.conflict],
        "relaxations": [vars(one) for one in found.relaxations],
        "useless": list(found.useless),
        "together": [{"key": key, "asks": asks} for key, asks in found.together],
        "usd_per_month_together": found.usd_per_month_together,
        "nowhere": list(found.nowhere),
        "proven": found.proven,
    }


def explain(
    loaded: LoadedProblem,
    catalog: Catalog,
    settings: SolveSettings,
    alternatives: int = ALTERNATIVES,
    within: float = WITHIN,
    tests: bool = False,
    quarter: int | None = None,
) -> Explanation:
    """Solve a problem and explain the answer.

    Args:
        alternatives: how many next best plans of another structure to look for.
        within: how much dearer than the best they may be, as a fraction.
        tests: also look for the measurements that would change the plan.
        quarter: of a roadmap, counted from 1; default the first in which most is asked.

    Raises:
        InputError: an option is out of range, or the problem names something that the catalog does not have.
    """
    _check(alternatives, within)
    loaded = at_quarter(loaded, quarter)
    prepared = prepare(loaded, catalog, shelf=Shelf())
    routed = any(service.routes_classes for service in loaded.problem.services)
    if spans_periods(loaded.problem) or routed or loaded.problem.limits.contracts:
        return _of_any_question(prepared, settings, within)
    solution = solve_prepared(prepared, settings)
    settings = replace(settings, enumerated=True)
    plan = plan_of(prepared, solution)
    if not solution.has_plan:
        diagnosis = diagnose(prepared, settings) if solution.status == "infeasible" else None
        return Explanation(plan, (), (), (), (), (), alternatives, within, True, diagnosis, None, prepared)
    bench = Bench(prepared, tuple(priced_offers(catalog, prepared.problem)), settings)
    found, complete = _alternatives(prepared, solution, settings, alternatives, within)
    return Explanation(
        plan,
        tuple(gpu_verdicts(prepared, solution, settings)),
        tuple(engine_verdicts(prepared, solution, settings)),
        tuple(margins(bench, solution)),
        tuple(stabilities(prepared, solution, settings)),
        found,
        alternatives,
        within,
        complete,
        None,
        decisive_tests(prepared, solution, settings) if tests else None,
        prepared,
    )


def _of_any_question(prepared: Prepared, settings: SolveSettings, within: float) -> Explanation:
    """Explain a plan of periods, shared nodes, routed classes or contracts: every verdict is a plan of its own.

    Entry prices, stability and other structures look at one peak of nodes alike, and are left out.
    """
    plan = best_plan(prepared, settings)
    if plan.status not in ("optimal", "feasible"):
        reasons = what_is_short(prepared, settings) if plan.status == "infeasible" else ()
        plan = plan.model_copy(update={"reasons": reasons})
        return Explanation(plan, (), (), (), (), (), 0, within, True, None, None, prepared)
    return Explanation(
        plan, tuple(gpus_of(prepared, plan, settings)), tuple(engines_of(prepared, plan, settings)),
        tuple(margins_of(prepared, plan, settings)), (), (), 0, within, True, None, None, prepared)


def _check(alternatives: int, within: float) -> None:
    faults = []
    if not 0 <= alternatives <= 100:
        faults.append(Fault("options", "--alternatives", f"{alternatives}", "a number from 0 to 100"))
    if not 0 <= within <= 10:
        faults.append(Fault("options", "--within", f"{within:g}", "a fraction from 0 to 10, such as 0.1"))
    if faults:
        raise InputError(faults)


def _alternatives(
    prepared: Prepared, best: Solution, settings: SolveSettings, most: int, within: float
) -> tuple[tuple[Plan, ...], bool]:
    """Return the next best plans, and whether nothing between them was left open."""
    limit = int((best.cost or 0) * (1 + within))
    found: list[Plan] = []
    for solution in other_structures(prepared, best, limit, settings) if most else ():
        if solution.status == "infeasible":
            return tuple(found), True
        if not solution.has_plan:
            return tuple(found), False
        found.append(plan_of(prepared, solution, with_rejections=False))
        if len(found) == most:
            return tuple(found), True
    return tuple(found), False
