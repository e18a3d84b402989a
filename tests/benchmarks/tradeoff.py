"""How long whole frontiers take once started, beside the single solve of the question asked."""

from __future__ import annotations

from optimizer.demand import profile_hours
from optimizer.frontier import trace_frontier
from optimizer.load import Catalog, LoadedProblem, load_catalog, load_problem, shipped_problem_names
from optimizer.load.problem import with_known_shapes
from optimizer.solve import SolveSettings, plan_of, prepare, solve
from tests.benchmarks.timing import median_seconds

SETTINGS = SolveSettings()


def single_service_problems(catalog: Catalog) -> list[LoadedProblem]:
    """List the shipped problems of one service."""
    loaded = [with_known_shapes(load_problem(name), catalog) for name in shipped_problem_names()]
    return [one for one in loaded if len(one.problem.services) == 1 and profile_hours(one.problem) is None]


def answered(loaded: LoadedProblem, catalog: Catalog) -> None:
    """Answer the question asked: candidates, optimum with ties broken, verified plan."""
    prepared = prepare(loaded, catalog)
    plan_of(prepared, solve(prepared.candidates, prepared.problem.limits, prepared.budget, SETTINGS))


def main() -> None:
    """Print a row for each problem."""
    catalog = load_catalog()
    print("| frontier of cost against speed | points | solves a point | seconds | x one answer |")
    print("|---|---|---|---|---|")
    for loaded in single_service_problems(catalog):
        found = trace_frontier(loaded, catalog, SETTINGS)
        if found.points:
            took = median_seconds(lambda one=loaded: trace_frontier(one, catalog, SETTINGS), 3)  # type: ignore[misc]
            once = median_seconds(lambda one=loaded: answered(one, catalog), 3)  # type: ignore[misc]
            each = found.solves / len(found.points)
            print(f"| `{loaded.problem.name}` | {len(found.points)} | {each:.2f} | {took:.2f} | {took / once:.1f} |")


if __name__ == "__main__":
    main()
