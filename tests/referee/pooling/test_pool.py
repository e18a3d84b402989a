"""Servers on shared inventories against every number of replicas tried one by one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix_referee.pooling.program import PoolCase, PoolOption
from gpumix_referee.pooling.prove import least_further_cards, solve_dropping, solve_pool
from tests.oracles.pools import every_answer, random_pool

cases = st.builds(random_pool, st.integers(0, 2**32))
many = settings(max_examples=120, deadline=None, derandomize=True)


def desk(stock: int, single: bool = False) -> PoolCase:
    """Two servers of 4, priorities 1 and 2; a card of inventory 0 carries 2 for $3, one of 1 carries 4 for $7."""
    options = tuple(
        option for server in (0, 1)
        for option in (PoolOption(server, 3, 2, 0, 1, 2), PoolOption(server, 7, 4, 1, 1, 1)))
    return PoolCase((4, 4), (0, 0), (1, 2), options, (stock, 1), single)


def test_the_second_server_takes_the_dearer_card_when_the_cheap_ones_run_out() -> None:
    assert solve_pool(desk(4)).cost == 12  # 2 x $3 each
    assert solve_pool(desk(3)).cost == 13  # 2 x $3 and the one card of $7
    found = solve_pool(desk(1))
    assert (found.status, found.replicas) == ("infeasible", ())


def test_what_is_short_is_the_fewest_cards() -> None:
    # one card of inventory 0 and one of inventory 1 carry 2 + 4 of 8: one more card of either is enough
    assert sum(least_further_cards(desk(1)).further) == 1


def test_the_lower_priority_is_dropped_first() -> None:
    found = solve_dropping(desk(1))
    assert (found.served, found.cost) == ((True, False), 7)
    assert solve_dropping(desk(0)).served == (True, False)


@many
@given(case=cases)
def test_least_cost_agrees(case: PoolCase) -> None:
    costs = [cost for cost, further, carried in every_answer(case) if further == 0 and all(carried)]
    found = solve_pool(case)
    assert found.cost == (min(costs) if costs else None)
    assert found.status == ("optimal" if costs else "infeasible")
    assert found.bound == found.cost


@many
@given(case=cases)
def test_fewest_further_cards_agree(case: PoolCase) -> None:
    least = min(further for _, further, carried in every_answer(case) if all(carried))
    assert sum(least_further_cards(case).further) == least


@many
@given(case=cases)
def test_dropping_serves_most_of_the_highest_priority_then_of_the_next(case: PoolCase) -> None:
    def rank(carried: tuple[bool, ...]) -> tuple[int, ...]:
        return tuple(-sum(on for on, p in zip(carried, case.priority, strict=True) if p == level) for level in (1, 2))

    best = min((rank(carried), cost) for cost, further, carried in every_answer(case) if further == 0)
    found = solve_dropping(case)
    assert (rank(found.served), found.cost) == best
