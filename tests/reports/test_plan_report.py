"""What a plan says at the terminal: the answer first, every figure with where it comes from."""

from __future__ import annotations

import re

import pytest

from optimizer.documents.publish import published
from optimizer.messages import voice_of
from optimizer.reports.plan_report import plan_document
from optimizer.reports.terminal import paint, table, wrap
from optimizer.schema.plan import Plan
from tests.reports.plans import CHAT, FAST, OWNED, PLAN, RENTED, YEN, without_plan


def lines_of(plan: Plan) -> list[str]:
    """Render without colour, wrapped lines joined again."""
    return re.sub(r"\x1b\[[0-9;]*m", "", str(published(plan_document(plan), "text", voice_of("en")))).splitlines()


def words_of(plan: Plan) -> str:
    """Render as one run of words, however the lines are broken."""
    return " ".join(" ".join(lines_of(plan)).split())


def test_first_lines_are_name_proof_answer_and_warnings() -> None:
    assert lines_of(PLAN)[:5] == [
        "two-kinds",
        "OPTIMAL: proven, nothing cheaper exists in this catalog",
        "$4,000.00/month for 3 nodes: 2 x cloud-big-x1 + 1 x owned-small-x2.on-prem-jp",
        "! Load-test before you sign.",
        "! The cost depends most on:",
    ]


def test_a_decisive_figure_says_what_its_bad_end_does() -> None:
    assert lines_of(PLAN)[5:8] == [
        "- speed of llama-8b on small-24gb (30.0 tok/s): no plan at its bad end",
        "- price of cloud-big-x1 ($1,825/month): $4,100.00/month at its bad end",
        "- TTFT of llama-8b on big-80gb (1318 ms): the same cost at its bad end",  # a tenth of a cent is no change
    ]


def test_figures_that_move_nothing_are_not_called_decisive() -> None:
    plan = PLAN.model_copy(update={"depends_on": PLAN.depends_on[2:]})
    assert "! The cost depends most on these, though none of them alone moves it:" in lines_of(plan)


def test_nodes_say_each_and_together_and_the_range_of_assumed_prices() -> None:
    lines = lines_of(PLAN)
    start = lines.index("Nodes")
    assert lines[start + 2].split() == ["2", "cloud-big-x1", "$3,650.00"]
    words = words_of(PLAN)
    assert ("1 x big-80gb each, reserved 12 months, cloud tokyo; $3,650.00/month together, $1,825.00 each; list price "
            "of 2026-08-21") in words
    assert ("2 x small-24gb, owned, at on-prem-jp; $350.00/month, $300.00 to $500.00; assumed price of 2026-07, from "
            "your overlay") in words
    sources = " ".join(lines[lines.index("Sources"):])
    assert sources.count("https://example.org/card") == 1  # each source once
    assert "price list of 2026" in sources


def test_the_range_of_several_nodes_is_that_of_all_together() -> None:
    figures = {"count": 2, "usd_per_month": 700.0, "usd_per_month_low": 600.0, "usd_per_month_high": 1000.0}
    pair = OWNED.model_copy(update=figures)
    words = words_of(PLAN.model_copy(update={"nodes": (RENTED, pair)}))
    assert "$700.00/month together, $600.00 to $1,000.00, $350.00 each; assumed price of 2026-07" in words


def test_service_spells_out_demand_capacity_and_speed() -> None:
    words = words_of(PLAN)
    assert "Service chat: llama-8b demand: 100 requests in flight + 10% headroom = 110" in words
    assert "capacity: 2 nodes x 1 GPU x 64 requests + 1 node x 1 replica of 2 GPUs x 10 requests = 138 >= 110" in words
    assert "every user: 30.0 tokens/s at the peak, 25 asked: grade B" in words
    assert "vllm, bf16, tensor parallel 1, 2 replicas, max sequences 64, 90% of the requests" in words
    assert "71.6 tokens/s at 50 in flight, TTFT 1,318 ms: interpolated +-8%" in words
    assert "30.0 tokens/s at 50 in flight: estimated +-43%" in words


def test_a_rate_has_requests_in_flight_on_average_and_hours_of_work() -> None:
    service = CHAT.model_copy(update={
        "peak_rps": 3.0, "gpu_hours_per_day": 6.08, "mean_utilisation_fraction": 0.1267,
        "peak_utilisation_fraction": 0.98})
    words = words_of(PLAN.model_copy(update={"services": (service,)}))
    assert "at 50 in flight on average" in words
    assert "6.1 GPU-hours of work a day; utilisation 13% on average, 98% at the peak" in words


def test_cost_adds_up_on_one_line_and_names_its_bound() -> None:
    lines = lines_of(PLAN)
    assert "  $4,000.00/month, $5.4795/hour (730 hours a month)" in lines
    assert [line.split() for line in lines[lines.index("Cost"):]][3:6] == [
        ["line", "USD/month"], ["rent", "$3,650.00"], ["capital", "(depreciation", "and", "interest)", "$350.00"]]
    assert "  lower bound $4,000.00/month = cost, gap 0%" in lines


@pytest.mark.parametrize(("bound", "gap", "said"), [
    (3000.0, 0.25, "lower bound $3,000.00/month, gap 25.00%"),
    (0.0, 1.0, "no lower bound yet: a longer limit may find cheaper nodes"),
])
def test_a_plan_without_proof_names_its_gap(bound: float, gap: float, said: str) -> None:
    plan = PLAN.model_copy(update={"status": "feasible", "bound_usd_per_month": bound, "gap_fraction": gap})
    assert lines_of(plan)[1] == "FEASIBLE: the limit was reached before the proof"
    assert f"  {said}" in lines_of(plan)


def test_proposals_stand_in_two_groups_with_their_ratio() -> None:
    lines = lines_of(PLAN)
    other = lines.index("Beside it: the cheapest plan under other figures")
    single = lines.index("Beside it: the cheapest plan of each single GPU type")
    assert other < single
    assert lines[other + 2].split() == ["measured", "and", "interpolated", "only", "$5,475.00", "1.37", "x"]
    assert lines[single + 2].split() == ["big-80gb", "$5,475.00", "1.37", "x"]
    assert "  no plan of one type alone: small-24gb" in lines
    assert "  not found within the limit: odd-8gb" in lines  # which is not the same as none


def test_the_proposal_that_is_the_plan_says_so() -> None:
    same = PLAN.proposals[1].model_copy(update={"nodes": PLAN.nodes, "usd_per_month": 4000.0})
    lines = lines_of(PLAN.model_copy(update={"proposals": (same,)}))
    assert ["big-80gb", "(the", "same", "nodes)", "$4,000.00", "1.00", "x"] in [line.split() for line in lines]


def test_yen_stand_beside_dollars() -> None:
    lines = lines_of(YEN)
    assert "  JPY 600,000/month at 150 JPY a dollar (2026-08-21)" in lines
    assert ["big-80gb", "$5,475.00", "821,250", "1.37", "x"] in [line.split() for line in lines]
    assert "\n".join(lines).isascii()


@pytest.mark.parametrize(("status", "reasons", "said"), [
    ("infeasible", ("limits.budget: too small",),
     ["INFEASIBLE: proven, no plan keeps every rule", "- limits.budget: too small"]),
    ("unknown", ("the limit was reached before any plan was found",),
     ["UNKNOWN: the limit was reached before any plan was found"]),
])
def test_no_plan_says_why_once_and_what_was_asked(status: str, reasons: tuple[str, ...], said: list[str]) -> None:
    lines = lines_of(without_plan(status, *reasons))
    assert lines[: 1 + len(said)] == ["two-kinds", *said]
    assert " ".join(" ".join(lines[-2:]).split()).endswith(
        "gpumix 1.2.3, ortools 9.15, problem abababababab, catalog cdcdcdcdcdcd")


def test_rejections_are_grouped_by_step_with_their_reason() -> None:
    plain = str(published(plan_document(PLAN, rejections=True), "text", voice_of("en")))
    words = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", plain).split())
    assert words.index("Rejected by policy") < words.index("Rejected by memory")
    assert "big-80gb 1 kind spot is not among limits.kinds" in words
    assert "weights need 15.0 GiB, 7.2 GiB usable" in words
    assert "Rejected" not in words_of(PLAN)


def test_every_language_says_it() -> None:
    said = str(published(plan_document(PLAN), "text", voice_of("ja")))
    assert "最適解：これより安価な構成が本カタログに存在しないことを証明済み" in said
    assert "ノード3台" in said


def test_wrapping_keeps_counts_and_comparisons_together() -> None:
    text = " + ".join(f"{count} x offer-{count:03}" for count in range(1, 30)) + " >= 40"
    lines = wrap(text, "    ", "- ")
    assert lines[0].startswith("- 1 x offer-001")
    assert all(len(line) <= 80 for line in lines)
    assert all(not re.search(r"(^\s*x |\bx$|>=$)", line) for line in lines)
    assert " ".join(line.strip() for line in lines) == f"- {text}"


def test_an_address_stays_whole_on_its_own_line() -> None:
    address = "https://example.org/" + "a" * 90
    assert wrap(f"see {address} for more")[1].strip() == address


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([("a", "10"), ("bcd", "5")], right=(1,)) == ["  a    10", "  bcd   5"]


def test_nothing_is_painted_as_nothing() -> None:
    assert paint("", "\x1b[1m") == ""


def test_the_plan_by_hand_is_consistent() -> None:
    """The figures above add up, so that the expectations here are those of a real plan."""
    assert RENTED.usd_per_month + OWNED.usd_per_month == PLAN.cost.usd_per_month == sum(PLAN.cost.breakdown.values())
    assert FAST.replicas * 64 + 10 == CHAT.capacity_concurrency
