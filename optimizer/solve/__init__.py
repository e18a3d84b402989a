"""From a loaded problem to the proven cheapest plan."""

from optimizer.solve.extract import plan_of
from optimizer.solve.prepare import Prepared, prepare
from optimizer.solve.search import Solution, SolveSettings, achieved_speed, solve, solve_at

__all__ = ["Prepared", "Solution", "SolveSettings", "achieved_speed", "plan_of", "prepare", "solve", "solve_at"]
