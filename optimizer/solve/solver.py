"""How CP-SAT is set up, the same for every model."""

from __future__ import annotations

import time

from optimizer.formulation.cp_sat import cp_model

SHORTEST_S = 0.001
"""Seconds that a solve is given when its time is over: CP-SAT takes 0 as endless."""


def seconds_left(end: float | None) -> float | None:
    """Return the seconds until a point of the monotonic clock, None without one."""
    return None if end is None else end - time.monotonic()


def cp_solver(
    presolve: bool, deterministic_limit: float | None = None, seconds: float | None = None, seed: int = 0
) -> cp_model.CpSolver:
    """Set CP-SAT up as measured: one worker with the full LP (the default loses its bound), same answer every time.

    Its default gap limit of 1e-4 is taken on doubles, which past 2^53 calls plans optimal that are not; so it is 0.

    Args:
        seconds: wall-clock time left; None: no limit.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.absolute_gap_limit = 0.0
    solver.parameters.relative_gap_limit = 0.0
    solver.parameters.cp_model_presolve = presolve
    solver.parameters.random_seed = seed
    solver.parameters.catch_sigint_signal = False  # an interruption is the command's to handle
    if deterministic_limit is not None:
        solver.parameters.max_deterministic_time = deterministic_limit
    if seconds is not None:
        solver.parameters.max_time_in_seconds = max(SHORTEST_S, seconds)
    return solver
