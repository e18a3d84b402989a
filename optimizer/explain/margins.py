"""Which requirements bind, what lifting each would save, and what one unit more or less of it is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.costs.priced import stocks_of
from optimizer.demand import demand_key, quantity_of
from optimizer.explain.doctor.of_supply import taken_of
from optimizer.explain.doctor.requirements import Requirement, demand_at, requirements
from optimizer.explain.doctor.search import Bench
from optimizer.schema.problem import NodeCount, Problem
from optimizer.solve import Solution
from optimizer.solve.variants import with_limits, with_service, with_speed
from optimizer.units import exact, usd_per_month

TTFT_STEP_MS = 100.0
E2E_STEP_MS = 1000.0
HEADROOM_STEP = 0.05
PERCENT = Fraction(1, 100)

Step = tuple[str, Problem]
"""What changes by one unit, and the problem with it."""


@dataclass(frozen=True)
class Margin:
    """One requirement, whether it binds, and what a unit of it is worth."""

    key: str
    asks: str
    binds: bool
    """Whether the cheapest plan would cost less without it."""
    usd_per_month_lifted: float | None
    """Cost of the cheapest plan without it; None when a limit left that open."""
    steps: tuple[tuple[str, float | None], ...]
    """(one unit more or less of it, change of the cost in dollars a month; None: no plan then)."""


def _speed_steps(problem: Problem, index: int) -> Iterator[Step]:
    target = problem.services[index].slo.target_tokens_per_s
    yield "1 token/s more", with_speed(problem, index, target + 1)
    if target > 1:
        yield "1 token/s less", with_speed(problem, index, target - 1)


def _slo_step(name: str, words: str, step: float) -> Callable[[Problem, int], Iterator[Step]]:
    def steps(problem: Problem, index: int) -> Iterator[Step]:
        """Yield the limit one step longer."""
        slo = problem.services[index].slo
        longer = slo.model_copy(update={name: getattr(slo, name) + step})
        yield words, with_service(problem, index, slo=longer)

    return steps


def _demand_steps(problem: Problem, index: int) -> Iterator[Step]:
    """Yield a demand of one request more and less, or of a percent where it is a rate or a number of users."""
    service = problem.services[index]
    key, asked = demand_key(service), quantity_of(service)
    by_one = key.path == "demand.peak_concurrency"
    step = key.step if by_one else max(key.step, asked * PERCENT // key.step * key.step)
    words = "1 request" if by_one else "1%" if asked * PERCENT >= key.step else f"{float(step):g} {key.words}"
    yield f"{words} more", demand_at(problem, index, asked + step)
    if asked > step:
        yield f"{words} less", demand_at(problem, index, asked - step)


def _headroom_steps(problem: Problem, index: int) -> Iterator[Step]:
    now = problem.services[index].headroom_fraction
    step = min(HEADROOM_STEP, now)
    left = float(exact(now) - exact(step))
    yield f"{step:g} less", with_service(problem, index, headroom_fraction=left)


def _node_steps(problem: Problem, change: int) -> Iterator[Step]:
    nodes = problem.limits.nodes
    if change > 0 and nodes.max is not None:
        yield "1 node more", with_limits(problem, nodes=NodeCount(min=nodes.min, max=nodes.max + 1))
    if change < 0:
        yield "1 node less", with_limits(problem, nodes=NodeCount(min=nodes.min - 1, max=nodes.max))


def _survive_steps(problem: Problem, _: int) -> Iterator[Step]:
    survive = problem.limits.survive
    yield "1 lost node more", with_limits(problem, survive=survive.model_copy(update={"nodes": survive.nodes + 1}))
    if survive.nodes:
        yield "1 lost node less", with_limits(problem, survive=survive.model_copy(update={"nodes": survive.nodes - 1}))


def _commitment_steps(problem: Problem, _: int) -> Iterator[Step]:
    for name, count in problem.limits.at_least.items():
        fewer = {other: n for other, n in problem.limits.at_least.items() if other != name}
        yield f"1 x {name} less", with_limits(problem, at_least=fewer if count == 1 else {**fewer, name: count - 1})


STEPS: dict[str, Callable[[Problem, int], Iterator[Step]]] = {
    "slo.grade": _speed_steps,
    "slo.tokens_per_s_per_user": _speed_steps,
    "slo.ttft_ms": _slo_step("ttft_ms", "100 ms more", TTFT_STEP_MS),
    "slo.e2e_ms": _slo_step("e2e_ms", "1 s more", E2E_STEP_MS),
    "demand.peak_concurrency": _demand_steps,
    "demand.peak_rps": _demand_steps,
    "demand.daily_active_users": _demand_steps,
    "deadline.requests": _demand_steps,
    "deadline.output_tokens": _demand_steps,
    "headroom_fraction": _headroom_steps,
    "limits.max_gpu_types": lambda problem, _: iter([
        ("1 GPU type more", with_limits(problem, max_gpu_types=(problem.limits.max_gpu_types or 0) + 1))
    ]),
    "limits.nodes.max": lambda problem, _: _node_steps(problem, 1),
    "limits.nodes.min": lambda problem, _: _node_steps(problem, -1),
    "limits.survive": _survive_steps,
    "limits.power_kw": lambda problem, _: iter([
        ("1 kW more", with_limits(problem, power_kw=(problem.limits.power_kw or 0.0) + 1))
    ]),
    "limits.at_least": _commitment_steps,
}
"""By a requirement's key without its service; the others have no unit, and are only lifted."""


def _stock_steps(bench: Bench, solution: Solution) -> Iterator[Step]:
    """Yield one node more of each used offer of which all are taken."""
    stocks, stock = stocks_of(bench.offers), bench.prepared.problem.limits.stock
    for name, count in sorted(taken_of(solution).items()):
        if stocks.get(name) == count:
            changed = with_limits(bench.prepared.problem, stock={**stock, name: count + 1})
            yield f"1 x {name} more in stock", changed


def margins(bench: Bench, solution: Solution) -> Iterator[Margin]:
    """Yield every requirement of a problem that has a plan, those of services first, in the order of its YAML."""
    problem, cost = bench.prepared.problem, solution.cost or 0
    for requirement in requirements(bench.prepared, bench.offers):
        lifted = bench.solved(bench.anew(requirement.lift(problem)))
        found = None if lifted.cost is None else usd_per_month(lifted.cost)
        steps = tuple((words, _change(bench, changed, cost)) for words, changed in _steps(bench, requirement, solution))
        binds = lifted.cost is not None and lifted.cost < cost
        yield Margin(requirement.key, requirement.asks, binds, found, steps)


def _steps(bench: Bench, requirement: Requirement, solution: Solution) -> Iterator[Step]:
    if requirement.key == "limits.stock":
        return _stock_steps(bench, solution)
    name = requirement.key if requirement.service is None else requirement.key.split(".", 2)[2]
    steps = STEPS.get(name)
    return iter(()) if steps is None else steps(bench.prepared.problem, requirement.service or 0)


def _change(bench: Bench, problem: Problem, cost: int) -> float | None:
    """Return how much dearer the cheapest plan of a changed problem is, in dollars a month."""
    found = bench.solved(bench.anew(problem))
    return None if found.cost is None else usd_per_month(found.cost - cost)
