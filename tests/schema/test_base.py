"""The base of every schema type: frozen, strict, closed, finite."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from optimizer.schema.base import GRADE_TOKENS_PER_S, HUGE, SMALLEST, Count, Frozen, Id, Positive, grade_of


class Thing(Frozen):
    """One of each vocabulary."""

    thing_id: Id = "thing"
    count: Count = 1
    size: Positive = 1.0


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Thing().count = 2  # type: ignore[misc]


@pytest.mark.parametrize("facts", [
    {"count": "1"}, {"count": 1.0}, {"count": True}, {"count": 0}, {"count": HUGE}, {"size": "1"}, {"size": True},
        {"size": 0}, {"size": float("nan")},
    {"size": float("inf")}, {"size": SMALLEST / 2}, {"size": float(HUGE)}, {"thing_id": ""}, {"thing_id": "A"},
        {"thing_id": "-a"}, {"thing_id": "a b"},
    {"thing_id": "a\n"}, {"thing_id": "a" * 121}, {"thing_id": "\u8ca0"}, {"other": 1},
])
def test_what_it_refuses(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Thing.model_validate(facts)


@pytest.mark.parametrize("facts", [{"count": HUGE - 1}, {"size": 1}, {"size": SMALLEST}, {"thing_id": "a.b_c-1"},
        {"thing_id": "1"}])
def test_what_it_takes(facts: dict[str, Any]) -> None:
    assert Thing.model_validate(facts)


@pytest.mark.parametrize(("speed", "grade"), [
    (None, None), (0.0, None), (14.999, None), (15.0, "C"), (29.999, "C"), (30.0, "B"), (69.999, "B"), (70.0, "A"),
        (1000.0, "A")])
def test_grades(speed: float | None, grade: str | None) -> None:
    assert grade_of(speed) == grade


def test_grades_are_those_of_the_provisioning_process() -> None:
    assert GRADE_TOKENS_PER_S == {"A": 70.0, "B": 30.0, "C": 15.0}
