"""What the parts of a problem mean together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from optimizer.schema.problem import (
    Assumptions,
    Deadline,
    Demand,
    Limits,
    NodeCount,
    Problem,
    RequestClass,
    Selection,
    Service,
    Slo,
    Survive,
)

ONE = RequestClass(isl_tokens=512, osl_tokens=256)


def service(**facts: Any) -> Service:
    return Service(**{"service_id": "chat", "model": "m", "slo": Slo(grade="C"), "workload": (ONE,),
        "demand": Demand(peak_concurrency=1)} | facts)


@pytest.mark.parametrize(("slo", "target"), [
    (Slo(grade="B"), 30.0), (Slo(tokens_per_s_per_user=25.0), 25.0), (Slo(grade="C", tokens_per_s_per_user=25.0), 25.0),
    (Slo(grade="A", tokens_per_s_per_user=25.0), 70.0), (Slo(), 0.0),
])
def test_the_stricter_of_grade_and_number_holds(slo: Slo, target: float) -> None:
    assert slo.target_tokens_per_s == target


def test_defaults_are_those_of_the_manual() -> None:
    problem = Problem(schema_version=1, name="p", services=(service(),))
    assert problem.services[0].headroom_fraction == 0.2
    assert problem.limits.kinds == ("on_demand", "reserved", "owned")
    assert (problem.limits.max_term_months, problem.limits.horizon_months, problem.limits.evidence) == (12, 12,
        "estimated")
    assert (problem.limits.engine_policy, problem.limits.survive.nodes, problem.limits.speed_confidence) == ("any", 0,
        None)
    assert problem.currency == "USD"


def test_the_context_defaults_to_the_longest_request() -> None:
    mix = (RequestClass(isl_tokens=100, osl_tokens=900, share_fraction=0.5),
        RequestClass(isl_tokens=700, osl_tokens=200, share_fraction=0.5))
    assert service(workload=mix).full_context_tokens == 1000
    assert service(workload=mix, context_tokens=4096).full_context_tokens == 4096
    assert service(workload=mix, context_tokens=1000).full_context_tokens == 1000


@pytest.mark.parametrize(("start", "end", "hours"), [(22.0, 6.0, 8.0), (0.0, 24.0, 24.0), (1.0, 3.5, 2.5),
        (20.0, 44.0, 24.0), (0.0, 48.0, 48.0), (23.5, 0.0, 0.5)])
def test_a_window_may_pass_midnight(start: float, end: float, hours: float) -> None:
    assert Deadline(requests=1.0, start_hour=start, end_hour=end).window_hours == hours


@pytest.mark.parametrize(("start", "end"), [(24.0, 0.0), (6.0, 6.0), (0.0, 1e-9), (-1.0, 3.0), (0.0, 49.0)])
def test_a_window_has_a_length(start: float, end: float) -> None:
    with pytest.raises(ValidationError):
        Deadline(requests=1.0, start_hour=start, end_hour=end)


def test_shares_may_miss_one_by_rounding_only() -> None:
    thirds = tuple(RequestClass(isl_tokens=1, osl_tokens=1, share_fraction=share) for share in (0.3333333, 0.3333333,
        0.3333334))
    assert service(workload=thirds)
    with pytest.raises(ValidationError, match=r"add up to 0\.99"):
        service(workload=(ONE.model_copy(update={"share_fraction": 0.99}),))


def test_a_whole_response_needs_no_speed() -> None:
    assert service(slo=Slo(response="whole", e2e_ms=9000.0)).slo.target_tokens_per_s == 0


@pytest.mark.parametrize(("selection", "name", "reason"), [
    (Selection(), "a", None), (Selection(allow=("a",)), "a", None),
        (Selection(allow=("a",)), "b", "not-allowed"),
    (Selection(forbid=("a",)), "a", "forbidden"), (Selection(allow=("a",), forbid=("a",)), "a", "forbidden"),
])
def test_selections(selection: Selection, name: str, reason: str | None) -> None:
    assert selection.refuses(name) == reason


@pytest.mark.parametrize(("model", "key", "least", "most", "beyond"), [
    (Survive, "nodes", 0, 100, (-1, 101)), (Assumptions, "pue", 1, 5, (0.99, 5.01)),
        (Assumptions, "life_years", 0.1, 100, (0.09, 101)),
    (Limits, "horizon_months", 1, 120, (0, 121)), (Limits, "speed_confidence", 0.5, 0.999, (0.49, 1)),
    (Limits, "power_kw", 0, 1e9, (-0.1, 1e12)), (Assumptions, "residual_fraction", 0, 1, (-0.01, 1.01)),
])
def test_limits_of_one_value(
    model: type[BaseModel], key: str, least: float, most: float, beyond: tuple[float, float]
) -> None:
    for value in (least, most):
        assert getattr(model.model_validate({key: value}), key) == value
    for value in beyond:
        with pytest.raises(ValidationError):
            model.model_validate({key: value})


def test_a_day_has_24_hours_to_be_active_in() -> None:
    users = {"daily_active_users": 1.0, "uses_per_user_per_day": 1.0, "requests_per_use": 1.0, "peak_to_mean": 1.0}
    assert Demand(active_hours=24.0, **users)
    with pytest.raises(ValidationError):
        Demand(active_hours=24.1, **users)


def test_node_counts() -> None:
    assert NodeCount(min=5, max=5)
    assert NodeCount(min=5).max is None
    with pytest.raises(ValidationError, match="at most max = 4"):
        NodeCount(min=5, max=4)


def test_users_stay_below_what_can_be_counted() -> None:
    users = {"uses_per_user_per_day": 1.0, "requests_per_use": 1.0, "active_hours": 1.0, "peak_to_mean": 1.0}
    assert Demand(daily_active_users=9e11, **users)
    with pytest.raises(ValidationError, match="requests/s at the peak"):
        Demand(daily_active_users=9e11, **users | {"active_hours": 1e-5})
    with pytest.raises(ValidationError, match="requests/s at the peak"):
        Demand(daily_active_users=9e11, **users | {"active_hours": 5e-324})
