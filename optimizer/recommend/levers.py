"""Single changes of a question that would change the bill, each a proven solve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.explain.whatif import cheapest, monthly_usd
from optimizer.messages import Message
from optimizer.schema.plan import Plan
from optimizer.schema.problem import Problem, Service
from optimizer.schema.recommendation import Lever
from optimizer.solve import Prepared, SolveSettings, prepare
from optimizer.solve.variants import under_limits, with_limits, with_service
from optimizer.units import MICRO

SPEEDS = (5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 100, 150, 200, 300)
"""Steps of user speed in tokens/s that a promise is lowered to: about a fifth each."""

EIGHT_BIT = "fp8"
SIXTEEN_BIT = frozenset({"bf16", "fp16"})

SMALLEST_CHANGE = 0.005
"""Levers that change the cost by less than half a percent are left out."""

Name = Literal["fp8", "speed", "context", "survive", "places"]


@dataclass(frozen=True)
class Tried:
    """A change to try."""

    name: Name
    change: Message
    remark: Message | None
    overrides: tuple[str, ...]
    prepared: Prepared


def _changed(prepared: Prepared, problem: Problem) -> Prepared:
    return prepare(prepared.loaded, prepared.catalog, problem, prepared.shelf)


def _with_services(problem: Problem, changes: dict[int, dict[str, object]]) -> Problem:
    for index, values in changes.items():
        problem = with_service(problem, index, **values)
    return problem


def _loosened(prepared: Prepared, plan: Plan, changes: dict[int, dict[str, object]]) -> Prepared:
    """Return the problem with services that may be served in more ways, those of before among them.

    Only GPU types of which a node costs less than the whole plan are walked anew: no cheaper plan holds a dearer node.
    """
    cost = plan.cost.usd_per_hour or 0.0
    cheaper = sorted({o.gpu_id for o in prepared.candidates.offers if o.micro_usd_per_hour < cost * MICRO})
    if not cheaper:
        return prepared
    gpus = prepared.problem.limits.gpus.model_copy(update={"allow": tuple(cheaper)})
    wide = _changed(prepared, _with_services(with_limits(prepared.problem, gpus=gpus), changes)).candidates
    before = prepared.candidates
    options = {key: (*before.options.get(key, ()), *wide.options.get(key, ()))
               for key in {*before.options, *wide.options}}
    problem = _with_services(prepared.problem, changes)
    return replace(prepared, problem=problem,
                   candidates=replace(before, services=problem.services, options=options))


def eight_bit(prepared: Prepared, plan: Plan) -> Iterator[Tried]:
    """Try weights in fp8 beside those planned, for services that the plan runs in 16 bits and that name no fp8."""
    changes: dict[int, dict[str, object]] = {}
    overrides = []
    planned = {one.service_id: one.precision for one in plan.deployments}
    for index, service in enumerate(prepared.problem.services):
        named = service.precisions or (planned.get(service.service_id, ""),)
        if planned.get(service.service_id) in SIXTEEN_BIT and EIGHT_BIT in prepared.catalog.precisions and (
                EIGHT_BIT not in named):
            changes[index] = {"precisions": (EIGHT_BIT,)}  # the others are there already
            overrides.append(f"services.{index}.precisions=[{', '.join((*named, EIGHT_BIT))}]")
    if changes:
        yield Tried("fp8", Message("lever.fp8"), Message("lever.fp8-remark"), tuple(overrides),
                    _loosened(prepared, plan, changes))


def slower_speed(tokens_per_s: float) -> int | None:
    """Return the next lower step of user speed, at least a tenth lower; None below the lowest.

    >>> slower_speed(25), slower_speed(30), slower_speed(16), slower_speed(5)
    (20, 25, 12, None)
    """
    lower = [step for step in SPEEDS if step <= 0.9 * tokens_per_s]
    return lower[-1] if lower else None


def lower_speed(prepared: Prepared) -> Iterator[Tried]:
    """Try the next lower speed for every interactive service that promises one, all at once."""
    changes: dict[int, dict[str, object]] = {}
    overrides, words = [], []
    for index, service in enumerate(prepared.problem.services):
        asked = service.slo.target_tokens_per_s
        lower = slower_speed(asked) if service.kind == "sync" and asked else None
        if lower is not None:
            changes[index] = {"slo": service.slo.model_copy(update={
                "grade": None, "tokens_per_s_per_user": float(lower)})}
            overrides.append(f"services.{index}.slo.tokens_per_s_per_user={lower}")
            words.append(Message("lever.speed", lower=lower, asked=asked))
    if changes:
        told = words[0] if len(words) == 1 else Message("lever.speeds")
        problem = _with_services(prepared.problem, changes)
        yield Tried("speed", told, None, tuple(overrides), _changed(prepared, problem))


def half_context(prepared: Prepared, plan: Plan) -> Iterator[Tried]:
    """Try half the context, where requests are shorter and memory shut something out."""
    if not any(row.step == "memory" for row in prepared.candidates.rejections):
        return
    changes: dict[int, dict[str, object]] = {}
    overrides, words = [], []
    for index, service in enumerate(prepared.problem.services):
        full, half = service.full_context_tokens, service.full_context_tokens // 2
        if half >= _longest(service):
            changes[index] = {"context_tokens": half}
            overrides.append(f"services.{index}.context_tokens={half}")
            words.append(Message("lever.context", full=full, half=half))
    if changes:
        told = words[0] if len(words) == 1 else Message("lever.contexts")
        yield Tried("context", told, None, tuple(overrides), _loosened(prepared, plan, changes))


def _longest(service: Service) -> int:
    return max(one.isl_tokens + one.osl_tokens for one in service.workload)


def one_loss(prepared: Prepared) -> Iterator[Tried]:
    """Try one lost node more or, where losses are survived, none."""
    survive = prepared.problem.limits.survive
    if survive.nodes:
        change, nodes = Message("lever.no-loss"), 0
    else:
        change, nodes = Message("lever.survive"), 1
    yield Tried("survive", change, None, (f"limits.survive.nodes={nodes}",),
                under_limits(prepared, survive=survive.model_copy(update={"nodes": nodes})))


def anywhere(prepared: Prepared) -> Iterator[Tried]:
    """Try all places, where the problem names some."""
    regions = prepared.problem.limits.regions
    if regions.allow:
        problem = with_limits(prepared.problem, regions=regions.model_copy(update={"allow": ()}))
        yield Tried("places", Message("lever.places"), Message("lever.places-remark"), ("limits.regions.allow=[]",),
                    _changed(prepared, problem))


def levers(prepared: Prepared, plan: Plan, settings: SolveSettings) -> tuple[tuple[Lever, ...], int]:
    """Return the levers that change the cost, the largest change first, and how many could not be proven in time.

    The budget is put aside: what a change costs is asked, not whether it may be spent.
    """
    cost = plan.cost.usd_per_month
    if not cost:
        return (), 0
    free = under_limits(prepared, budget=None)
    found, open_ones = [], 0
    for tried in (*eight_bit(free, plan), *lower_speed(free), *half_context(free, plan), *one_loss(free),
                  *anywhere(free)):
        solution = cheapest(tried.prepared, settings)
        if solution.status not in ("optimal", "infeasible"):
            open_ones += 1
            continue
        usd = monthly_usd(solution)
        change = None if usd is None else usd / cost - 1
        if change is None or abs(change) >= SMALLEST_CHANGE:
            found.append(Lever(name=tried.name, change=tried.change, remark=tried.remark, overrides=tried.overrides,
                               usd_per_month=usd, change_fraction=change))
    ranked = sorted(found, key=lambda one: -abs(one.change_fraction) if one.change_fraction is not None else 1.0)
    return tuple(ranked), open_ones
