"""Request classes that share their nodes: what a plan prints of the mix keeps the limits, and limits never help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Run

TTFT_MS = (2500.0, 2000.0, 1200.0, 800.0, 100.0)


def solved(run: Run, problem: str, **slo: float) -> dict[str, Any]:
    changes = [word for key, value in slo.items() for word in ("--set", f"services.0.slo.{key}={value}")]
    result = run("solve", problem, "--set", "services.0.routing=mixed", *changes, "--format", "json")
    assert result.code in (0, 1), result.err
    return dict(json.loads(result.out))


@pytest.mark.parametrize("problem", ["chat-with-documents"])
def test_the_printed_time_to_first_token_keeps_its_limit(run: Run, problem: str) -> None:
    """Version 0.1 was OPTIMAL at 2,395 and 2,607 ms under a limit of 2,000: each class was looked at alone."""
    costs = []
    for limit in TTFT_MS:
        plan = solved(run, problem, ttft_ms=limit)
        assert all(one["ttft_ms"] <= limit for one in plan["deployments"])
        costs.append(plan["cost"]["usd_per_month"] if plan["status"] == "optimal" else float("inf"))
    assert costs == sorted(costs)
    assert len(set(costs)) > 1
