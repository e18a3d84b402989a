"""`gpumix loadtest plan`: the tests that would tell whether a plan holds."""

from __future__ import annotations

import math
import os
import shlex
from dataclasses import dataclass

from optimizer.candidates.names import resolve_model
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, LoadedProblem
from optimizer.load.problem import problem_path
from optimizer.load.serving import ServingFacts
from optimizer.loadtest.control import limits_of
from optimizer.loadtest.level import Schedule
from optimizer.loadtest.starting import checkpoint_of, memory_fraction, start_line, unstarted
from optimizer.plan.best import best_plan
from optimizer.schema.base import Evidence
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Deployment, spread_of
from optimizer.schema.problem import Problem, RequestClass, Service
from optimizer.solve import SolveSettings, prepare


def request_of(problem: Problem, service_id: str | None, number: int) -> RequestClass:
    """Return one request class of a problem.

    Raises:
        InputError: there is no such service or class.
    """
    services = {service.service_id: service for service in problem.services}
    if service_id is not None and service_id not in services:
        raise InputError([Fault("options", "--service", repr(service_id), f"one of {', '.join(services)}")])
    if service_id is None and len(services) > 1:
        raise InputError([Fault("options", "--service", "nothing", f"one of {', '.join(services)}")])
    service = services[service_id] if service_id is not None else problem.services[0]
    if number > len(service.workload):
        raise InputError([Fault("options", "--request-class", str(number), f"1 to {len(service.workload)}")])
    return service.workload[number - 1]


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """One test worth running, with ready commands."""

    service_id: str
    offer_id: str
    model: str
    """Its name on Hugging Face, else its id."""
    gpu_id: str
    gpu_count: int
    engine_id: str
    precision: str
    tp_size: int
    isl_tokens: int
    osl_tokens: int
    users: tuple[int, ...]
    evidence: Evidence
    error_fraction: float | None
    tokens_per_s_per_user: float | None
    """What the plan says at the peak."""
    start_command: str
    """Nothing where the catalog does not know how the engine is started."""
    run_command: str
    import_command: str
    minutes: float | None
    """About how long it takes, None where the plan says nothing of speed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the commands of tests are to say."""

    problem: str
    """The problem as it was named: a shipped name, or the path of a file."""
    own: str = "own"
    """The folder that the commands import into."""
    url: str | None = None
    """The endpoint that stands for the one to be tested; None: HOST with the engine's own port."""
    overlays: tuple[str, ...] = ()
    """Overlays that the problem is solved with: every command takes them too."""
    catalog: str | None = None
    """Catalog in place of the shipped one: every command takes it too."""
    overrides: tuple[str, ...] = ()
    """Keys of the problem that were set: every command that reads the problem sets them too."""

    @property
    def catalog_words(self) -> str:
        """Return the options that name catalog and overlays."""
        named = f" --catalog {shlex.quote(self.catalog)}" if self.catalog is not None else ""
        return named + "".join(f" --overlay {shlex.quote(overlay)}" for overlay in self.overlays)

    @property
    def problem_words(self) -> str:
        """Return the problem with every option that it was solved with."""
        changed = "".join(f" --set {shlex.quote(one)}" for one in self.overrides)
        return f"{shlex.quote(self.problem)}{changed}{self.catalog_words}"


@dataclass(frozen=True)
class PlannedTests:
    """The tests of a plan: those that rest on the worst evidence first."""

    problem: str
    status: str
    tests: tuple[PlannedTest, ...]
    compare_command: str
    solve_command: str


WIDEST = 1.0
"""Error bar taken for a capacity that is only stated."""


def levels_for(at_peak: int, most: int) -> tuple[int, ...]:
    """Return the levels worth measuring: one user, a quarter and half of the most, the peak, the most, and beyond it.

    Half as many again shows how much more a replica would carry.

    >>> levels_for(40, 64)
    (1, 16, 32, 40, 64, 96)
    """
    return tuple(sorted({1, -(-most // 4), -(-most // 2), at_peak, most, -(-most * 3 // 2)}))


def plan_tests(
    loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, asked: Asked, serving: ServingFacts
) -> PlannedTests:
    """Solve a problem and list the tests that would tell whether its plan holds, one for offers that run the same.

    Args:
        asked: what the commands are to say.
        serving: how engines are started.

    Raises:
        InputError: the problem names something that the catalog does not have.
    """
    prepared = prepare(loaded, catalog)
    plan = best_plan(prepared, settings)
    nodes = {node.offer_id: node for node in plan.nodes}
    services = {service.service_id: service for service in prepared.problem.services}
    tests = [
        _planned(catalog, loaded, services[one.service_id], one, nodes[one.offer_id].gpu_id, number, asked, serving)
        for one in plan.deployments for number in _numbers(services[one.service_id], one)
    ]
    order = ("estimated", "interpolated", "measured")
    tests.sort(key=lambda test: (order.index(test.evidence), -(test.error_fraction or WIDEST)))
    once: dict[tuple[str, str, str], PlannedTest] = {}
    for test in tests:
        once.setdefault((test.service_id, test.start_command, test.run_command), test)
    then = f"{asked.problem_words} --overlay {shlex.quote(asked.own)}"
    return PlannedTests(plan.problem, plan.status, tuple(once.values()), f"gpumix loadtest compare {then}",
                        f"gpumix solve {then}")


def _numbers(service: Service, one: Deployment) -> list[int]:
    """Return the positions of the request classes that come to a deployment."""
    come = None if one.classes is None else {(part.isl_tokens, part.osl_tokens) for part in one.classes}
    return [i for i, request in enumerate(service.workload)
            if come is None or (request.isl_tokens, request.osl_tokens) in come]


def _in_flight(one: Deployment, request: RequestClass) -> tuple[int, int]:
    """Return (requests in flight at the peak, the most) for a test of one class.

    Where classes are routed apart, it is the most of this class alone, and as many as load a replica as the peak does.
    """
    for part in one.classes or ():
        if (part.isl_tokens, part.osl_tokens) == (request.isl_tokens, request.osl_tokens):
            most = part.concurrency_alone
            return min(most, max(1, math.ceil((one.utilisation_fraction or 0.0) * most))), most
    return one.concurrency_at_peak, one.concurrency_per_replica


def _planned(
    catalog: Catalog, loaded: LoadedProblem, service: Service, one: Deployment, gpu_id: str, number: int, asked: Asked,
    serving: ServingFacts,
) -> PlannedTest:
    """Write down one test."""
    model, request = resolve_model(service, catalog, loaded.own_models), service.workload[number]
    name = (model.hf_id if model is not None else None) or service.model
    users = levels_for(*_in_flight(one, request))
    context = max(
        [request.isl_tokens + request.osl_tokens, *(service.class_context_tokens(i) for i in _numbers(service, one))]
        if one.classes else [service.full_context_tokens, request.isl_tokens + request.osl_tokens])
    known = (_path_of(service.model, asked.problem) if service.model in loaded.own_models or model is None
             else _id_of(catalog, model) or service.model)
    set_up = f"{set_up_words(known, gpu_id, one)}{asked.catalog_words}"
    how = serving.engines.get(one.engine_id)
    url = asked.url or f"http://HOST:{how.port if how else 8000}"
    records = f"{service.service_id}-{gpu_id}-{request.isl_tokens}-{request.osl_tokens}.jsonl"
    levels = ",".join(map(str, users))
    return PlannedTest(
        service_id=service.service_id, offer_id=one.offer_id, model=name, gpu_id=gpu_id, gpu_count=one.gpu_count,
        engine_id=one.engine_id, precision=one.precision, tp_size=one.tp_size, isl_tokens=request.isl_tokens,
        osl_tokens=request.osl_tokens, users=users, evidence=one.evidence, error_fraction=one.error_fraction,
        tokens_per_s_per_user=one.tokens_per_s_per_user,
        start_command=_start(catalog, serving, model, one, gpu_id, name, max(users), context),
        run_command=(f"gpumix loadtest run --url {url} --isl {request.isl_tokens} --osl {request.osl_tokens}"
                     f" --users {levels} --records {records} {set_up}"),
        import_command=f"gpumix loadtest import {records} --into {shlex.quote(asked.own)}{asked.catalog_words}",
        minutes=_minutes(users, one, request))


def set_up_words(model: str, gpu_id: str, one: Deployment) -> str:
    """Return the options of `gpumix loadtest run` that say what a replica of a deployment is."""
    layout = f" --layout {one.layout}" if one.layout else ""
    return (f"--model {shlex.quote(model)} --gpu {gpu_id} --gpu-count {one.gpu_count} --tp {one.tp_size}{layout}"
            f" --precision {one.precision} --engine {one.engine_id}")


def _path_of(model: str, problem: str) -> str:
    """Return the path of a model's config.json from here: the problem names it from its own folder."""
    base = problem_path(problem).parent
    beside = base / model
    return os.path.relpath(beside) if beside.is_file() else model


def _minutes(users: tuple[int, ...], one: Deployment, request: RequestClass) -> float | None:
    """Estimate how long a test takes: two runs of every level, each of the fewest requests that `limits_of` asks for.

    A wave of requests takes TTFT + (OSL - 1) x TPOT as the plan has them at the peak; beyond what a replica carries,
    requests queue in proportion. A run ends after the time limit at the latest.
    """
    if not one.tokens_per_s_per_user:
        return None
    wave_s = (one.ttft_ms or 0.0) / 1000 + (request.osl_tokens - 1) / one.tokens_per_s_per_user
    run = Schedule(users=users)
    seconds = 0.0
    for level in users:
        limits = limits_of(level, run.until)
        waves = (limits.warm_up + limits.least) / level + 1
        seconds += run.runs * min(run.time_limit_s, waves * wave_s * max(1.0, level / one.concurrency_per_replica))
    return round(seconds / 60, 1)


def _start(
    catalog: Catalog, serving: ServingFacts, model: LlmModel | None, one: Deployment, gpu_id: str, name: str,
    sequences: int, context: int,
) -> str:
    """Return the line that starts the server; nothing where the catalog does not know how."""
    how, engine, gpu = serving.engines.get(one.engine_id), catalog.engines.get(one.engine_id), catalog.gpus.get(gpu_id)
    if how is None or engine is None or gpu is None or one.precision not in how.precisions:
        return ""
    if unstarted(how, spread_of(one)):
        return ""
    fraction = memory_fraction(engine, gpu, one.tp_size)
    wanted = f"checkpoint of {name} in {one.precision}"
    found = checkpoint_of(how, model, one.precision)
    return start_line(how, found, wanted, one.precision, spread_of(one), sequences, context, fraction)


def _id_of(catalog: Catalog, model: LlmModel) -> str | None:
    return next((model_id for model_id, known in catalog.models.items() if known is model), None)
