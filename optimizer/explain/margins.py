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
from optimizer.messages import Message
from optimizer.schema.problem import NodeCount, Problem
from optimizer.solve import Solution
from optimizer.solve.variants import with_limits, with_service, with_speed
from optimizer.units import exact, usd_per_month

TTFT_STEP_MS = 100.0
E2E_STEP_MS = 1000.0
HEADROOM_STEP = 0.05
PERCENT = Fraction(1, 100)

Step = tuple[Message, Problem]
"""What changes by one unit, and the problem with it."""


@dataclass(frozen=True)
class Margin:
    """One requirement, whether it binds, and what a unit of it is worth."""

    key: str
    asks: Message
    binds: bool
    """Whether the cheapest plan would cost less without it."""
    usd_per_month_lifted: float | None
    """Cost of the cheapest plan without it; None when a limit left that open."""
    steps: tuple[tuple[Message, float | None], ...]
    """(one unit more or less of it, change of the cost in dollars a month; None: no plan then)."""


def _speed_steps(problem: Problem, index: int) -> Iterator[Step]:
    target = problem.services[index].slo.target_tokens_per_s
    yield Message("step.speed-more"), with_speed(problem, index, target + 1)
    if target > 1:
        yield Message("step.speed-less"), with_speed(problem, index, target - 1)


def _slo_step(name: str, words: str, step: float) -> Callable[[Problem, int], Iterator[Step]]:
    def steps(problem: Problem, index: int) -> Iterator[Step]:
        """Yield the limit one step longer."""
        slo = problem.services[index].slo
        longer = slo.model_copy(update={name: getattr(slo, name) + step})
        yield Message(words), with_service(problem, index, slo=longer)

    return steps


def _demand_steps(problem: Problem, index: int) -> Iterator[Step]:
    """Yield a demand of one request more and less, or of a percent where it is a rate or a number of users."""
    service = problem.services[index]
    key, asked = demand_key(service), quantity_of(service)
    by_one = key.path == "demand.peak_concurrency"
    step = key.step if by_one else max(key.step, asked * PERCENT // key.step * key.step)
    by_percent = asked * PERCENT >= key.step
    words = Message("step.request" if by_one else "step.percent") if by_one or by_percent else Message(
        "asks.demand", value=float(step), unit=key.words)
    yield Message("step.more", what=words), demand_at(problem, index, asked + step)
    if asked > step:
        yield Message("step.less", what=words), demand_at(problem, index, asked - step)


def _headroom_steps(problem: Problem, index: int) -> Iterator[Step]:
    now = problem.services[index].headroom_fraction
    step = min(HEADROOM_STEP, now)
    left = float(exact(now) - exact(step))
    yield Message("step.less", what=f"{step:g}"), with_service(problem, index, headroom_fraction=left)


def _node_steps(problem: Problem, change: int) -> Iterator[Step]:
    nodes = problem.limits.nodes
    if change > 0 and nodes.max is not None:
        yield Message("step.node-more"), with_limits(problem, nodes=NodeCount(min=nodes.min, max=nodes.max + 1))
    if change < 0:
        yield Message("step.node-less"), with_limits(problem, nodes=NodeCount(min=nodes.min - 1, max=nodes.max))


def _survive_steps(problem: Problem, _: int) -> Iterator[Step]:
    survive = problem.limits.survive
    for ident, nodes in (("step.loss-more", survive.nodes + 1), ("step.loss-less", survive.nodes - 1)):
        if nodes >= 0:
            yield Message(ident), with_limits(problem, survive=survive.model_copy(update={"nodes": nodes}))


def _commitment_steps(problem: Problem, _: int) -> Iterator[Step]:
    for name, count in problem.limits.at_least.items():
        fewer = {other: n for other, n in problem.limits.at_least.items() if other != name}
        left = fewer if count == 1 else {**fewer, name: count - 1}
        yield Message("step.offer-less", offer=name), with_limits(problem, at_least=left)


STEPS: dict[str, Callable[[Problem, int], Iterator[Step]]] = {
    "slo.grade": _speed_steps,
    "slo.tokens_per_s_per_user": _speed_steps,
    "slo.ttft_ms": _slo_step("ttft_ms", "step.100-ms", TTFT_STEP_MS),
    "slo.e2e_ms": _slo_step("e2e_ms", "step.1-s", E2E_STEP_MS),
    "demand.peak_concurrency": _demand_steps,
    "demand.peak_rps": _demand_steps,
    "demand.daily_active_users": _demand_steps,
    "deadline.requests": _demand_steps,
    "deadline.output_tokens": _demand_steps,
    "headroom_fraction": _headroom_steps,
    "limits.max_gpu_types": lambda problem, _: iter([
        (Message("step.type-more"), with_limits(problem, max_gpu_types=(problem.limits.max_gpu_types or 0) + 1))
    ]),
    "limits.nodes.max": lambda problem, _: _node_steps(problem, 1),
    "limits.nodes.min": lambda problem, _: _node_steps(problem, -1),
    "limits.survive": _survive_steps,
    "limits.power_kw": lambda problem, _: iter([
        (Message("step.kw-more"), with_limits(problem, power_kw=(problem.limits.power_kw or 0.0) + 1))
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
            yield Message("step.stock-more", offer=name), changed


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
