"""Random problems by the thousand against oracles that share no code with the formulation, and the second engine.

python -m tests.oracles.campaign COUNT [SEED]     # a line every thousand problems, 1 when anything differs

Each problem is one seed, so that a difference is tried again by its number alone.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from optimizer.formulation import build_case
from optimizer.proof.certificate import Claim, as_text, certificate_of
from optimizer.proof.check import checked
from optimizer.proof.search import prove_bound, prove_infeasible
from optimizer.solve.certify import counts_of
from optimizer.solve.stated import stated, without_needless_most
from optimizer.strategies.found import Effort
from optimizer.strategies.search import search
from tests.oracles import brute_force, hours, routed
from tests.oracles.brute_force import Answer
from tests.oracles.highs import highs_cost
from tests.oracles.instances import Instance, random_instance

RULES = (
    "respect_stock", "keep_budget", "limit_nodes", "hold_nodes", "limit_gpu_types", "choose_engines",
    "survive_node_loss", "survive_provider_loss", "survive_region_loss", "cap_spot_share", "cap_power",
    "pay_contracts")

FEW_PLANS = 400
"""Problems with more plans are left to HiGHS, or drawn again where it does not know a rule."""

MOST_CASES = 300
"""Cases of a proof before the second engine leaves a problem open."""


@dataclass
class Report:
    """What a campaign found."""

    said: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def peak(rng: random.Random) -> Iterator[str]:
    """One peak of one to three services under up to four rules: brute force or HiGHS, and a proof of our own."""
    rules = rng.sample(RULES, rng.choice([0, 1, 1, 2, 2, 3, 4]))
    large = rng.random() < 0.3
    problem = random_instance(
        rng, rules, services=rng.choice([1, 1, 1, 2, 3]), offers=8 if large else 4, demand=60 if large else 8,
        largest=15 if large else 6, price=900 if large else 12)
    few = brute_force.plan_count(problem) <= FEW_PLANS
    expected = brute_force.cheapest(problem) if few else highs_cost(problem)
    for reduced in (True, False):
        found = problem.solve_for_cost(reduced=reduced, enumerated=rng.random() < 0.5)
        if (found.status, found.cost) != (expected.status, expected.cost):
            yield f"{rules}, reduced {reduced}: {found.status} {found.cost}, {expected.status} {expected.cost} expected"
    yield from second(problem, expected, rules)


def second(problem: Instance, expected: Answer, rules: list[str]) -> Iterator[str]:
    """Prove an answer with the second engine, on the program that nothing was left out of."""
    case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), problem.budget)
    program = without_needless_most(stated(case), case)
    if expected.cost == 0:
        return
    found = (prove_infeasible(program, MOST_CASES) if expected.cost is None
             else prove_bound(program, expected.cost, MOST_CASES))
    if found.status == "contradicted":
        yield f"{rules}: the second engine contradicts {expected.status} {expected.cost}"
    elif found.status == "unknown":
        yield "open"
    elif (expected.cost or 0) % 10 == 0:
        counts = None if expected.cost is None else counts_of(case, problem.solve_for_cost())
        told = checked(as_text(certificate_of(program, Claim("random", {}, counts), found)))
        yield "certified" if told.startswith("PROVEN") else f"{rules}: {told}"


def classes(rng: random.Random) -> Iterator[str]:
    """Classes routed apart under up to three rules, contracts and two lost nodes among them: every number of nodes."""
    while True:
        rules = rng.sample(RULES, rng.choice([0, 1, 2, 2, 3]))
        problem = routed.random_routed(
            rng, rules, classes=rng.choice([2, 2, 3]), offers=rng.choice([2, 3]), demand=rng.choice([4, 8]))
        if routed.plan_count(problem) <= FEW_PLANS:
            break
    expected, found = routed.cheapest_routed(problem), problem.solve_for_cost()
    if (found.status, found.cost) != (expected.status, expected.cost):
        yield f"{rules}: {found.status} {found.cost}, {expected.status} {expected.cost} expected"
    survive = problem.limits.survive
    if not (survive.nodes or survive.provider or survive.region):
        yield from second(problem, expected, rules)


def day(rng: random.Random) -> Iterator[str]:
    """A service by the hour, with lost nodes and stock: every roster."""
    rules = rng.sample(["respect_stock", "survive_node_loss"], rng.randint(0, 2))
    question = hours.random_day(rng.randrange(10**9), rules, offers=3)
    expected, found = hours.least_cost(question), search(question, Effort())
    if found.cost != expected or found.status != ("infeasible" if expected is None else "optimal"):
        yield f"{rules}: {found.status} {found.cost}, {expected} expected"


def quarters(rng: random.Random) -> Iterator[str]:
    """A budget plan with nodes owned already, fiscal caps, limits and losses: HiGHS over states of stock."""
    from optimizer.plan.best import best_plan
    from optimizer.solve import SolveSettings, prepare
    from tests.oracles.roadmaps import cheapest, draw, with_highs

    small = rng.random() < 0.5
    asked = draw(rng, quarters=3, offers=3, most=8) if small else draw(rng, services=rng.choice([1, 2]))
    if small:
        asked = replace(asked, limits={})
    years = asked.years()
    if years.problem.limits.max_gpu_types is not None:
        years = years.with_limits(max_gpu_types_in="period")  # the oracle counts types quarter by quarter
    plan = best_plan(prepare(years.loaded, years.catalog), SolveSettings())
    cents = None if plan.roadmap is None else round(plan.roadmap.total_cost_usd * 100)
    expected = {with_highs(asked)} | ({cheapest(asked)} if small else set())
    if expected != {cents} or plan.status != ("infeasible" if cents is None else "optimal"):
        yield f"{plan.status} {cents}, {expected} expected"


KINDS: dict[str, tuple[int, Callable[[random.Random], Iterator[str]]]] = {
    "peak": (55, peak), "classes": (30, classes), "day": (10, day), "quarters": (5, quarters)}
"""Name -> (how many of a hundred, what is tried)."""


def run(count: int, first: int = 0, told: Callable[[str], object] = lambda line: None) -> Report:
    """Try so many problems, seeds from the first on."""
    report, start = Report(), time.monotonic()
    names = [name for name, (weight, _) in KINDS.items() for _ in range(weight)]
    for seed in range(first, first + count):
        rng = random.Random(f"campaign {seed}")
        name = rng.choice(names)
        report.said[name] += 1
        for line in KINDS[name][1](rng):
            if line in ("open", "certified"):
                report.said["left open by the second engine" if line == "open" else line] += 1
            else:
                report.differences.append(f"seed {seed}, {name}: {line}")
                told(report.differences[-1])
        if (seed - first + 1) % 1000 == 0:
            told(f"{seed - first + 1:,} in {time.monotonic() - start:,.0f} s: {dict(report.said)}, "
                 f"{len(report.differences)} differences")
    return report


def main(arguments: list[str]) -> int:
    """Run a campaign."""
    count, first = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    report = run(count, first, lambda line: print(line, flush=True))
    print(f"{count:,} problems: {dict(report.said)}, {len(report.differences)} differences")
    return int(bool(report.differences))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
