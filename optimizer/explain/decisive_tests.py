"""Which measurement would change the plan: estimated speeds that, somewhere within their error bar, move it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optimizer.candidates import Option, Rejections, ReplicaSpeed
from optimizer.explain.whatif import cheapest, faster
from optimizer.solve import Prepared, Solution, SolveSettings
from optimizer.units import usd_per_month


@dataclass(frozen=True)
class DecisiveTest:
    """One estimated speed whose measurement could change the plan."""

    service_id: str
    model: str
    gpu_id: str
    engine_id: str
    precision: str
    tp_size: int
    gpu_count: int
    concurrency: int
    """Requests in flight at which it counts: what the replica is planned with."""
    tokens_per_s_per_user: float
    """As estimated."""
    error_fraction: float
    """Half-width of its error bar."""
    in_plan: bool
    """Whether the plan rests on it (the slow end is tried), or another plan would (the fast end)."""
    usd_per_month_at_end: float | None
    """The cheapest plan with the speed at that end; None: there is none."""


def _at_end(prepared: Prepared, tested: Option, factor: float) -> Prepared:
    """Return the problem with one option so many times as fast, taken in where it was too slow."""
    scaled = faster(tested, factor)
    key = (tested.service, tested.gpu_id)
    others = (o for o in prepared.candidates.options.get(key, ()) if o.order != tested.order)
    options = {**prepared.candidates.options, key: (*others, scaled)}
    return replace(prepared, candidates=replace(prepared.candidates, options=options))


def _planned_with(prepared: Prepared, option: Option) -> int:
    """Return the requests in flight that a replica is planned with: those at its target, or one."""
    target = prepared.candidates.targets()[option.service]
    return max(1, option.speed.sequences(target)) if isinstance(option.speed, ReplicaSpeed) else 1


def _estimated(prepared: Prepared) -> Iterator[tuple[Option, int, float]]:
    """Yield the options whose planned speed is an estimate, with its concurrency and error."""
    live = [option for found in prepared.candidates.options.values() for option in found]
    rejections = prepared.candidates.rejections
    dead = [one.option for one in rejections.dead] if isinstance(rejections, Rejections) else []
    for option in (*live, *dead):
        count = _planned_with(prepared, option)
        if isinstance(option.speed, ReplicaSpeed) and option.speed.evidence(count) == "estimated":
            yield option, count, option.speed.error_fraction(count)


def decisive_tests(prepared: Prepared, solution: Solution, settings: SolveSettings) -> tuple[DecisiveTest, ...]:
    """List the estimates whose bad (in the plan) or good end (outside it) changes the optimum, most decisive first.

    The cost never falls as one replica gets slower, so that the ends of a bar stand for all within it. Options too slow
    for a single request are tried too.
    """
    used = {(c.row.service, c.row.gpu, c.row.candidate.option.order) for c in solution.chosen}
    cost, found = solution.cost or 0, []
    for option, count, error in _estimated(prepared):
        in_plan = (option.service, option.gpu_id, option.order) in used
        factor = 1 / (1 + error) if in_plan else 1 + error
        at_end = cheapest(_at_end(prepared, option, factor), settings)
        if at_end.status == "unknown" or at_end.cost == cost:
            continue
        service = prepared.problem.services[option.service]
        monthly = None if at_end.cost is None else usd_per_month(at_end.cost)
        speed = option.speed.speed(count) if isinstance(option.speed, ReplicaSpeed) else 0.0
        found.append(DecisiveTest(
            service.service_id, service.model, option.gpu_id, option.engine_id, option.precision, option.tp_size,
            option.gpu_count, count, speed, error, in_plan, monthly,
        ))
    base = usd_per_month(cost)

    def weight(test: DecisiveTest) -> tuple[float, str, str]:
        """Order by how much the cost moves; no plan at all comes first."""
        moved = float("inf") if test.usd_per_month_at_end is None else abs(test.usd_per_month_at_end - base)
        return (-moved, test.gpu_id, test.engine_id)

    return tuple(sorted(found, key=weight))
