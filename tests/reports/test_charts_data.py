"""What a chart shows, before any library draws it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from optimizer.load import Catalog
from optimizer.reports.charts.curves import MOST_CURVES, nearest_curves, staircase
from optimizer.reports.charts.data import Band
from optimizer.reports.charts.naming import gpu_names, mix_parts
from optimizer.reports.charts.scales import Guide, Scales, scales_of
from optimizer.schema.plan import Node
from tests.reports.charts_frontiers import shipped_chart, shipped_frontier

WIDE_OPEN = Scales(0, 100, 0, 1000, False, False)


def test_the_points_of_the_chart_are_those_of_the_frontier() -> None:
    frontier, _ = shipped_frontier("helpdesk-llama3-8b", "speed")
    chart = shipped_chart("helpdesk-llama3-8b", "speed")
    assert [(m.value, m.cost) for m in chart.marks] == [(p.value, p.usd_per_month) for p in frontier.points]
    assert [(m.low, m.high) for m in chart.marks] == [(p.value_low, p.value_high) for p in frontier.points]
    (asked,) = [m for m in chart.marks if m.asked]
    assert "asked" in asked.picks  # the plan that was asked for, whatever today's prices make it
    (point,) = [p for p in frontier.points if (p.value, p.usd_per_month) == (asked.value, asked.cost)]
    assert len(asked.mix) == len(point.plan.nodes)
    assert (chart.target, chart.budget) == (
        Guide(25.0, "target 25 tokens/s", "target"), Guide(4999.99995, "budget $5,000/month", "budget"))
    assert chart.bands == (Band("C", 15.0, 30.0), Band("B", 30.0, 70.0), Band("A", 70.0, None))
    assert chart.title == "helpdesk-llama3-8b: cost against user speed"


def test_a_measured_point_has_no_error_bar() -> None:
    chart = shipped_chart("measured-only-gpt-oss-120b", "speed")
    assert {m.evidence for m in chart.marks} >= {"measured"}
    assert all(m.low == m.value == m.high for m in chart.marks if m.evidence == "measured")


def test_costs_stand_in_the_currency_of_the_problem() -> None:
    frontier, _ = shipped_frontier("office-a5000-workstations", "speed")
    chart = shipped_chart("office-a5000-workstations", "speed")
    rate = frontier.points[0].plan.cost.fx_rate_per_usd
    assert rate is not None
    assert chart.currency == "JPY"
    assert chart.marks[0].cost == frontier.points[0].usd_per_month * rate
    assert chart.cost_title.startswith(f"cost, JPY/month at {rate:g} JPY a dollar")
    assert chart.budget is not None
    assert chart.budget.text == "budget JPY 200,000/month"


def test_ttft_falls_and_has_no_grades() -> None:
    chart = shipped_chart("office-a5000-workstations", "ttft")
    assert chart.falling
    assert chart.bands == ()
    costs = [m.cost for m in chart.marks]
    assert costs == sorted(costs, reverse=True)
    assert chart.steps[-1][0] == chart.scales.value_high  # a longer TTFT costs no more


def test_small_print_says_evidence_curves_and_sources() -> None:
    chart = shipped_chart("helpdesk-llama3-8b", "speed")
    told = chart.small_print()
    assert told[0] == f"{len(chart.marks)} plans, complete and proven: every other one is slower or costs more."
    assert f"{len(chart.marks)} estimated" in told[1]
    left = chart.curves_found - len(chart.curves)
    assert f"({len(chart.curves)} of {chart.curves_found}; {left} farther off" in told[-2]
    assert "catalog " in told[-1]
    fewer = chart.with_curves({chart.curves[0].name})
    assert f"(1 of {chart.curves_found}; {chart.curves_found - 1} farther off" in fewer.small_print()[-2]


# scales

def test_cost_is_linear_from_zero_within_a_factor_20_and_log_beyond() -> None:
    near = scales_of([(10, 10, 10, 100), (20, 20, 20, 2000)], None, None, False)
    far = scales_of([(10, 10, 10, 100), (20, 20, 20, 2001)], None, None, False)
    assert (near.log_cost, near.cost_low) == (False, 0.0)
    assert far.log_cost
    assert 0 < far.cost_low < 100


def test_far_guides_and_long_bars_do_not_squeeze_the_picture() -> None:
    points = [(10.0, 10.0, 10.0, 100.0), (20.0, 10.0, 90.0, 200.0)]
    scales = scales_of(points, Guide(500, "target"), Guide(900, "budget"), False)
    # the longest bar is cut at 1.5 x 20 = 30; the value axis is 10..30 with 5% of 20 at each end
    assert (scales.value_low, scales.value_high) == (9.0, 31.0)
    assert scales.bars_cut
    assert not scales.holds_value(500)
    assert not scales.holds_cost(900)
    assert scales_of(points, Guide(30, "target"), Guide(300, "budget"), False).holds_cost(300)


def test_one_point_and_a_cost_of_nothing_have_a_picture_too() -> None:
    scales = scales_of([(0, 0, 0, 0)], None, None, True)
    assert scales.value_low < 0 < scales.value_high
    assert scales.cost_low < scales.cost_high


# staircases

def test_a_rising_frontier_costs_what_the_next_stricter_point_costs() -> None:
    line = staircase([(20, 100), (40, 300)], WIDE_OPEN, 10, falling=False)
    assert line == ((10, 100), (20, 100), (20, 300), (40, 300))


def test_a_falling_frontier_costs_what_the_last_stricter_point_costs() -> None:
    line = staircase([(20, 300), (40, 100)], WIDE_OPEN, 100, falling=True)
    assert line == ((20, 300), (40, 300), (40, 100), (100, 100))


def test_a_staircase_is_cut_at_the_upper_edge() -> None:
    low = replace(WIDE_OPEN, cost_high=200)
    assert staircase([(20, 100), (40, 300)], low, 10, falling=False) == ((10, 100), (20, 100), (20, 200))
    assert staircase([(20, 300), (40, 100)], low, 100, falling=True) == ((40, 200), (40, 100), (100, 100))


def test_only_curves_near_the_frontier_stand_behind_it() -> None:
    frontier = [(20.0, 100.0), (40.0, 300.0)]
    found = {
        "the same": frontier, "near": [(20.0, 140.0), (40.0, 900.0)], "far": [(20.0, 160.0), (40.0, 460.0)],
    }
    assert [c.name for c in nearest_curves(found, frontier, WIDE_OPEN, 10, falling=False)] == ["the same", "near"]
    many = {f"gpu {i}": frontier for i in range(9)}
    assert len(nearest_curves(many, frontier, WIDE_OPEN, 10, falling=False)) == MOST_CURVES


# names

def test_every_gpu_has_a_short_name_of_its_own(shipped: Catalog) -> None:
    names = gpu_names(shipped)
    assert len(set(names.values())) == len(shipped.gpus)
    assert names["rtx-5090-32gb"] == "RTX 5090"
    assert (names["v100-pcie-16gb"], names["v100-pcie-32gb"]) == ("V100 PCIe 16GB", "V100 PCIe 32GB")


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"kind": "owned", "region": "on-prem-jp", "gpu_id": "rtx"}, "2 x RTX 5090 (own, JP)"),
        ({"kind": "owned", "region": "大阪", "gpu_id": "rtx"}, "2 x RTX 5090 (own, 大阪)"),
        ({"kind": "on_demand", "provider": "runpod", "gpu_id": "a40", "gpu_count": 8}, "2 x 8xA40 (Runpod)"),
        ({"kind": "reserved", "provider": "gcp", "term_months": 1, "gpu_id": "a40"}, "2 x A40 (GCP, 1 month)"),
        ({"kind": "spot", "provider": "vast", "gpu_id": "new"}, "2 x new (Vast, spot)"),
    ],
)
def test_a_mix_is_written_shortly(node: dict[str, object], text: str) -> None:
    plain = {"gpu_count": 1, "count": 2, "region": "global", "provider": "owned", "term_months": 0}
    made = Node.model_construct(**{**plain, **node})  # type: ignore[arg-type]
    assert mix_parts((made,), {"rtx": "RTX 5090", "a40": "A40"}) == (text,)


def test_alike_nodes_are_counted_together() -> None:
    nodes = [
        Node.model_construct(gpu_count=1, count=count, region=region, provider="aws", term_months=0, kind="on_demand",
                             gpu_id="l4")
        for count, region in ((2, "us-east-1"), (3, "us-west-2"))
    ]
    assert mix_parts(tuple(nodes), {"l4": "L4"}) == ("5 x L4 (AWS)",)


def test_no_library_for_drawing_is_loaded_before_a_chart_is_asked_for() -> None:
    script = (
        "import sys; from optimizer.reports import charts; from optimizer.commands import planning;"
        "print(sorted({'matplotlib', 'plotly', 'pandas', 'PIL'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
