"""Services answered one by one against the plain program, and questions that must not be."""

from __future__ import annotations

import random

import pytest

from optimizer.strategies.answer import answer
from optimizer.strategies.apart import by_services, falls_apart
from optimizer.strategies.found import Effort
from optimizer.strategies.search import search
from tests.oracles.asked import asked_of
from tests.oracles.instances import instance, offer, random_instance, runs

RULES = (
    "respect_stock", "keep_budget", "limit_nodes", "limit_gpu_types", "choose_engines", "cap_power",
    "survive_node_loss", "survive_provider_loss", "survive_region_loss", "cap_spot_share",
)


def check(seed: int) -> str:
    rng = random.Random(f"apart {seed}")
    rules = rng.sample(RULES, rng.randint(0, 3))
    problem = random_instance(rng, rules, services=rng.randint(2, 4), offers=4, demand=12, largest=6)
    question = asked_of(problem, "none").question
    whole = search(question, Effort(), ties=False)
    assert whole.status in ("optimal", "infeasible")
    if not falls_apart(question):
        return "not apart"
    found = by_services(question, Effort(), True, search)
    if found.status == "unknown":  # a shared rule is broken: the bound holds, and the whole program answers
        assert whole.status == "infeasible" or found.bound <= (whole.cost or 0)
    else:
        assert (found.status, found.cost) == (whole.status, whole.cost)
        assert found.bound == (found.cost or 0)
    last = answer(question, Effort())
    assert (last.status, last.cost) == (whole.status, whole.cost)
    return found.status


def test_services_one_by_one_cost_what_the_whole_program_says() -> None:
    ended = [check(seed) for seed in range(60)]
    assert {"optimal", "infeasible", "unknown"} <= set(ended)


@pytest.mark.slow
def test_services_one_by_one_cost_what_the_whole_program_says_often() -> None:
    for seed in range(100, 2_000):
        check(seed)


def test_one_machine_in_stock_is_not_sold_twice() -> None:
    # alone each takes the machine at 10; together one of them takes nodes at 15
    offers = [offer("machine", 10, stock=1), offer("rent", 15)]
    question = asked_of(instance(offers, [runs("small", 4, service=s) for s in range(2)], (4, 4)), "none").question
    assert by_services(question, Effort(), True, search).status == "unknown"
    found = answer(question, Effort())
    assert (found.status, found.cost) == ("optimal", 25)


def test_shared_nodes_and_contracts_are_not_taken_apart() -> None:
    options = [runs("small", 4, service=s) for s in range(2)]
    plain = instance([offer("one", 10)], options, (4, 4))
    assert falls_apart(asked_of(plain, "none").question)
    assert not falls_apart(asked_of(plain, "nodes").question)
    held = instance([offer("one", 10)], options, (4, 4), at_least={"one": 3})
    assert not falls_apart(asked_of(held, "none").question)
