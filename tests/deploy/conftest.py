"""Environments of the shipped problems, and of plans with odd names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from optimizer.deploy import TARGETS, Environment, environment_of
from optimizer.load import Catalog, LoadedProblem, load_problem
from optimizer.load.problem import shipped_problem_names, with_known_shapes
from optimizer.load.serving import ServingFacts, load_serving
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings, prepare

SHIPPED = [name for name in shipped_problem_names() if load_problem(name).problem.sharing == "none"]
"""Only some targets know nodes that services share; they have tests of their own."""

WITHOUT_A30 = ("limits.gpus.forbid=[a30-24gb]",)
"""Set where a problem names no GPUs: SkyPilot has no name for the A30, and every target must take these plans."""

SERVING = tuple(target for target in TARGETS if target != "terraform")
"""Targets that start engines; Terraform makes nodes, of some clouds only."""

Planned = Callable[[str], tuple[LoadedProblem, Plan]]
Make = Callable[..., Environment]


@pytest.fixture(scope="session")
def serving() -> ServingFacts:
    return load_serving()


@pytest.fixture(scope="session")
def planned(shipped: Catalog) -> Planned:
    """How to solve a shipped problem, each once."""

    @functools.cache
    def solved(name: str) -> tuple[LoadedProblem, Plan]:
        gpus = load_problem(name).problem.limits.gpus
        settled = () if gpus.allow or gpus.forbid else WITHOUT_A30
        loaded = with_known_shapes(load_problem(name, settled), shipped)
        return loaded, best_plan(prepare(loaded, shipped), SolveSettings(), with_rejections=False)

    return solved


@pytest.fixture(scope="session")
def environment(planned: Planned, shipped: Catalog, serving: ServingFacts) -> Make:
    """How to make the environment of a shipped problem, its plan or deployments changed before."""

    def make(name: str, service_id: str | None = None, problem: str | None = None, node: dict[str, Any] | None = None,
             checkpoints: dict[str, str] | None = None, **changes: Any) -> Environment:
        loaded, plan = planned(name)
        if plan.status == "infeasible":
            pytest.skip("there is no plan to export")
        old = loaded.problem.services[0].service_id
        fresh = service_id or old
        services = (loaded.problem.services[0].model_copy(update={"service_id": fresh}), *loaded.problem.services[1:])
        loaded = LoadedProblem(loaded.problem.model_copy(update={"services": services}), loaded.text, loaded.label,
                               loaded.sha256, loaded.own_models)
        plan = plan.model_copy(update={
            "problem": problem or plan.problem,
            "services": tuple(one.model_copy(update={"service_id": fresh}) if one.service_id == old else one
                              for one in plan.services),
            "deployments": tuple(
                one.model_copy(update={**changes, **({"service_id": fresh} if one.service_id == old else {})})
                for one in plan.deployments),
            "nodes": tuple(one.model_copy(update=node or {}) for one in plan.nodes)})
        return environment_of(plan, loaded, shipped, serving, checkpoints or {})

    return make
