"""Every answer is the optimum: by every choice of a tiny roadmap, by HiGHS over states, and by what must hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.oracles.roadmaps import Question, cheapest, draw, with_highs
from tests.plan.years import Bought, Rented, Years, cents

SEEDS = st.integers(min_value=0, max_value=10**6)


def by_quarter(asked: Question) -> Years:
    """Return a question whose GPU types are counted quarter by quarter, as the oracle does."""
    asked_of = asked.years()
    limited = asked_of.problem.limits.max_gpu_types is not None
    return asked_of.with_limits(max_gpu_types_in="period") if limited else asked_of


def no_dearer(less: int | None, more: int | None) -> bool:
    """Say whether one total is at most another; no plan at all is dearest."""
    return more is None or (less is not None and less <= more)


@pytest.mark.parametrize("seed", range(40))
def test_every_choice_of_a_tiny_roadmap_costs_at_least_as_much(seed: int) -> None:
    asked = replace(draw(random.Random(f"tiny {seed}"), quarters=3, offers=3, most=8), limits={})
    assert cents(asked.years().plan()) == cheapest(asked) == with_highs(asked)


@pytest.mark.parametrize("seed", range(60))
def test_highs_over_states_finds_the_same_total(seed: int) -> None:
    asked = draw(random.Random(f"states {seed}"), services=1 + seed % 3 // 2)
    assert cents(by_quarter(asked).plan()) == with_highs(asked)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000))
def test_highs_over_states_finds_the_same_total_of_many(seed: int) -> None:
    asked = draw(random.Random(f"many {seed}"), services=1 + seed % 2, quarters=7, offers=6)
    assert cents(by_quarter(asked).plan()) == with_highs(asked)


@examples(max_examples=40)
@given(SEEDS, st.integers(min_value=1, max_value=2))
def test_dropping_stays_loses_nothing(seed: int, services: int) -> None:
    asked = draw(random.Random(seed), services=services, quarters=4).years()
    assert cents(asked.plan()) == cents(asked.plan(reduced=False))


def changed(asked: Question, **roadmap: Any) -> Question:
    """Return a question with another roadmap."""
    return replace(asked, roadmap=asked.roadmap | roadmap)


def grown(asked: Question) -> Question:
    factors = tuple(1.3 * float(asked.roadmap.get("demand_factors", (1.0,) * asked.quarters)[q])
                    for q in range(asked.quarters))
    return changed(without_growth(asked), demand_factors=factors)


def without_growth(asked: Question) -> Question:
    told = {key: value for key, value in asked.roadmap.items() if key != "demand_growth_fraction_per_year"}
    return replace(asked, roadmap={"demand_factors": (1.0,) * asked.quarters} | told)


def uncapped(asked: Question) -> Question:
    return replace(asked, roadmap={key: value for key, value in asked.roadmap.items() if key != "caps"})


def one_more_there(asked: Question) -> Question:
    """Add a machine that is there already, as free to retire as any."""
    own = next(name for name, one in asked.supply.items() if isinstance(one, Bought))
    there = (*asked.roadmap.get("owned_already", ()), {"offer_id": f"{own}.here", "count": 1, "bought": "2026-07-01"})
    return changed(asked, owned_already=there)


def one_more_offer(asked: Question) -> Question:
    return replace(asked, supply=asked.supply | {"late": Rented(0.5, 5, gpu="g")})


def sooner(asked: Question) -> Question:
    return changed(asked, lead_time_quarters=0)


NEVER_DEARER: dict[str, Callable[[Question], tuple[Question, Question]]] = {
    "less demand": lambda asked: (without_growth(asked), grown(asked)),
    "no caps": lambda asked: (uncapped(asked), changed(asked, caps={
        "capex_per_fiscal_year": 3000.0, "opex_per_fiscal_year": 20_000.0})),
    "one more node there": lambda asked: (one_more_there(asked), asked),
    "one more offer": lambda asked: (one_more_offer(asked), asked),
    "nodes that may be sold": lambda asked: (
        changed(asked, retired_nodes_sold=True), changed(asked, retired_nodes_sold=False)),
    "a value at the end": lambda asked: (changed(asked, end_value="resale"), changed(asked, end_value="none")),
    "cheaper years to come": lambda asked: (
        changed(asked, price_change_fraction_per_year=-0.3), changed(asked, price_change_fraction_per_year=0.0)),
}
"""What helps -> (the question with it, the question without)."""


@pytest.mark.parametrize("name", NEVER_DEARER)
@examples(max_examples=12)
@given(seed=SEEDS)
def test_what_helps_is_never_dearer(name: str, seed: int) -> None:
    asked = replace(draw(random.Random(seed), quarters=4), limits={})
    assume(name != "one more node there" or any(isinstance(one, Bought) for one in asked.supply.values()))
    helped, plain = NEVER_DEARER[name](asked)
    if name == "cheaper years to come":  # what stands at the end is worth less too: not where that counts
        helped, plain = (changed(one, end_value="none", price_change_by_gpu={}) for one in (helped, plain))
    assert no_dearer(cents(helped.years().plan()), cents(plain.years().plan()))


@examples(max_examples=10)
@given(SEEDS)
def test_the_order_of_offers_changes_no_total(seed: int) -> None:
    asked = draw(random.Random(seed), quarters=4)
    renamed = dict(reversed([(name, one) for name, one in asked.supply.items()]))
    assert cents(asked.years().plan()) == cents(replace(asked, supply=renamed).years().plan())


def test_a_time_limit_leaves_a_plan_with_its_gap_or_none() -> None:
    asked = draw(random.Random("long"), quarters=7, offers=6, most=300)
    limited, proven = asked.years().plan(deterministic_limit=1e-6), asked.years().money()
    assert limited.status in ("optimal", "feasible", "unknown")
    if limited.roadmap is not None:
        assert limited.roadmap.bound_usd <= proven.total_cost_usd <= limited.roadmap.total_cost_usd
