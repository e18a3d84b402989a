"""Who is served when not all can be: every choice tried one by one."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.plan.shedding import choose_served
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from tests.oracles.asked import asked_of
from tests.oracles.fleets import brute_cost
from tests.oracles.instances import Instance, instance, offer, random_instance, runs


def best_by_hand(problem: Instance, priority: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """Return (services served by priority, most important first, negated; cost) of the best choice."""
    found = []
    for size in range(1, len(priority) + 1):
        for chosen in itertools.combinations(range(len(priority)), size):
            cost = brute_cost(problem, 3, chosen)
            if cost is not None:
                served = tuple(-sum(priority[i] == level for i in chosen) for level in sorted(set(priority)))
                found.append((served, cost))
    return min(found, default=None)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), losing=st.booleans())
def test_agrees_with_every_choice(seed: int, losing: bool) -> None:
    rng = random.Random(seed)
    made = random_instance(rng, ["respect_stock"], services=3, offers=3, demand=6, largest=4)
    # no more than three nodes of an offer, so that brute force tries all there are
    problem = made.with_offers([replace(one, stock=min(one.stock or 3, 2)) for one in made.candidates.offers])
    if losing:
        problem = problem.with_limits(survive=problem.limits.survive.model_copy(update={"nodes": 1}))
    priority = tuple(rng.randint(1, 2) for _ in range(3))
    question, by_hand = asked_of(problem).question, best_by_hand(problem, priority)
    choice = choose_served(question, priority, Effort())
    if by_hand is None:
        assert choice is None or not choice.served
        return
    assert choice is not None
    assert choice.proven
    served = tuple(-sum(priority[i] == level for i in choice.served) for level in sorted(set(priority)))
    rest = answer(question.without([i for i in range(3) if i not in choice.served]), Effort())
    assert (served, rest.cost) == by_hand


def crowded(sharing: str, priority: tuple[int, ...]) -> tuple[int, ...]:
    """Four GPUs in a node, or in nodes of one; a service asks for 3 of them, two for 2 each, one for 1."""
    offers = [offer("four", 10, gpus=4, stock=1)] if sharing == "nodes" else [offer("one", 10, stock=4)]
    problem = instance(offers, [runs("small", 1, service=s) for s in range(4)], (3, 2, 2, 1))
    choice = choose_served(asked_of(problem, sharing).question, priority, Effort())  # type: ignore[arg-type]
    assert choice is not None
    return choice.served


def test_as_many_as_can_be_of_a_priority_are_served_before_the_next() -> None:
    for sharing in ("nodes", "none"):
        assert crowded(sharing, (1, 1, 1, 2)) == (1, 2)
        assert crowded(sharing, (1, 2, 2, 2)) == (0, 3)


def test_many_priorities_count_the_lowest_alike_and_say_that_it_is_no_proof() -> None:
    problem = instance([offer("one", 10, stock=3)], [runs("small", 1, service=s) for s in range(70)], (1,) * 70)
    choice = choose_served(asked_of(problem, "none").question, list(range(1, 71)), Effort())
    assert choice is not None
    assert not choice.proven
    assert choice.served == (0, 1, 2)
