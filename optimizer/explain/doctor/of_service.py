"""The least change of what a service asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from optimizer.candidates.names import resolve_model
from optimizer.demand import demand_key, quantity_of
from optimizer.explain.doctor.requirements import without_speed
from optimizer.explain.doctor.search import Bench, Kept, furthest, least_integer, one_more
from optimizer.frontier.axes import SpeedAxis, TtftAxis, UsersAxis
from optimizer.messages import Message
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared, Solution
from optimizer.solve.variants import with_service, with_ttft
from optimizer.units import exact

HEADROOM_STEP = Fraction(1, 1000)
"""Headroom is relaxed in tenths of a percent."""

LONGEST_MS = 10**9
"""No limit on a whole response is relaxed beyond this: eleven days."""


def speed(bench: Bench, index: int) -> Kept | None:
    """Return the highest speed that some plan keeps."""
    base = bench.anew(without_speed(bench.prepared.problem, index))
    asked = bench.prepared.problem.services[index].slo.target_tokens_per_s
    found = furthest(SpeedAxis(base, index, None), Fraction(0), exact(asked), bench.solved)
    return found and Kept(Message("asks.speed", value=math.floor(found[0] * 100) / 100), float(found[0]), found[1])


def ttft(bench: Bench, index: int) -> Kept | None:
    """Return the shortest TTFT that some plan keeps."""
    asked = bench.prepared.problem.services[index].slo.ttft_ms or 0.0
    base = bench.anew(with_ttft(bench.prepared.problem, index, None))
    longest = Fraction(_longest_ttft_ms(base, index))
    found = furthest(TtftAxis(base, index, None), -longest, -exact(asked), bench.solved)
    return found and Kept(Message("asks.ms", value=math.ceil(-found[0] * 10) / 10), float(-found[0]), found[1])


def _longest_ttft_ms(prepared: Prepared, index: int) -> float:
    """Return a TTFT that no replica exceeds, some more so that it is never itself the limit."""
    found = [
        one.held_ttft_ms(one.limit)
        for (service, _), options in prepared.candidates.options.items()
        if service == index
        for option in options
        for speed in option.replica_speeds()
        for one in speed.classes
    ]
    return max(found, default=0.0) * 1.01 + 1.0


def demand(bench: Bench, index: int) -> Kept | None:
    """Return the largest demand that some plan carries."""
    service = bench.prepared.problem.services[index]
    key, asked = demand_key(service), quantity_of(service)
    found = furthest(UsersAxis(bench.prepared, index, asked), key.step, asked, bench.solved)
    return found and Kept(Message("asks.demand", value=float(found[0]), unit=key.words), float(found[0]), found[1])


def _fewest_steps(
    bench: Bench, most: int, change: Callable[[int], Problem], words: Callable[[int], tuple[Message, float]]
) -> Kept | None:
    """Take as few steps off as give a plan, at most so many; say what is left."""

    def at(missing: int) -> Solution:
        """Solve with so many steps less."""
        return bench.solved(bench.anew(change(missing)))

    if most < 1 or not at(most).has_plan:
        return None
    missing = least_integer(0, most, lambda steps: at(steps).has_plan)
    return Kept(*words(missing), at(missing))


def headroom(bench: Bench, index: int) -> Kept | None:
    """Return the largest headroom that some plan carries."""
    problem = bench.prepared.problem
    asked = exact(problem.services[index].headroom_fraction)

    def left(missing: int) -> float:
        """Return the headroom with so many steps less."""
        return float(max(Fraction(0), asked - missing * HEADROOM_STEP))

    return _fewest_steps(
        bench,
        math.ceil(asked / HEADROOM_STEP),
        lambda missing: with_service(problem, index, headroom_fraction=left(missing)),
        lambda missing: (Message.quoted(f"{left(missing):g}"), left(missing)),
    )


def context(bench: Bench, index: int) -> Kept | None:
    """Return the longest context that some plan holds, no shorter than ISL + OSL."""
    problem, service = bench.prepared.problem, bench.prepared.problem.services[index]
    tokens = service.full_context_tokens
    longest = max(request.isl_tokens + request.osl_tokens for request in service.workload)
    return _fewest_steps(
        bench,
        tokens - longest,
        lambda missing: with_service(problem, index, context_tokens=tokens - missing),
        lambda missing: (Message("asks.tokens", value=tokens - missing), float(tokens - missing)),
    )


def e2e(bench: Bench, index: int) -> Kept | None:
    """Return the shortest time for a whole response, in whole milliseconds, that some plan keeps."""
    problem, slo = bench.prepared.problem, bench.prepared.problem.services[index].slo

    def at(e2e_ms: int) -> Solution:
        """Solve with another limit."""
        changed = slo.model_copy(update={"e2e_ms": float(e2e_ms)})
        return bench.solved(bench.anew(with_service(problem, index, slo=changed)))

    asked = math.floor(slo.e2e_ms or 0.0)
    long = max(1, 2 * asked)
    while not at(long).has_plan:
        long *= 2
        if long > LONGEST_MS:
            return None
    found = least_integer(asked, long, lambda ms: at(ms).has_plan)
    return Kept(Message("asks.whole-ms", value=found), float(found), at(found))


def precisions(bench: Bench, index: int) -> Kept | None:
    """Return the cheapest precision to add."""
    problem, catalog = bench.prepared.problem, bench.prepared.catalog
    now = problem.services[index].precisions or _native(bench.prepared, index)
    return one_more(
        bench,
        (name for name in catalog.precisions if name not in now),
        lambda name: bench.anew(with_service(problem, index, precisions=(*now, name))),
        lambda: bench.anew(with_service(problem, index, precisions=tuple(catalog.precisions))),
    )


def _native(prepared: Prepared, index: int) -> tuple[str, ...]:
    """Return the precision that a service without a list of its own has."""
    model = resolve_model(prepared.problem.services[index], prepared.catalog, prepared.loaded.own_models)
    return () if model is None else model.own_precisions


def engines(bench: Bench, index: int) -> Kept | None:
    """Return the cheapest engine to add."""
    problem = bench.prepared.problem
    now = problem.services[index].engines or ()
    return one_more(
        bench,
        (name for name in bench.prepared.catalog.engines if name not in now),
        lambda name: bench.anew(with_service(problem, index, engines=(*now, name))),
        lambda: bench.anew(with_service(problem, index, engines=tuple(bench.prepared.catalog.engines))),
    )
