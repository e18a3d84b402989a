"""Questions answered part by part: by engine or GPU types, or the interactive service before work that may wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, islice

from optimizer.question.program import Known, Row
from optimizer.question.question import Question
from optimizer.question.reduce import reduced
from optimizer.question.rules import program_of
from optimizer.strategies.cp_sat import by_cp_sat
from optimizer.strategies.found import Effort
from optimizer.strategies.lone import applies
from optimizer.strategies.search import Found
from optimizer.strategies.staircase import by_staircase

MOST_PARTS = 40
"""Engines, or choices of GPU types, that are looked at one by one."""

SOON = 1.0
"""CP-SAT's deterministic time for work that may cost nothing more."""


def has_parts(question: Question) -> bool:
    """Say whether one engine, or few GPU types, must do, in few ways, each of which the staircases know."""
    if len(question.periods) < 2 or question.cut_costs:
        return False
    parts = list(islice(_parts(question), MOST_PARTS + 1))
    return 1 < len(parts) <= MOST_PARTS and (applies(parts[0]) or has_work_beside(parts[0]))


def _parts(question: Question) -> Iterator[Question]:
    """Yield a question for each engine that may serve everything, or for each choice of GPU types."""
    if question.engine_policy == "fleet":
        for engine in sorted({way.engine for way in question.ways}):
            ways = tuple(way for way in question.ways if way.engine == engine)
            yield replace(question, ways=ways, engine_policy="any")
        return
    types = sorted({question.supplies[stay.supply].offer.gpu_id for stay in question.stays})
    most = question.max_gpu_types
    for chosen in combinations(types, most) if most is not None and not question.types_by_period else ():
        stays = tuple(stay for stay in question.stays if question.supplies[stay.supply].offer.gpu_id in chosen)
        yield replace(question, stays=stays, max_gpu_types=None)


def by_parts(question: Question, effort: Effort, reduce: bool, solve: Callable[..., Found]) -> Found:
    """Answer a question for each engine, or each choice of GPU types, later ones only as far as they are cheaper.

    Exact, as every plan keeps to one of them, and a plan of one is a plan of the whole.
    """
    parts = list(_parts(question))
    best, bounds = Found("infeasible", question), []
    for place, part in enumerate(parts):
        budget = question.budget if best.cost is None else best.cost - 1
        left = effort.left()
        share = effort if left is None else effort.within(left / (len(parts) - place), float("inf"))
        found = solve(replace(part, budget=budget), share, reduce)
        if found.status != "infeasible":
            bounds.append(found.bound)
        if found.cost is not None or (best.cost is None and found.status == "unknown"):
            best = found
    if best.cost is None:
        return replace(best, bound=min(bounds, default=0))
    bound = min([best.cost, *bounds])
    return replace(best, bound=bound, status="optimal" if bound >= best.cost else "feasible")


def has_work_beside(question: Question) -> bool:
    """Say whether work that may wait stands beside one interactive service that the staircases know."""
    alone = _interactive_alone(question)
    return alone is not None and applies(alone)


def _interactive_alone(question: Question) -> Question | None:
    """Return the one interactive service of a question by itself; None where there is not just one."""
    sync = [service for service in range(question.services) if service not in question.waiting]
    if len(sync) != 1 or not question.works or question.hosted or question.cut_costs:
        return None
    if question.routes(sync[0]):
        return None
    periods = tuple(replace(period, demand=(period.demand[sync[0]],), classes=()) for period in question.periods)
    ways = tuple(replace(way, service=0) for way in question.ways if way.service == sync[0])
    return replace(question, periods=periods, ways=ways, works=(), max_nodes=None, watts=None, max_gpu_types=None)


def beside_work(question: Question, effort: Effort, reduce: bool = True) -> Found:
    """Prove a plan of one interactive service with work that may wait beside it.

    The service alone costs no more than both. Often its nodes have room for the work: then that cost is the optimum,
    and only which nodes serve what is left to find.
    """
    alone = _interactive_alone(question)
    found = Found("unknown", question) if alone is None else by_staircase(alone, effort, reduce)
    if found.status == "infeasible" or found.cost is None:
        return replace(found, question=question)
    question = reduced(question) if reduce else question
    program = program_of(question, Known.of(question))
    program.row(enumerate(program.costs), most=found.cost)
    costs, program.costs = program.costs, [0] * len(program.costs)
    stands = {(found.question.supplies[stay.supply].offer.offer_id, stay.first, stay.last): count
              for stay, count in zip(found.question.stays, found.nodes, strict=True)}
    hint = [stands.get((question.supplies[stay.supply].offer.offer_id, stay.first, stay.last), 0)
            for stay in question.stays]
    same = replace(program, rows=[*program.rows, *(
        Row((column,), (1,), count, count) for column, count in enumerate(hint))])
    counts = by_cp_sat(same, effort.within(float("inf"), SOON), hint)
    if not counts.values:
        counts = by_cp_sat(program, effort.within(float("inf"), SOON), hint)
    if not counts.values:
        return Found("unknown", question, bound=found.cost)
    stays = counts.values[: len(question.stays)]
    uses = {key: counts.values[column] for key, column in program.uses.items() if counts.values[column]}
    cost = sum(price * count for price, count in zip(costs, counts.values, strict=True))
    return Found("optimal" if cost == found.cost else "feasible", question, stays, uses, cost=cost, bound=found.cost,
                 method="staircase")
