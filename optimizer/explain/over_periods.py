"""Why a plan of any question is as it is: what each requirement costs, and each GPU type and engine alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.costs import priced_offers
from optimizer.errors import InputError
from optimizer.explain.doctor.requirements import requirements
from optimizer.explain.entering import EngineVerdict, GpuVerdict, commonest_reason, only_engine
from optimizer.explain.margins import Margin
from optimizer.messages import Message
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared, SolveSettings, prepare

MOST_S = 5.0
"""Seconds at most for each what-if where the user sets a limit; else each is solved as the plan was."""


def _alone(prepared: Prepared, settings: SolveSettings) -> float | None:
    """Return the cost of the best plan of a changed problem in dollars a month, None where there is none."""
    if settings.time_limit_s is not None:
        settings = replace(settings, time_limit_s=min(MOST_S, settings.time_limit_s))
    return best_plan(prepared, settings, with_rejections=False).cost.usd_per_month


def margins_of(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Iterator[Margin]:
    """Yield every requirement, whether it binds, and what the cheapest plan without it costs."""
    cost = plan.cost.usd_per_month or 0.0
    for one in requirements(prepared, tuple(priced_offers(prepared.catalog, prepared.problem))):
        try:
            lifted = _alone(prepare(prepared.loaded, prepared.catalog, one.lift(prepared.problem), prepared.shelf),
                            settings)
        except InputError:
            continue  # the question has no sense without it
        yield Margin(one.key, one.asks, lifted is not None and lifted < cost * (1 - 1e-9), lifted, ())


def gpus_of(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Iterator[GpuVerdict]:
    """Yield what became of each GPU type, and what a plan of it alone costs."""
    used = {node.gpu_id for node in plan.nodes}
    fits = {option.gpu_id for found in prepared.candidates.options.values() for option in found}
    fits |= {option.gpu_id for option in prepared.candidates.stated.values()}
    for gpu in sorted(fits | {one.gpu_id for one in prepared.candidates.rejections}):
        if gpu in used:
            yield GpuVerdict(gpu, "in the plan", Message("verdict.part"))
        elif gpu not in fits:
            yield GpuVerdict(gpu, "rejected", commonest_reason(prepared, gpu=gpu))
        else:
            yield GpuVerdict(gpu, "lost", _why_lost(_alone(prepared.only_gpu(gpu), settings), plan))


def _why_lost(usd: float | None, plan: Plan) -> Message:
    if usd is None:
        return Message("verdict.alone-none")
    return Message("verdict.alone", usd=usd, times=usd / max(plan.cost.usd_per_month or 0.0, 1e-6))


def engines_of(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Iterator[EngineVerdict]:
    """Yield what became of each engine, and what a plan of it alone costs."""
    used = {one.engine_id for one in plan.deployments}
    fits = {option.engine_id for found in prepared.candidates.options.values() for option in found}
    fits |= {option.engine_id for option in prepared.candidates.stated.values()}
    rejected = {one.engine_id for one in prepared.candidates.rejections if one.engine_id is not None}
    for engine in sorted(fits | rejected):
        if engine not in fits:
            yield EngineVerdict(engine, "rejected", commonest_reason(prepared, engine=engine))
            continue
        usd = _alone(only_engine(prepared, engine), settings)
        if engine in used:
            yield EngineVerdict(engine, "in the plan", Message("verdict.part"), usd)
        elif usd is not None and abs(usd - (plan.cost.usd_per_month or 0.0)) < 1e-6:
            yield EngineVerdict(engine, "equal", Message("verdict.equal"), usd)
        else:
            yield EngineVerdict(engine, "lost", Message("verdict.none" if usd is None else "verdict.dearer"), usd)
