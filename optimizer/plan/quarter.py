"""One quarter of a roadmap as a problem of its own, for what looks at one demand: frontiers, explanations, exports."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from optimizer.costs.quarters import demand_factor
from optimizer.errors import Fault, InputError
from optimizer.load import LoadedProblem
from optimizer.question.build import grown
from optimizer.schema.problem import Problem


def largest_quarter(problem: Problem) -> int:
    """Return the quarter of a roadmap in which demands have grown most, all services together; the first of equals."""
    roadmap = problem.roadmap
    if roadmap is None:
        return 0
    growth = [sum((demand_factor(roadmap, one.service_id, quarter) for one in problem.services), Fraction(0))
              for quarter in range(roadmap.quarters)]
    return growth.index(max(growth))


def at_quarter(loaded: LoadedProblem, quarter: int | None = None) -> LoadedProblem:
    """Return a problem with the demand of one quarter and no roadmap; one without a roadmap as it is.

    What is bought over the quarters, what is there already and caps by fiscal year are left out.

    Args:
        loaded: the problem.
        quarter: counted from 1; default the first in which most is asked.

    Raises:
        InputError: there is no such quarter.
    """
    problem = loaded.problem
    most = problem.roadmap.quarters if problem.roadmap is not None else 0
    if quarter is not None and not 1 <= quarter <= most:
        allowed = f"a quarter from 1 to {most}" if most else "a problem with a roadmap"
        raise InputError([Fault("options", "--quarter", f"{quarter}", allowed)])
    if problem.roadmap is None:
        return loaded
    number = largest_quarter(problem) if quarter is None else quarter - 1
    services = tuple(
        grown(service, demand_factor(problem.roadmap, service.service_id, number)) for service in problem.services)
    return replace(loaded, problem=problem.model_copy(update={"services": services, "roadmap": None}))
