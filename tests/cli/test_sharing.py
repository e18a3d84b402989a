"""`gpumix solve` on services that share nodes, and `--shed`: what it prints, exit codes, and input that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

TWO = """\
schema_version: 1
name: two-desks
sharing: nodes
services:
  - service_id: chat
    model: llama-8b
    slo: {tokens_per_s_per_user: 25}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 40}
    headroom_fraction: 0.0
  - service_id: mail
    model: llama-8b
    slo: {tokens_per_s_per_user: 25}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 40}
    headroom_fraction: 0.0
    priority: 2
limits: {kinds: [on_demand], gpus: {allow: [big-80gb]}, evidence: interpolated}
"""
"""A GPU carries 64 requests, so that each desk takes one. Single ones cost $2.50/h; a node of two, below, $4.00/h.

Alone each costs 2.5 x 730 = $1,825.00 a month, together on one node 4 x 730 = $2,920.00: half of it each.
"""


@pytest.fixture
def two(tmp_path: Path, desk: Path, small_catalog: Path) -> Path:
    """The problem, and a node of two GPUs in the catalog."""
    with (small_catalog / "offers" / "cloud.csv").open("a", encoding="utf-8") as offers:
        offers.write("cloud-big-x2,cloud,tokyo,big-80gb,2,on_demand,0,4.0,USD,hour,https://example.org/prices,2026-08-21\n")
    path = tmp_path / "two.yaml"
    path.write_text(TWO, encoding="utf-8")
    return path


def document(run: Run, *arguments: str | Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run("solve", *arguments, "--format", "json").out)
    return data


def test_two_services_share_a_node(run: Run, two: Path) -> None:
    data = document(run, two)
    assert (data["status"], data["gap_fraction"]) == ("optimal", 0.0)
    assert data["cost"]["usd_per_month"] == data["bound_usd_per_month"] == pytest.approx(2920.0)
    assert [(node["offer_id"], node["count"]) for node in data["nodes"]] == [("cloud-big-x2", 1)]
    (period,) = data["periods"]
    (layout,) = period["layouts"]
    assert [(one["service_id"], one["replicas"]) for one in layout["replicas"]] == [("chat", 1), ("mail", 1)]
    assert [one["shapley_usd_per_month"] for one in data["shares"]] == [1460.0, 1460.0]
    assert data["saving"]["separate_usd_per_month"] == pytest.approx(3650.0)
    assert data["saving"]["saved_fraction"] == pytest.approx(0.2)


def test_text_fits_80_columns_and_says_what_is_saved(run: Run, two: Path) -> None:
    found = run("solve", "--details", two)
    assert found.code == 0
    lines = found.out.splitlines()
    assert all(len(line) <= 80 or "://" in line for line in lines)
    for told in ("OPTIMAL", "sharing saves", "1 replica of chat on 1 GPU", "Who pays what", "Shapley", "gap 0%"):
        assert told in " ".join(found.out.split())


def test_markdown_has_its_tables(run: Run, two: Path) -> None:
    found = run("solve", "--details", two, "--format", "markdown").out
    for title in ("# two-desks", "## Nodes", "## What nodes hold", "## Services", "## Cost", "## Who pays what"):
        assert title in found


def test_the_same_bytes_each_time_whatever_the_order(run: Run, two: Path) -> None:
    first, second = (run("solve", "--details", two, "--format", "json").out for _ in range(2))
    assert first == second


def test_one_service_shares_with_nobody(run: Run, desk: Path) -> None:
    data = document(run, desk, "--set", "sharing=nodes")
    assert data["cost"]["usd_per_month"] == pytest.approx(1825.0)
    assert [one["proportional_usd_per_month"] for one in data["shares"]] == [1825.0]


SHORT = ("--set", "limits.stock={cloud-big-x1: 1, cloud-big-x2: 0}")


def test_what_is_short_is_named(run: Run, two: Path) -> None:
    found = run("solve", "--details", two, *SHORT)
    assert found.code == 1
    assert "INFEASIBLE" in found.out
    assert "limits.stock: at least 1 more of cloud-big-x1 (has 1)" in found.out


def test_the_budget_that_is_enough_is_named(run: Run, two: Path) -> None:
    found = run("solve", "--details", two, "--set", "limits.budget={amount: 2000, currency: USD, per: month}")
    assert found.code == 1
    assert "limits.budget: $2,000.00/month is too little, $2,920.00 is enough" in " ".join(found.out.split())


def test_shed_serves_by_priority(run: Run, two: Path) -> None:
    found = run("solve", "--details", two, "--shed", *SHORT, "--format", "json")
    data = json.loads(found.out)
    assert found.code == 0
    assert [one["service_id"] for one in data["services"]] == ["chat"]
    assert [(one["service_id"], one["priority"]) for one in data["shed"]] == [("mail", 2)]
    turned = document(run, two, "--shed", *SHORT, "--set", "services.1.priority=1", "--set", "services.0.priority=3")
    assert [one["service_id"] for one in turned["shed"]] == ["chat"]
    assert "cut: mail (priority 2" in run("solve", "--details", two, "--shed", *SHORT).out


def test_shed_cuts_nobody_where_all_are_served(run: Run, two: Path) -> None:
    assert document(run, two, "--shed") == document(run, two)


def test_shed_of_dedicated_nodes_cuts_too_and_the_saved_plan_is_verified(run: Run, two: Path, tmp_path: Path) -> None:
    apart = ("--set", "sharing=none")
    data = document(run, two, "--shed", *SHORT, *apart)
    assert [one["service_id"] for one in data["shed"]] == ["mail"]
    assert data["nodes"][0]["count"] == 1
    assert data["proposals"]
    for sets in (apart, ()):
        saved = tmp_path / "saved.json"
        told = run("solve", "--details", two, "--shed", *SHORT, *sets, "--format", "json").out
        saved.write_text(told, encoding="utf-8")
        assert run("verify", saved, "--problem", two, *SHORT, *sets).code == 0
        lie = json.loads(saved.read_text(encoding="utf-8"))
        lie["shed"][0]["priority"] = 1
        del lie["plan_sha256"]
        saved.write_text(json.dumps(lie), encoding="utf-8")
        assert run("verify", saved, "--problem", two, *SHORT, *sets).code == 6


def test_the_old_command_says_what_to_write_instead(run: Run, two: Path) -> None:
    found = run("fleet", two, "--shed", "--format", "json")
    assert (found.code, found.out) == (2, "")
    assert "gpumix solve PROBLEM --set sharing=nodes" in found.err
    assert len(found.err.splitlines()) == 1


def test_a_service_that_no_node_can_serve_is_cut(run: Run, two: Path) -> None:
    fast = ("--set", "services.1.slo.tokens_per_s_per_user=100000")
    found = run("solve", "--details", two, *fast)
    assert found.code == 1
    assert "mail: no node can serve it" in found.out
    data = document(run, two, "--shed", *fast)
    assert [one["service_id"] for one in data["shed"]] == ["mail"]


def test_nothing_can_be_served(run: Run, two: Path) -> None:
    fast = [part for i in (0, 1) for part in ("--set", f"services.{i}.slo.tokens_per_s_per_user=100000")]
    found = run("solve", "--details", two, "--shed", *fast)
    assert found.code == 1
    assert "not even one service can be served" in found.out


def test_losing_a_node_is_planned_for(run: Run, two: Path) -> None:
    data = document(run, two, "--set", "limits.survive.nodes=1")
    # two GPUs must be left: 1 + 1 + 1 cost 7.50, 2 + 2 cost 8.00
    assert data["cost"]["usd_per_hour"] == pytest.approx(7.5)
    assert [(one["kind"], one["lost"]) for one in data["periods"][0]["losses"]] == [("node", "big-80gb x 1")]
    assert "without big-80gb x 1" in run("solve", "--details", two, "--set", "limits.survive.nodes=1").out


@pytest.mark.parametrize(("arguments", "told"), [
    (("--set", "services.0.priority=0"), "services.0.priority"),
    (("--set", "services.0.priority=1.5"), "services.0.priority"),
    (("--set", "services.0.priority=first"), "services.0.priority"),
    (("--set", "services.0.priority=1000000"), "services.0.priority"),
    (("--set", "services.0.rank=1"), "services.0.rank"),
    (("--set", "services.7.priority=1"), "services.7"),
    (("--set", "services.0.model=nobody"), "services.0.model"),
    (("--time-limit", "0"), "--time-limit"),
    (("--time-limit", "nan"), "--time-limit"),
    (("--deterministic-limit", "-1"), "--deterministic-limit"),
    (("--format", "xml"), "--format"),
    (("--output", "/no/such/folder/fleet.txt"), "--output"),
])
def test_bad_input_is_one_message(run: Run, two: Path, arguments: tuple[str, ...], told: str) -> None:
    found = run("solve", "--details", two, *arguments)
    assert found.code == 2
    assert told in found.err
    assert "Traceback" not in found.err + found.out


def test_a_missing_problem_is_refused(run: Run, two: Path) -> None:
    found = run("solve", "nowhere.yaml")
    assert (found.code, "nowhere.yaml" in found.err) == (2, True)


def test_a_time_limit_gives_what_there_is(run: Run, two: Path) -> None:
    assert run("solve", "--details", two, "--time-limit", "60").code == 0
    found = run("solve", "--details", two, "--deterministic-limit", "1e-9")
    assert found.code in (0, 5)


def test_many_services_go_by_column_generation(run: Run, two: Path) -> None:
    head, _, rest = TWO.partition("services:\n")
    chat, _, tail = rest.partition("  - service_id: mail")
    limits = tail[tail.index("limits:") :]
    text = head + "services:\n" + "".join(chat.replace("chat", f"chat-{i:02d}") for i in range(61)) + limits
    two.write_text(text, encoding="utf-8")
    data = document(run, two)
    # 61 GPUs: 30 nodes of two and a single one, 30 x 4.00 + 2.50 = 122.50 USD/h
    assert data["cost"]["usd_per_hour"] == pytest.approx(122.5)
    assert (data["method"], data["status"]) == ("columns", "optimal")
    assert all(one["shapley_usd_per_month"] is None for one in data["shares"])
    assert sum(round(one["marginal_usd_per_month"] * 100) for one in data["shares"]) == round(122.5 * 730 * 100)
    assert len(data["services"]) == 61
