"""The next best structures equal a listing of every plan by brute force: none skipped, none padded, cheapest first."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import product

import pytest

from optimizer.solve import SolveSettings
from optimizer.solve.nearby import other_structures, structure
from tests.oracles import Instance, instance, offer, runs, small_instance
from tests.oracles.brute_force import Nodes, cost_of, enough_of, plan_count, stands, ways_of
from tests.oracles.promises import as_prepared

SETTINGS = SolveSettings()

Structure = frozenset[tuple[str, bool]]


def structure_of(nodes: Nodes) -> Structure:
    """Return the GPU types of a plan, each owned or rented."""
    return frozenset((way.offer.gpu_id, way.offer.kind == "owned") for way, _ in nodes)


def every_plan(problem: Instance) -> Iterator[Nodes]:
    """List every plan that stands."""
    ways = ways_of(problem)
    for counts in product(*(range(enough_of(way, problem) + 1) for way in ways)):
        nodes = tuple((way, count) for way, count in zip(ways, counts, strict=True) if count)
        if stands(nodes, problem):
            yield nodes


def is_padded(nodes: Nodes, problem: Instance) -> bool:
    """Say whether a plan stands without one of its nodes."""
    for position, (way, count) in enumerate(nodes):
        fewer = ((way, count - 1),) if count > 1 else ()
        if stands((*nodes[:position], *fewer, *nodes[position + 1:]), problem):
            return True
    return False


def listing(problem: Instance) -> dict[Structure, int]:
    """Return the cheapest cost of each structure that has a plan of its own."""
    found: dict[Structure, int] = {}
    for nodes in every_plan(problem):
        name, cost = structure_of(nodes), cost_of(nodes, problem)
        if cost < found.get(name, math.inf) and not is_padded(nodes, problem):
            found[name] = cost
    return found


def check(problem: Instance, within: float) -> int:
    """Hold the structures within a fraction of the optimum against the listing; return how many there are."""
    best = problem.solve()
    if not best.has_plan:
        return 0
    assert best.cost is not None
    limit = int(best.cost * (1 + within))
    *found, last = other_structures(as_prepared(problem), best, limit, SETTINGS)
    assert last.status == "infeasible"
    assert all(one.status == "optimal" for one in found)
    expected = {s: c for s, c in listing(problem).items() if c <= limit and s != structure(best)}
    assert {structure(one): one.cost for one in found} == expected
    costs = [one.cost or 0 for one in found]
    assert costs == sorted(costs)
    assert len({structure(one) for one in found}) == len(found)
    return len(found)


RULES = (
    (), ("respect_stock",), ("keep_budget",), ("limit_nodes",), ("hold_nodes",), ("limit_gpu_types",),
    ("choose_engines",), ("survive_node_loss",), ("survive_provider_loss",), ("survive_region_loss",), ("cap_power",),
    ("cap_spot_share",), ("cap_spot_share", "survive_node_loss"), ("pay_contracts",),
    ("respect_stock", "cap_power"), ("limit_nodes", "survive_node_loss"), ("survive_node_loss", "survive_region_loss"),
)


def many(rules: tuple[str, ...], count: int, services: int = 1) -> int:
    """Check some random problems; return how many structures they had."""
    rng, total = random.Random(f"nearby {rules} {services}"), 0
    for _ in range(count):
        problem = small_instance(rng, rules, services=services, demand=7, offers=4, options=1)
        while plan_count(problem) > 1500:
            problem = small_instance(rng, rules, services=services, demand=7, offers=4, options=1)
        total += check(problem, rng.choice([0.1, 0.5, 2.0]))
    return total


@pytest.mark.parametrize("rules", RULES, ids=" ".join)
def test_structures_equal_the_listing(rules: tuple[str, ...]) -> None:
    many(rules, 8)


@pytest.mark.slow
@pytest.mark.parametrize("rules", RULES, ids=" ".join)
@pytest.mark.parametrize("services", [1, 2])
def test_many_structures_equal_the_listing(rules: tuple[str, ...], services: int) -> None:
    assert many(rules, 60 if services == 1 else 20, services) > 0


def test_a_mix_that_a_padded_plan_undercuts_is_still_listed() -> None:
    # demand 6: two ants (3 each) for 10 are best, six bees cost 18. Two ants and a bee cost 13, but the bee could go;
    # an ant and three bees cost 14 and need every node: the plan of its own that mixes both.
    problem = instance([offer("ant", 5, gpu="ant"), offer("bee", 3, gpu="bee")], [runs("ant", 3), runs("bee", 1)], [6])
    best = problem.solve()
    assert (best.cost, structure(best)) == (10, frozenset({("ant", False)}))
    both, bees = frozenset({("ant", False), ("bee", False)}), frozenset({("bee", False)})
    for most, expected in ((13, []), (14, [(14, both)]), (20, [(14, both), (18, bees)])):
        *found, last = other_structures(as_prepared(problem), best, most, SETTINGS)
        assert [(one.cost, structure(one)) for one in found] == expected
        assert last.status == "infeasible"
