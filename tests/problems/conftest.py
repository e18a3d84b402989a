"""The shipped problems, each solved once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from optimizer.answer import answer
from optimizer.demand import profile_hours
from optimizer.load import Catalog, LoadedProblem, load_catalog, load_problem, shipped_problem_names
from optimizer.load.problem import with_known_shapes
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings


@dataclass(frozen=True)
class Solved:
    """A shipped problem with its answer."""

    loaded: LoadedProblem
    catalog: Catalog
    plan: Plan


@cache
def catalog_for(references: frozenset[str] | None) -> Catalog:
    """Read the rows that some models need, or all."""
    return load_catalog(None, (), references)


@cache
def loaded_with_catalog(name: str, *overrides: str) -> tuple[LoadedProblem, Catalog]:
    """Load a shipped problem and the catalog rows that it needs, as the command does."""
    loaded = load_problem(name, overrides)
    references = frozenset(service.model for service in loaded.problem.services)
    catalog = catalog_for(None if loaded.own_models else references)
    return with_known_shapes(loaded, catalog) if loaded.own_models else loaded, catalog


@cache
def solve_shipped(name: str, *overrides: str) -> Solved:
    """Answer a shipped problem, once for all tests."""
    loaded, catalog = loaded_with_catalog(name, *overrides)
    return Solved(loaded, catalog, answer(loaded, catalog, SolveSettings()))


def one_peak_problems() -> list[str]:
    """List the shipped problems whose demand is one peak, which is what trade-offs look at."""
    return [name for name in shipped_problem_names() if profile_hours(load_problem(name).problem) is None]


@pytest.fixture(scope="session")
def solved() -> Callable[..., Solved]:
    """How to get the answer to a shipped problem."""
    return solve_shipped
