"""From a loaded problem to the proven cheapest plan."""

from optimizer.solve.extract import plan_of
from optimizer.solve.prepare import Prepared, prepare
from optimizer.solve.prove import SolveSettings
from optimizer.solve.search import (
    Chosen,
    Solution,
    achieved_speed,
    amount_at,
    classes_at,
    filled_by_classes,
    kept_by,
    solve,
    solve_at,
)
from optimizer.solve.tested import solve_prepared

__all__ = [
    "Chosen",
    "Prepared",
    "Solution",
    "SolveSettings",
    "achieved_speed",
    "amount_at",
    "classes_at",
    "filled_by_classes",
    "kept_by",
    "plan_of",
    "prepare",
    "solve",
    "solve_at",
    "solve_prepared",
]
