"""Figures as people read them."""

from __future__ import annotations

import doctest

import pytest

from optimizer.documents import csv_rows
from optimizer.reports import markdown, wording
from tests.reports.plans import CHAT, OWNED, PLAN, RENTED, YEN


@pytest.mark.parametrize("module", [wording, csv_rows, markdown])
def test_examples_in_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(("kind", "said"), [
    ("on_demand", "on demand, cloud tokyo"), ("spot", "spot, cloud tokyo"), ("marketplace", "marketplace, cloud tokyo"),
    ("reserved", "reserved 12 months, cloud tokyo"),
])
def test_how_and_where_a_node_is_rented(kind: str, said: str) -> None:
    assert wording.place_of(RENTED.model_copy(update={"kind": kind})) == said


def test_an_owned_node_has_a_site_and_no_provider() -> None:
    assert wording.place_of(OWNED) == "owned, at on-prem-jp"


@pytest.mark.parametrize(("changes", "said"), [
    ({}, "30.0 tokens/s at the peak, 25 asked: grade B"),
    ({"target_tokens_per_s": 0.0}, "30.0 tokens/s at the peak: grade B"),
    ({"grade": None, "tokens_per_s_per_user": 9.96}, "10.0 tokens/s at the peak, 25 asked: no grade"),
    ({"tokens_per_s_per_user": None}, None),
])
def test_user_speed(changes: dict[str, object], said: str | None) -> None:
    assert wording.user_speed_of(CHAT.model_copy(update=changes)) == said


def test_money_of_another_currency_is_rounded_as_that_currency_is() -> None:
    euro = YEN.cost.model_copy(update={"currency": "EUR", "fx_rate_per_usd": 0.9})
    assert wording.local_amount(YEN.cost, 10.004) == "JPY 1,501"
    assert wording.local_amount(euro, 10.004) == "EUR 9.00"
    assert wording.local_amount(PLAN.cost, 10.0) is None
    assert wording.local_amount(YEN.cost, None) is None


def test_proposals_part_into_conditions_and_single_types() -> None:
    others, single = wording.split_proposals(PLAN.proposals)
    assert [p.name for p in others] == ["measured and interpolated only"]
    assert [p.name for p in single] == ["only big-80gb", "only small-24gb", "only odd-8gb"]
