"""Everything a specification says, found before a word is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from optimizer.answer import answer
from optimizer.candidates.names import resolve_model
from optimizer.demand import ServiceDemand, demand_of
from optimizer.errors import InputError
from optimizer.explain import Explanation, explain
from optimizer.frontier import Frontier, Pick, picks, trace_frontier
from optimizer.load import Catalog, LoadedProblem
from optimizer.load.serving import ServingFacts
from optimizer.loadtest.comparing import Comparison, compare, without_own_rows
from optimizer.loadtest.planning import Asked, PlannedTests, plan_tests
from optimizer.memory import MemoryFit, memory_fit
from optimizer.schema.plan import Deployment, Plan
from optimizer.schema.problem import Service
from optimizer.solve import SolveSettings

Found = TypeVar("Found")



@dataclass(frozen=True)
class MemoryLine:
    """The memory of one replica, line by line."""

    deployment: Deployment
    gpu_id: str
    fit: MemoryFit
    request_tokens: int
    """ISL + OSL of the longest request class; of the mean request where several classes are routed here."""
    routed_mean: bool
    """Whether that is a mean."""
    fitting: int
    """Requests of this length that fit by calculation."""


@dataclass(frozen=True)
class Findings:
    """What a document is written from."""

    loaded: LoadedProblem
    catalog: Catalog
    plan: Plan
    demands: tuple[ServiceDemand, ...]
    explanation: Explanation | None
    """None: only the summary is written, or `gpumix explain` refuses a problem of this kind."""
    frontier: Frontier | None
    tests: PlannedTests | None
    comparison: Comparison | None
    """Own measurements against what was predicted; None without them."""
    memory: tuple[MemoryLine, ...]
    whole: bool = True
    """Whether everything was looked for, not the summary alone."""

    @property
    def picks(self) -> tuple[Pick, ...]:
        """The points of the frontier that a planner looks at."""
        return () if self.frontier is None else picks(self.frontier)

    @property
    def asked(self) -> Pick | None:
        """The point that the problem asks for."""
        return next((pick for pick in self.picks if pick.name == "asked"), None)


def findings_of_plan(loaded: LoadedProblem, catalog: Catalog, plan: Plan) -> Findings:
    """Return what the one-page summary needs: the plan alone."""
    demands = tuple(demand_of(service) for service in loaded.problem.services)
    return Findings(loaded, catalog, plan, demands, None, None, None, None, (), whole=False)


def find_everything(
    loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, serving: ServingFacts,
    below: Catalog | None = None,
) -> Findings:
    """Solve a problem, explain the answer, trace its frontier, and plan its load test.

    Args:
        serving: how engines are started.
        below: the catalog without the overlays, where there are any: what own measurements are held against.

    Raises:
        InputError: the problem names something that the catalog does not have.
    """
    plan = answer(loaded, catalog, settings)
    demands = tuple(demand_of(service) for service in loaded.problem.services)
    explanation = unless_refused(lambda: explain(loaded, catalog, settings))
    frontier = unless_refused(lambda: trace_frontier(loaded, catalog, settings))
    tests = None
    if plan.nodes:
        asked = Asked(loaded.label, "own-measurements", "http://localhost:8000")
        tests = unless_refused(lambda: plan_tests(loaded, catalog, settings, asked, serving))
    comparison = _comparison(loaded, catalog, settings, below)
    return Findings(loaded, catalog, plan, demands, explanation, frontier if frontier and frontier.points else None,
                    tests, comparison, tuple(memory_lines(loaded, catalog, plan)))


def _comparison(
    loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, below: Catalog | None
) -> Comparison | None:
    """Hold own measured rows against what would have been predicted without them, where there are any."""
    if below is None or not catalog.from_overlay.get("throughput"):
        return None
    return unless_refused(lambda: compare(loaded, without_own_rows(catalog, below), catalog, settings))


def unless_refused(find: Callable[[], Found]) -> Found | None:
    """Return what is found, None where a problem that has an answer is none that this can look at.

    Some rules (a demand by the hour, classes routed apart) are known to `solve` and refused elsewhere; a comparison is
    refused where no own row answers the problem. What is wrong with the problem itself was told when it was solved.
    """
    try:
        return find()
    except InputError:
        return None


def memory_lines(loaded: LoadedProblem, catalog: Catalog, plan: Plan) -> Iterator[MemoryLine]:
    """Work out the memory of each deployment's replica, equal ones once; capacities that are only stated have none."""
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    services = {service.service_id: service for service in loaded.problem.services}
    seen = set()
    for one in plan.deployments:
        service = services[one.service_id]
        model = resolve_model(service, catalog, loaded.own_models)
        engine, precision = catalog.engines.get(one.engine_id), catalog.precisions.get(one.precision)
        if model is None or engine is None or precision is None:
            continue
        gpu = catalog.gpus[gpus[one.offer_id]]
        tokens = request_of(service, one)
        key = (one.service_id, gpu.gpu_id, one.engine_id, one.precision, one.tp_size, one.concurrency_per_replica,
               one.evidence, tokens)
        if key in seen:
            continue
        seen.add(key)
        fit = memory_fit(model, precision, engine, gpu, one.tp_size, one.concurrency_per_replica)
        yield MemoryLine(one, gpu.gpu_id, fit, tokens, len(one.classes or ()) > 1, fit.max_concurrency(tokens))


def request_of(service: Service, one: Deployment) -> int:
    """Return ISL + OSL of the request that fills a replica's cache: the longest, or the mean of those routed here.

    A mean weighs each class by its requests in flight and is rounded up.
    """
    here = sum(share.concurrency for share in one.classes or ())
    if not here:
        return longest_request(service)
    tokens = sum(share.concurrency * (share.isl_tokens + share.osl_tokens) for share in one.classes or ())
    return ceil(round(tokens / here, 6))


def longest_request(service: Service) -> int:
    """Return ISL + OSL of the longest request class."""
    return max(request.isl_tokens + request.osl_tokens for request in service.workload)
