"""The search over numbers of nodes, and CP-SAT behind it, against every placement tried one by one."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix_referee.cheapest import cheapest_routing
from gpumix_referee.splitting.check import faults_of_routing
from gpumix_referee.splitting.counts import CountSearch, search_counts
from gpumix_referee.splitting.exact_split import exact_split
from gpumix_referee.splitting.near_split import overloaded
from gpumix_referee.splitting.prove import finish_routing
from gpumix_referee.splitting.scaled import Cut, cut_of, opening_cuts, scaled
from gpumix_referee.splitting.split import Traffic
from tests.oracles.splits import (
    carries_two,
    cheapest_sliced,
    cheapest_split_of_two,
    highs_split,
    plain_traffic,
    random_traffic,
)

F = Fraction
many = settings(max_examples=120, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32)


def desk(slices: int | None = None) -> Traffic:
    """Short requests fill 3/2 small nodes or 1/2 big; long ones 1/2 big, and no small. Small $1, big $3."""
    needed = ((F(3, 2), F(1, 2)), (None, F(1, 2)))
    return Traffic(("small", "big"), (F(1), F(3)), ("short", "long"), needed, slices)


def unaided(traffic: Traffic) -> CountSearch:
    """Return a search that has found nothing yet, so that the solver must do everything."""
    search = CountSearch(scaled(traffic), opening_cuts(scaled(traffic)))
    search.upper = search_counts(search.case).upper + 1
    search.steps = search.effort.steps + 1
    return search


@pytest.mark.parametrize("slices", [None, 1, 4])
def test_the_node_that_long_requests_need_has_room_for_the_short_ones(slices: int | None) -> None:
    # one big node: 1/2 + 1/2 = 1, $3; any small node beside it costs more, and without a big one nothing serves long
    found = cheapest_routing(desk(slices))
    assert (found.status, found.nodes, found.usd_per_hour, found.bound) == ("optimal", (0, 1), 3, 3)


def test_a_free_split_fills_the_big_node_and_sends_the_rest_to_small_ones() -> None:
    # long fills 3/4 of a big node; 1/4 of it takes 1/4 of short's 1 node: 3/4 x 4/3 = 1 small node for the rest: $4.
    # whole, short needs 2 small nodes (4/3) or a second big one: $5
    needed = ((F(4, 3), F(1)), (None, F(3, 4)))
    types = (("small", "big"), (F(1), F(3)), ("short", "long"), needed)
    free = cheapest_routing(Traffic(*types))
    assert (free.nodes, free.usd_per_hour, free.shares[0]) == ((1, 1), 4, (F(3, 4), F(1, 4)))
    assert cheapest_routing(Traffic(*types, 4)).usd_per_hour == 4
    whole = cheapest_routing(Traffic(*types, 1))
    assert (whole.nodes, whole.usd_per_hour) == ((2, 1), 5)


def test_a_class_that_no_type_serves_is_infeasible_and_named() -> None:
    traffic = Traffic(("a",), (F(1),), ("short", "long"), ((F(1),), (None,)))
    assert traffic.unserved() == ("long",)
    assert cheapest_routing(traffic).status == "infeasible"


def test_no_traffic_needs_no_nodes() -> None:
    found = cheapest_routing(Traffic(("a", "b"), (F(1), F(2)), (), ()))
    assert (found.status, found.nodes, found.usd_per_hour) == ("optimal", (0, 0), 0)


@pytest.mark.parametrize("slices", [None, 1, 3])
def test_loads_that_fill_nodes_to_the_last_bit_are_not_lost_to_rounding(slices: int | None) -> None:
    # p/q and (q - p)/q of three large primes q: exactly three nodes, though no common denominator has 40 bits
    primes = (1_000_003, 1_000_033, 1_000_037)
    needed = tuple((F(top, q),) for q in primes for top in (1, q - 1))
    traffic = Traffic(("a",), (F(1),), tuple("abcdef"), needed, slices)
    assert not scaled(traffic).exact
    assert cheapest_routing(traffic).nodes == (3,)
    more = Traffic(("a",), (F(1),), tuple("abcdef"), (*needed[:-1], (needed[-1][0] + F(1, 10**15),)), slices)
    assert cheapest_routing(more).nodes == (4,)


@many
@given(seed=seeds, counts=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_the_exact_split_agrees_with_filling_the_better_type_first(seed: int, counts: tuple[int, int]) -> None:
    traffic = random_traffic(seed, sliced=False, types=2, classes=4)
    if traffic.unserved():
        return
    found = exact_split(traffic, counts)
    assert isinstance(found, Cut) != carries_two(traffic, counts)
    if isinstance(found, Cut):
        assert found.short(counts)
    else:
        assert overloaded(traffic, counts, found.shares) == []
        assert all(sum(row) == 1 and min(row) >= 0 for row in found.shares)


@many
@given(seed=seeds)
def test_sliced_agrees_with_every_placement(seed: int) -> None:
    traffic = random_traffic(seed, sliced=True)
    found = cheapest_routing(traffic)
    assert found.usd_per_hour == cheapest_sliced(traffic)
    assert found.status == ("infeasible" if found.usd_per_hour is None else "optimal")


@many
@given(seed=seeds)
def test_a_free_split_over_two_types_agrees_with_every_number_of_nodes(seed: int) -> None:
    traffic = random_traffic(seed, sliced=False, types=2, classes=4)
    assert cheapest_routing(traffic).usd_per_hour == cheapest_split_of_two(traffic)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds, types=st.integers(3, 5), classes=st.integers(2, 9))
def test_a_free_split_over_more_types_agrees_with_highs(seed: int, types: int, classes: int) -> None:
    traffic = plain_traffic(seed, types, classes)
    assert float(cheapest_routing(traffic).usd_per_hour or 0) == pytest.approx(highs_split(traffic), abs=1e-6)


def test_a_time_limit_gives_the_best_so_far_with_its_bound() -> None:
    traffic = plain_traffic(7, types=14, classes=90)
    start = time.monotonic()
    found = cheapest_routing(traffic, time_limit_s=0.3)
    assert time.monotonic() - start < 10
    assert found.status in ("optimal", "feasible")
    assert found.bound is not None
    assert found.usd_per_hour is not None
    assert found.bound <= found.usd_per_hour


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=seeds, sliced=st.booleans())
def test_the_solver_alone_finds_what_the_search_finds(seed: int, sliced: bool) -> None:
    traffic = random_traffic(seed, sliced)
    if not traffic.unserved():
        alone = finish_routing(traffic, unaided(traffic))
        assert faults_of_routing(traffic, alone) == []
        assert (alone.status, alone.usd_per_hour) == ("optimal", cheapest_routing(traffic).usd_per_hour)


@many
@given(seed=seeds)
def test_finer_slices_are_never_dearer_and_a_free_split_is_cheapest(seed: int) -> None:
    traffic = random_traffic(seed, sliced=True)
    if traffic.unserved():
        return
    costs = [
        cheapest_routing(Traffic(traffic.node_types, traffic.usd_per_hour, traffic.classes, traffic.nodes_needed, s))
        .usd_per_hour for s in (1, 2, 4, None)
    ]
    assert costs == sorted(costs, reverse=True)


@many
@given(seed=seeds, weights=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_no_nodes_that_carry_the_traffic_break_a_cut(seed: int, weights: tuple[int, int]) -> None:
    traffic = random_traffic(seed, sliced=False, types=2, classes=4)
    if traffic.unserved():
        return
    case = scaled(traffic)
    for cut in (cut_of(case, weights), *opening_cuts(case)):
        for nodes in ((a, b) for a in range(6) for b in range(6)):
            assert not (cut.short(nodes) and carries_two(traffic, nodes)), (cut, nodes)
