"""Splitting request classes over nodes: by hand, against a linear program, and cuts against every number of nodes."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.math_opt.python import mathopt

from optimizer.traffic.class_split import (
    ClassCut,
    Loads,
    Loss,
    TooFew,
    broken,
    class_loads,
    cut_of_prices,
    least_utilisation,
    losses,
    missing_cut,
    opening_cuts,
)

HALF, ONE = Fraction(1, 2), Fraction(1)
seeds = st.integers(0, 2**32)
quick = settings(max_examples=80, deadline=None, derandomize=True)


def random_loads(seed: int, classes: int = 4, kinds: int = 3) -> tuple[Loads, list[int], random.Random]:
    """Draw what classes fill, some pairs impossible, and some nodes."""
    rng = random.Random(seed)
    loads = tuple(
        tuple(None if rng.random() < 0.2 else Fraction(rng.randint(1, 40), rng.choice([3, 7, 10, 1_000_003]))
              for _ in range(kinds))
        for _ in range(rng.randint(1, classes)))
    return loads, [rng.randint(0, 6) for _ in range(kinds)], rng


def by_linear_program(loads: Loads, counts: list[int]) -> float | None:
    """Return the least utilisation by GLOP, None where a class can run nowhere."""
    model = mathopt.Model()
    z = model.add_variable(lb=0.0)
    used = [i for i, count in enumerate(counts) if count]
    sums = {i: -counts[i] * z for i in used}
    for row in loads:
        shares = {i: model.add_variable(lb=0.0) for i in used if row[i] is not None}
        if not shares:
            return None
        model.add_linear_constraint(sum(shares.values()) == 1.0)
        for i, share in shares.items():
            sums[i] += float(row[i] or 0) * share
    for load in sums.values():
        model.add_linear_constraint(load <= 0.0)
    model.minimize(z)
    return mathopt.solve(model, mathopt.SolverType.GLOP).objective_value()


def test_a_class_goes_where_it_fills_least() -> None:
    # a fills one node of the first kind or three of the second, b the other way round: each to its own, both full
    found = least_utilisation([(ONE, Fraction(3)), (Fraction(3), ONE)], [1, 1])
    assert found.utilisation == 1
    assert found.fits
    assert found.shares == ((1, 0), (0, 1))


def test_one_class_is_split_between_two_kinds() -> None:
    # b only on the first kind, of which it fills half; a fills the rest of it and 3/4 of the second:
    # s / 1 + 1/2 = z, (1 - s) 3 = z -> s = 5/8, z = 9/8: too few nodes
    found = least_utilisation([(ONE, Fraction(3)), (HALF, None)], [1, 1])
    assert found.utilisation == Fraction(9, 8)
    assert found.shares == ((Fraction(5, 8), Fraction(3, 8)), (1, 0))
    assert not found.fits


def test_a_class_that_runs_on_none_of_the_nodes() -> None:
    found = least_utilisation([(ONE, None), (None, ONE)], [0, 2])
    assert found.utilisation is None
    assert not found.fits
    assert found.prices == (1, 0)


@quick
@given(seed=seeds)
def test_the_least_utilisation_is_that_of_a_linear_program(seed: int) -> None:
    loads, counts, _ = random_loads(seed)
    found, expected = least_utilisation(loads, counts), by_linear_program(loads, counts)
    if expected is None or found.utilisation is None:
        assert expected is None
        assert found.utilisation is None
        return
    assert abs(float(found.utilisation) - expected) <= 1e-6 * max(1.0, expected)
    for i, count in enumerate(counts):  # the shares are worth what they say, exactly
        load = sum((row[i] * share[i] for row, share in zip(loads, found.shares, strict=True) if row[i] is not None),
                   start=Fraction(0))  # type: ignore[operator]
        assert load <= found.utilisation * count
    assert all(sum(row) == 1 and min(row) >= 0 for row in found.shares)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds)
def test_cuts_hold_for_all_nodes_that_carry_the_classes_and_missing_ones_rule_the_others_out(seed: int) -> None:
    loads, counts, rng = random_loads(seed, classes=3, kinds=random.Random(seed).choice([2, 2, 3]))
    prices = [rng.randint(1, 9) for _ in counts]
    groups, lose = [[rng.choice("xy") for _ in counts]] if rng.random() < 0.5 else [], rng.choice([0, 0, 1, 2])
    cuts: list[ClassCut | TooFew] = list(opening_cuts(loads, prices, groups, lose))
    for loss in losses(counts, groups, lose):
        cut = missing_cut(loads, loss, counts)
        if cut is not None:
            assert isinstance(cut, TooFew) or broken(cut, counts)
            cuts.append(cut)
    for other in itertools.product(range(9 if len(counts) == 2 else 4), repeat=len(counts)):
        if all(least_utilisation(loads, loss.counts).fits for loss in losses(other, groups, lose)):
            assert not any(
                broken(cut, other) if isinstance(cut, ClassCut)
                else all(a <= b for a, b in zip(other, cut.counts, strict=True))
                for cut in cuts)


def test_losses_are_all_of_them() -> None:
    # two of the first kind and one of the second; any one may go, and all of a provider
    found = list(losses([2, 1, 0], [["acme", "bolt", "core"]], 1))
    assert [loss.counts for loss in found] == [(2, 1, 0), (1, 1, 0), (2, 0, 0), (0, 1, 0), (2, 0, 0)]
    assert [loss.nodes for loss in found] == [0, 1, 1, 0, 0]
    assert found[3].lost == {0}


def test_nodes_that_may_all_be_lost_are_never_enough() -> None:
    loads, loss = [(ONE, ONE)], Loss((0, 0), frozenset({0, 1}))
    cut = missing_cut(loads, loss, [5, 5])
    assert cut == ClassCut((0, 0), 1)
    assert broken(cut, [10**6, 10**6])


def test_a_cut_counts_whole_nodes() -> None:
    # the class fills 5/3 nodes of the first kind or 5/6 of the second: x + 2 y >= 5/3, so x + 2 y >= 2
    cut = cut_of_prices([(Fraction(5, 3), Fraction(5, 6))], [ONE], fine=2)
    assert cut == ClassCut((1, 2), 2)


def test_loads_are_exact() -> None:
    assert class_loads([Fraction(1), Fraction(2)], [(3, 0), (7, 5)]) == (
        (Fraction(1, 3), Fraction(1, 7)), (None, Fraction(2, 5)))
