"""A saved plan against other prices, speeds, rules and demands, on a catalog of round numbers.

Desk: 40 readers at 25 tokens/s on demand. cloud-big-x1 (2.50 USD/h) carries 64 by its measured curve.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.load import load_catalog, load_problem
from optimizer.load.plan import read_plan
from optimizer.replay import Replay, replay
from optimizer.solve import SolveSettings
from tests.cli.conftest import Run, desk, no_settings, overlay, run

__all__ = ["desk", "no_settings", "overlay", "run"]

Again = Callable[..., Replay]


@pytest.fixture
def saved(run: Run, desk: Path, tmp_path: Path) -> Path:
    """The plan for the desk: one node of cloud-big-x1 at 2.50 USD/h, 1,825 USD/month."""
    path = tmp_path / "plan.json"
    assert run("solve", desk, "--format", "json", "--output", path).code == 0
    return path


@pytest.fixture
def again(saved: Path, desk: Path, small_catalog: Path) -> Again:
    """How to hold the saved plan against overrides and the files of the catalog as they are now."""

    def make(*overrides: str, max_regret: float = 0.0) -> Replay:
        facts = load_catalog(small_catalog)
        return replay(read_plan(saved), load_problem(str(desk), overrides), facts, SolveSettings(), max_regret)

    return make


OFFERS = "offer_id,provider,region,gpu_id,gpu_count,kind,term_months,price,currency,per,source_url,as_of\n"
BIG = "cloud-big-x1,cloud,tokyo,big-80gb,1,on_demand,0,{price},USD,hour,https://example.org/prices,2026-11-01\n"
OTHER = "other-big-x1,other,tokyo,big-80gb,1,on_demand,0,{price},USD,hour,https://example.org/other,2026-11-01\n"
POINTS = ("model_id,precision,gpu_id,gpu_count,tp_size,engine_id,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,"
          "use,source_id,source_url,as_of\n")


def measured(*points: tuple[int, float]) -> str:
    return POINTS + "".join(
        f"llama-8b,bf16,big-80gb,1,1,vllm,512,256,{users},100,{tpot},curve,lab,https://example.org/lab,2026-05\n"
        for users, tpot in points)


def offers_file(small_catalog: Path) -> Path:
    (path,) = (small_catalog / "offers").glob("*.csv")
    return path


def points_file(small_catalog: Path) -> Path:
    (path,) = (small_catalog / "throughput").glob("*.csv")
    return path


def test_nothing_changed(again: Again) -> None:
    found = again()
    assert (found.stands, found.optimal, found.passed, found.regret_percent) == (True, True, True, 0.0)
    assert (found.prices, found.speeds, found.other_inputs) == ((), (), ())
    assert found.usd_per_month_now == found.usd_per_month_then == found.usd_per_month_best == 1825.0


def test_a_dearer_node_is_still_the_cheapest(again: Again, small_catalog: Path) -> None:
    offers_file(small_catalog).write_text(OFFERS + BIG.format(price=3))
    found = again()
    assert found.optimal
    (change,) = found.prices
    assert (change.usd_per_hour_then, change.usd_per_hour_now, change.as_of_now) == (2.5, 3.0, "2026-11-01")
    assert change.change_percent == pytest.approx(20.0)
    assert (found.usd_per_month_then, found.usd_per_month_now) == (1825.0, 2190.0)


@pytest.mark.parametrize(("max_regret", "passed"), [(0.0, False), (24.9, False), (25.0, True), (100.0, True)])
def test_a_cheaper_offer_is_regretted(again: Again, small_catalog: Path, max_regret: float, passed: bool) -> None:
    """2.50 against 2.00 USD/h: the plan costs 25% more than the cheapest."""
    offers_file(small_catalog).write_text(OFFERS + BIG.format(price=2.5) + OTHER.format(price=2))
    found = again(max_regret=max_regret)
    assert found.regret_percent == pytest.approx(25.0)
    assert (found.stands, found.optimal, found.passed) == (True, False, passed)
    assert [node.offer_id for node in found.best.nodes] == ["other-big-x1"]


def test_an_offer_that_is_gone_breaks_the_plan(again: Again, small_catalog: Path) -> None:
    offers_file(small_catalog).write_text(OFFERS + OTHER.format(price=2))
    found = again(max_regret=1000)
    assert not found.passed
    assert found.faults == ("cloud-big-x1 is no offer of the catalog any more",)
    assert (found.usd_per_month_now, found.regret_percent) == (None, None)
    assert found.prices[0].usd_per_hour_now is None


def test_slower_measurements_that_still_suffice_are_said(again: Again, small_catalog: Path) -> None:
    """35 ms at 64 in flight: 40 ms is the limit; at 40 in flight 9 + 24 / 48 x 26 = 22 ms, 45.5 tokens/s."""
    points_file(small_catalog).write_text(measured((1, 7), (16, 9), (64, 35)))
    found = again()
    assert found.optimal
    (change,) = found.speeds
    assert change.tokens_per_s_then == pytest.approx(80.0)
    assert change.tokens_per_s_now == pytest.approx(1000 / 22)


def test_slower_measurements_that_no_longer_suffice_break_the_plan(again: Again, small_catalog: Path) -> None:
    """9 ms at 16, 105 ms at 64: 2 ms for each further one, so 40 ms at 31 in flight: 31 < 40."""
    points_file(small_catalog).write_text(measured((1, 7), (16, 9), (64, 105)))
    found = again(max_regret=1000)
    assert found.faults == ("meet_demand: chat: carries 31, 40 needed",)
    assert (found.passed, found.regret_percent) == (False, None)
    assert found.usd_per_month_best == 3650.0  # two nodes


def test_measurements_that_are_gone_break_the_plan(again: Again, small_catalog: Path) -> None:
    points_file(small_catalog).write_text(POINTS)
    found = again()
    assert len(found.faults) == 1
    assert found.faults[0].startswith("chat on cloud-big-x1: vllm, bf16, tensor parallel 1")


@pytest.mark.parametrize(("override", "fault"), [
    ("limits.budget.amount=1000", "keep_budget: costs 1,825.00 USD a month, 1,000.00 allowed"),
    ("limits.survive.nodes=1", "survive_node_loss:"),
    ("limits.providers.forbid=[cloud]", "policy: cloud-big-x1: cloud is forbidden"),
    ("limits.nodes.min=2", "limit_nodes:"),
    ("limits.stock={cloud-big-x1: 0}", "respect_stock:"),
    ("services.0.demand.peak_concurrency=65", "meet_demand: chat: carries 64, 65 needed"),
])
def test_a_rule_that_no_longer_holds_is_named(again: Again, override: str, fault: str) -> None:
    found = again(override)
    assert len(found.faults) == 1
    assert found.faults[0].startswith(fault)
    assert any(one.startswith("the problem is another one: ") for one in found.other_inputs)


def test_less_demand_leaves_a_plan_that_stands(again: Again) -> None:
    found = again("services.0.demand.peak_concurrency=10")
    assert found.optimal
    assert found.speeds[0].sequences_then == 40
    assert found.speeds[0].sequences_now == 10


def test_a_service_that_came_on_top_is_missed(again: Again) -> None:
    text = ("services=[{service_id: chat, model: llama-8b, slo: {tokens_per_s_per_user: 25}, workload: "
            "[{isl_tokens: 512, osl_tokens: 256}], demand: {peak_concurrency: 4}}, {service_id: more, model: llama-8b, "
            "slo: {tokens_per_s_per_user: 25}, workload: [{isl_tokens: 512, osl_tokens: 256}], "
            "demand: {peak_concurrency: 4}}]")
    assert again(text).faults == ("more is a service of the problem, and the plan serves it nowhere",)


def change(saved: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    data = json.loads(saved.read_text())
    edit(data)
    saved.write_text(json.dumps(data))
    return saved


def test_an_answer_without_a_plan_is_kept_while_there_is_none(run: Run, desk: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    assert run("solve", desk, "--set", "limits.budget.amount=1", "--format", "json", "-o", path).code == 1
    same = run("verify", path, "--problem", desk, "--set", "limits.budget.amount=1")
    assert (same.code, "UNCHANGED" in same.out) == (0, True)
    now = run("verify", path, "--problem", desk)
    assert now.code == 6
    assert "today there is a plan for $1,825.00 a month" in now.out


def test_the_command_exits_by_the_outcome(
    run: Run, desk: Path, saved: Path, overlay: Callable[[str, float], Path], tmp_path: Path
) -> None:
    assert run("verify", saved, "--problem", desk).code == 0
    cheaper = overlay("quotes", 2.0)
    result = run("verify", saved, "--problem", desk, "--overlay", cheaper, "--set", "limits.providers.allow=[]")
    assert result.code == 6
    assert "STANDS, 25.00% dearer" in result.out
    assert run("verify", saved, "--problem", desk, "--overlay", cheaper, "--max-regret", "25").code == 0
    out = tmp_path / "out.json"
    assert run("verify", saved, "--problem", desk, "--overlay", cheaper, "--format", "json", "-o", out).code == 6
    data = json.loads(out.read_text())
    assert (data["stands"], data["optimal"], data["passed"]) == (True, False, False)
    assert data["regret_percent"] == pytest.approx(25.0)
    assert data["best_nodes"][0]["offer_id"] == "quote-big-x1"
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("regret", ["-1", "nan", "inf", "1e9"])
def test_a_regret_that_is_none_is_refused(run: Run, saved: Path, desk: Path, regret: str) -> None:
    result = run("verify", saved, "--problem", desk, "--max-regret", regret)
    assert result.code == 2
    assert "--max-regret" in result.err


def test_the_problem_has_to_be_known(run: Run, saved: Path) -> None:
    result = run("verify", saved)
    assert result.code == 2
    assert "--problem: found nothing" in result.err
    assert "answers desk, which is no shipped problem" in result.err


def test_a_shipped_problem_is_found_by_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plan.json"
    assert run("solve", "chat-with-documents", "--format", "json", "--output", path).code == 0
    result = run("verify", path)
    assert (result.code, "OPTIMAL: the plan stands" in result.out) == (0, True)


def test_names_from_the_file_cannot_paint_the_terminal(run: Run, desk: Path, saved: Path) -> None:
    def edit(data: dict[str, Any]) -> None:
        for one in (*data["nodes"], *data["deployments"]):
            one["offer_id"] = "a\x1b[31m\nb"

    result = run("verify", change(saved, edit), "--problem", desk)
    assert (result.code, result.out) == (2, "")
    assert "found the control character #x1b" in result.err


@pytest.mark.parametrize(("mine", "other", "regret"), [
    (2.5, 2.5, 0.0), (2.5, 2.499999, 100 * (2.5 / 2.499999 - 1)), (2.5, 2.4, 100 * (2.5 / 2.4 - 1)), (2.0, 2.4, 0.0),
    (5.0, 2.5, 100.0),
])
def test_regret_is_the_cost_above_the_cheapest(
    again: Again, small_catalog: Path, mine: float, other: float, regret: float
) -> None:
    offers_file(small_catalog).write_text(OFFERS + BIG.format(price=mine) + OTHER.format(price=other))
    found = again()
    assert found.regret_percent == pytest.approx(regret, rel=1e-6)
    assert found.passed is (regret == 0)


def test_a_contract_is_part_of_the_cost(run: Run, desk: Path, tmp_path: Path) -> None:
    """One node costs 1,825 USD/month; the provider bills 3,000 at least."""
    path, contract = tmp_path / "plan.json", "limits.contracts={cloud: {minimum_usd_per_month: 3000}}"
    assert run("solve", desk, "--set", contract, "--format", "json", "--output", path).code == 0
    assert json.loads(path.read_text())["cost"]["usd_per_month"] == pytest.approx(3000, abs=0.01)
    result = run("verify", path, "--problem", desk, "--set", contract, "--format", "json")
    data = json.loads(result.out)
    assert (result.code, data["optimal"]) == (0, True)
    without = run("verify", path, "--problem", desk, "--format", "json")
    assert json.loads(without.out)["cost"]["usd_per_month_now"] == 1825.0


HOURS = "services.0.demand={hourly_concurrency: [" + ", ".join(["20"] * 12 + ["100"] * 12) + "]}"
"""One node of 64 for half the day, two for the other half: 1.5 nodes x 730 h x 2.50 USD/h = 2,737.50 USD/month."""


@pytest.fixture
def saved_by_the_hour(run: Run, desk: Path, tmp_path: Path) -> Path:
    path = tmp_path / "hours.json"
    assert run("solve", desk, "--set", HOURS, "--format", "json", "--output", path).code == 0
    assert json.loads(path.read_text())["cost"]["usd_per_month"] == 2737.5
    return path


def test_a_plan_by_the_hour_is_priced_by_its_hours(
    run: Run, desk: Path, saved_by_the_hour: Path, small_catalog: Path
) -> None:
    again = ("verify", saved_by_the_hour, "--problem", desk, "--set", HOURS, "--format", "json")
    assert (run(*again).code, json.loads(run(*again).out)["optimal"]) == (0, True)
    offers_file(small_catalog).write_text(OFFERS + BIG.format(price=3) + OTHER.format(price=2.5))
    result = run(*again)
    assert result.code == 6
    data = json.loads(result.out)
    assert data["regret_percent"] == pytest.approx(20.0)
    assert data["cost"]["usd_per_month_now"] == pytest.approx(3285.0)


def test_a_plan_by_the_hour_that_no_longer_carries_its_hours(
    run: Run, desk: Path, saved_by_the_hour: Path, small_catalog: Path
) -> None:
    points_file(small_catalog).write_text(measured((1, 7), (16, 9), (64, 105)))
    result = run("verify", saved_by_the_hour, "--problem", desk, "--set", HOURS, "--max-regret", "1000")
    assert result.code == 6
    assert "replica_promise: cloud-big-x1: 64 requests in flight break the promise" in " ".join(result.out.split())


def test_figures_of_a_plan_by_the_hour_that_changed_are_said(
    run: Run, desk: Path, saved_by_the_hour: Path, small_catalog: Path
) -> None:
    """Nodes by the hour are not run anew: what they say of speeds is held against today's measurements."""
    again = ("verify", saved_by_the_hour, "--problem", desk, "--set", HOURS)
    assert "Figures" not in run(*again).out
    assert "figures" not in json.loads(run(*again, "--format", "json").out)
    points_file(small_catalog).write_text(measured((1, 7), (16, 9), (64, 25)))
    result = run(*again)
    assert result.code == 0, result.out
    assert "Figures that no longer hold" in result.out
    assert "shown_speeds: cloud-big-x1" in " ".join(result.out.split())
    assert json.loads(run(*again, "--format", "json").out)["figures"]


def test_a_plan_for_one_peak_is_none_for_hours(run: Run, desk: Path, saved: Path, saved_by_the_hour: Path) -> None:
    for path, more in ((saved, ("--set", HOURS)), (saved_by_the_hour, ())):
        result = run("verify", path, "--problem", desk, *more)
        assert result.code == 6
        assert "periods: " in result.out
