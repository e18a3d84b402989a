"""Stock stated for an owned machine is one stock, wherever the machine may stand."""

from __future__ import annotations

import pytest

from optimizer.errors import InputError
from optimizer.load import load_catalog, load_problem
from optimizer.load.problem import parse_problem
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings, plan_of, prepare, solve

PROBLEM = """
schema_version: 1
name: two-at-most
services:
  - service_id: chat
    model: llama-3-8b-instruct
    slo: {tokens_per_s_per_user: 20}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 60}
    headroom_fraction: 0.0
limits:
  kinds: [owned]
  gpus: {allow: [rtx-a5000-24gb]}
"""


def plan_with(*overrides: str) -> Plan:
    loaded = parse_problem(PROBLEM, "two-at-most.yaml", overrides)
    prepared = prepare(loaded, load_catalog(references={"llama-3-8b-instruct"}))
    return plan_of(prepared, solve(prepared.candidates, prepared.problem.limits, prepared.budget, SolveSettings()))


def of_machine(plan: Plan, machine: str) -> int:
    return sum(node.count for node in plan.nodes if node.offer_id.startswith(machine))


def test_the_sites_of_a_machine_share_its_stock() -> None:
    machines = ("owned-workstation-1x-rtx-a5000", "owned-workstation-2x-rtx-a5000", "owned-workstation-4x-rtx-a5000")
    free = plan_with()
    assert free.status == "optimal"
    bought = next(machine for machine in machines if of_machine(free, machine))
    least = of_machine(free, bought)
    # one fewer than the best plan has, at either site or both together, makes it dearer or other machines join
    limited = plan_with(f"limits.stock={{{bought}: {least - 1}}}")
    assert of_machine(limited, bought) <= least - 1
    assert (limited.cost.usd_per_month or 0) > (free.cost.usd_per_month or 0)


def test_stock_of_one_site_leaves_the_other_alone() -> None:
    free = plan_with()
    offer_id = free.nodes[0].offer_id
    machine, site = offer_id.rsplit(".", 1)
    other = f"{machine}.{'on-prem-us' if site == 'on-prem-jp' else 'on-prem-jp'}"
    moved = plan_with(f"limits.stock={{{offer_id}: 0}}", f"limits.at_least={{{other}: 1}}")
    assert moved.status == "optimal"
    assert all(node.offer_id != offer_id for node in moved.nodes)
    assert any(node.offer_id == other for node in moved.nodes)


def test_a_stated_capacity_for_a_rate_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "capacities.csv").write_text(
        "service_id,offer_id,max_concurrency\ncampus,aws-g5.xlarge-us-east-1-on-demand,50\n", encoding="utf-8")
    loaded = load_problem("campus-daily-users")
    catalog = load_catalog(overlays=[tmp_path], references={"llama-3.1-8b-instruct"})
    with pytest.raises(InputError, match="whose demand is a rate"):
        prepare(loaded, catalog)
