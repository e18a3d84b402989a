"""How long whole frontiers and the doctor take once started, beside solving at every level of the speed."""

from __future__ import annotations

from optimizer.frontier import trace_frontier
from optimizer.load import Catalog, LoadedProblem, load_catalog, load_problem, shipped_problem_names
from optimizer.load.problem import with_known_shapes
from optimizer.solve import SolveSettings, prepare, solve_at
from optimizer.solve.variants import with_speed
from tests.benchmarks.timing import seconds

SETTINGS = SolveSettings()

MOST_LEVELS = 20
"""Levels solved for the comparison; the time of more is counted up from these."""


def single_service_problems(catalog: Catalog) -> list[LoadedProblem]:
    """List the shipped problems of one service."""
    loaded = [with_known_shapes(load_problem(name), catalog) for name in shipped_problem_names()]
    return [one for one in loaded if len(one.problem.services) == 1]


def every_level(loaded: LoadedProblem, catalog: Catalog, low: float) -> tuple[int, float]:
    """Return how many levels of speed there are above `low`, and the seconds to solve at each of them."""
    prepared = prepare(loaded, catalog, with_speed(loaded.problem, 0, low))
    levels, level = [low], prepared.candidates.next_speed(0, low)
    while level is not None:
        levels.append(level)
        level = prepared.candidates.next_speed(0, level)
    tried = levels[:: max(1, len(levels) // MOST_LEVELS)]

    def solve_all() -> None:
        """Solve at a share of the levels."""
        for target in tried:
            solve_at(prepared.candidates, prepared.problem.limits, (target,), prepared.budget, SETTINGS)

    return len(levels), seconds(solve_all) * len(levels) / len(tried)


def main() -> None:
    """Print a row for each problem."""
    catalog = load_catalog()
    print("| frontier of cost against speed | points | solves | seconds | levels | solving at every level | ratio |")
    print("|---|---|---|---|---|---|---|")
    for loaded in single_service_problems(catalog):
        found = trace_frontier(loaded, catalog, SETTINGS)
        took = seconds(lambda one=loaded: trace_frontier(one, catalog, SETTINGS))  # type: ignore[misc]
        if found.points:
            levels, brute = every_level(loaded, catalog, found.low)
            print(f"| `{loaded.problem.name}` | {len(found.points)} | {found.solves} | {took:.2f} | {levels:,} |"
                  f" {brute:.1f} | {brute / took:.0f} |")


if __name__ == "__main__":
    main()
