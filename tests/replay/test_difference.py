"""Two plans held against each other: every figure that differs, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimizer.load.plan import read_plan
from optimizer.replay import difference
from optimizer.replay.difference import Change
from optimizer.schema.plan import plan_sha256
from tests.cli.conftest import Run, desk, no_settings, run

__all__ = ["desk", "no_settings", "run"]


@pytest.fixture
def plans(run: Run, desk: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Forty readers on one node at 1,825 USD/month, and a hundred on two at 3,650."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    assert run("solve", desk, "--format", "json", "-o", old).code == 0
    more = ("--set", "services.0.demand.peak_concurrency=100")
    assert run("solve", desk, *more, "--format", "json", "-o", new).code == 0
    return old, new


def changes(plans: tuple[Path, Path]) -> dict[str, list[Change]]:
    old, new = map(read_plan, plans)
    return {section.name: list(section.changes) for section in difference(old, new, "a", "b").sections}


def test_a_plan_does_not_differ_from_itself(plans: tuple[Path, Path]) -> None:
    plan = read_plan(plans[0])
    assert difference(plan, plan, "a", "a").same


def test_what_changed_is_named_by_subject_and_figure(plans: tuple[Path, Path]) -> None:
    found = changes(plans)
    assert Change("", "usd_per_month", 1825.0, 3650.0) in found["cost"]
    assert found["nodes"] == [Change("cloud-big-x1", "count", 1, 2)]
    assert "prices" not in found
    assert Change("chat on cloud-big-x1", "replicas", 1, 2) in found["settings"]
    assert Change("chat", "planned_concurrency", 40, 100) in found["services"]
    (demand,) = found["assumptions"]
    assert (demand.old, demand.new) == ("40 requests in flight = 40", "100 requests in flight = 100")
    assert {change.figure for change in found["inputs"]} == {"problem_sha256"}


def test_the_other_way_round_old_and_new_change_places(plans: tuple[Path, Path]) -> None:
    there, back = changes(plans), changes((plans[1], plans[0]))
    swapped = {name: sorted(map(str, (Change(one.subject, one.figure, one.new, one.old) for one in found)))
               for name, found in there.items()}
    assert swapped == {name: sorted(map(str, found)) for name, found in back.items()}


def test_every_leaf_that_differs_is_in_a_section(plans: tuple[Path, Path]) -> None:
    """Money, counts, speeds: each number of the new plan that is not in the old one is shown."""
    old, new = (json.loads(path.read_text()) for path in plans)
    shown = {str(change.new) for found in changes(plans).values() for change in found}
    for part, names in (("cost", ("usd_per_hour", "usd_per_month")), ("nodes", ("count",)),
                        ("deployments", ("replicas", "concurrency_per_replica", "tokens_per_s_per_user", "ttft_ms",
                                         "load_fraction", "capacity_per_node")),
                        ("services", ("peak_concurrency", "capacity_concurrency", "grade"))):
        befores, afters = ([data[part]] if part == "cost" else data[part] for data in (old, new))
        for before, after in zip(befores, afters, strict=True):
            for name in names:
                if before[name] != after[name]:
                    assert str(after[name]) in shown, (part, name)


def test_another_plan_altogether(run: Run, plans: tuple[Path, Path], desk: Path, tmp_path: Path) -> None:
    other = tmp_path / "none.json"
    assert run("solve", desk, "--set", "limits.budget.amount=1", "--format", "json", "-o", other).code == 1
    found = changes((plans[0], other))
    assert Change("", "status", "optimal", "infeasible") in found["outcome"]
    assert Change("cloud-big-x1", "count", 1, None) in found["nodes"]
    assert Change("cloud-big-x1", "usd_per_hour_each", 2.5, None) in found["prices"]
    assert Change("chat", "service", "there", None) in found["services"]
    assert found["reasons"]


def test_plans_by_the_hour_show_what_stands_and_what_is_rented(
    run: Run, plans: tuple[Path, Path], desk: Path, tmp_path: Path
) -> None:
    """100 readers for half the day, 20 for the other: one node stands 730 hours, another is there for 365."""
    hours = tmp_path / "hours.json"
    demand = "services.0.demand={hourly_concurrency: [" + ", ".join(["20"] * 12 + ["100"] * 12) + "]}"
    assert run("solve", desk, "--set", demand, "--format", "json", "-o", hours).code == 0
    found = changes((plans[0], hours))
    assert Change("cloud-big-x1", "node_hours_per_month", None, 1095.0) in found["hours"]
    assert Change("", "timetable", None, "24 hours, 2 slots") in found["outcome"]


def test_the_command_writes_text_json_and_markdown(run: Run, plans: tuple[Path, Path]) -> None:
    text = run("spec", "diff", *plans)
    assert (text.code, text.err) == (0, "")
    words = " ".join(text.out.split())
    assert "usd per month $1,825.00 $3,650.00 +100.0%" in words
    assert "count 1 2 +100.0%" in words
    data = json.loads(run("spec", "diff", *plans, "--format", "json").out)
    assert data["same"] is False
    assert {section["name"] for section in data["sections"]} == set(changes(plans))
    markdown = run("spec", "diff", *plans, "--format", "markdown").out
    assert "| cloud-big-x1 | count | 1 | 2 | +100.0% |" in markdown
    assert run("spec", "diff", plans[0], plans[0]).out.endswith("Nothing changed.\n")


def test_text_of_a_file_is_shown_as_text(run: Run, plans: tuple[Path, Path]) -> None:
    data = json.loads(plans[1].read_text())
    data["warnings"] = ["<script>alert(1)</script> | a"]
    plans[1].write_text(json.dumps({**data, "plan_sha256": plan_sha256(data)}))
    markdown = run("spec", "diff", *plans, "--format", "markdown").out
    assert "<script>" not in markdown
    assert "\\|" in markdown


def test_faults_of_both_files_are_named(run: Run, tmp_path: Path, plans: tuple[Path, Path]) -> None:
    (tmp_path / "a").write_text("{")
    result = run("spec", "diff", tmp_path / "a", tmp_path / "missing")
    assert result.code == 2
    assert "text that JSON cannot read" in result.err
    assert "no such file" in result.err
