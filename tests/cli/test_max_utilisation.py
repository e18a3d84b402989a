"""`limits.max_utilisation_fraction`: no plan prints that its nodes are fuller than it allows."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Run

PROBLEMS = ("campus-daily-users", "documents-by-length", "overnight-summaries", "valley-filling")
OWN_LIMITS = ("--set", "limits.budget=null")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_nodes_are_printed_no_fuller_than_allowed(run: Run, problem: str) -> None:
    most = 0.5
    changed = (problem, "--set", f"limits.max_utilisation_fraction={most}", *OWN_LIMITS)
    plan = json.loads(run("solve", *changed, "--format", "json").out)
    assert plan["status"] == "optimal"
    keys = ("peak_utilisation_fraction", "mean_utilisation_fraction")
    printed = [one[key] for one in plan["services"] for key in keys]
    printed += [one.get("utilisation_fraction") for one in plan["deployments"]]
    found = [value for value in printed if value is not None]
    assert found
    assert max(found) <= most * (1 + 1e-12)


def test_what_is_printed_is_what_is_asked_over_what_is_carried(run: Run) -> None:
    """campus-daily-users at half of each node: 4.2857 requests/s on nodes that carry 9.592 are 45%, not 89%."""
    changed = ("campus-daily-users", "--set", "limits.max_utilisation_fraction=0.5")
    (service,) = json.loads(run("solve", *changed, "--format", "json").out)["services"]
    asked = service["peak_rps"] * (1 + service["headroom_fraction"])
    assert service["peak_utilisation_fraction"] == pytest.approx(asked / service["capacity_rps"], rel=1e-6)
    said = re.search(r"(\d+)% at the peak", run("solve", "--details", *changed).out)
    assert said is not None
    assert int(said[1]) == round(100 * asked / service["capacity_rps"])
