"""The whole answer to a roadmap: prepared, reduced, solved, read back and checked again."""

from __future__ import annotations

from optimizer.costs import priced_offers
from optimizer.costs.quarters import Calendar
from optimizer.load import Catalog, LoadedProblem
from optimizer.roadmap.build import build_case, peak_problem
from optimizer.roadmap.extract import budget_plan_of
from optimizer.roadmap.program import program_of
from optimizer.roadmap.reduction import reduced
from optimizer.roadmap.refusals import check_roadmap, roadmap_of
from optimizer.roadmap.search import solve_program
from optimizer.roadmap.shortage import reasons_for
from optimizer.schema.budget_plan import BudgetPlan
from optimizer.solve import SolveSettings, prepare
from optimizer.verify.roadmap import verify_budget_plan


def budget_plan(loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings) -> BudgetPlan:
    """Plan what to buy, rent, keep and retire in each quarter at least total cost.

    Raises:
        InputError: the problem has no roadmap, a rule that cannot be planned, or a name that the catalog does not have.
        VerificationError: the plan broke a rule when it was checked again.
    """
    problem = loaded.problem
    roadmap = roadmap_of(problem)
    calendar = Calendar.of(roadmap, problem)
    check_roadmap(problem, roadmap, calendar, catalog, priced_offers(catalog, problem))
    prepared = prepare(loaded, catalog, peak_problem(problem, roadmap))
    case = build_case(prepared, problem, roadmap, calendar)
    small = reduced(case) if settings.reduced else case
    program = program_of(small)
    found = solve_program(program, settings)
    names = [service.service_id for service in problem.services]
    reasons = reasons_for(case, calendar, names, settings) if found.status == "infeasible" else ()
    plan = budget_plan_of(prepared, problem, calendar, small, program, found, reasons)
    return verify_budget_plan(plan, problem, catalog, loaded.own_models)
