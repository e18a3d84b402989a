"""A plan in Markdown: whatever an id or a source holds, the table keeps its shape and nothing runs."""

from __future__ import annotations

import re

import pytest

from optimizer.reports.markdown import cell, links, rejections, render, table
from tests.reports.plans import OWNED, PLAN, RENTED, YEN, without_plan


def rows_under(title: str, text: str) -> list[list[str]]:
    """Read the first table below a heading."""
    lines = text.split(f"\n## {title}\n", 1)[1].splitlines()
    found = []
    for line in lines:
        if line.startswith("|"):
            found.append([part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found:
            break
    return found


def test_sections_and_their_rows() -> None:
    text = render(PLAN)
    assert text.startswith("# two-kinds\n")
    assert re.findall(r"^## (.*)$", text, re.M) == ["Nodes", "Services", "Cost", "Beside it", "Sources"]
    nodes = rows_under("Nodes", text)
    assert nodes[2][:3] == ["2", "cloud-big-x1", "1 x big-80gb"]
    assert nodes[2][3:] == ["reserved 12 months, cloud tokyo", "$3,650.00", "list, 2026-08-21"]
    assert nodes[3][-1] == "assumed, 2026-07, $300.00 to $500.00, own overlay"
    assert [row[0] for row in rows_under("Beside it", text)[2:]] == [proposal.name for proposal in PLAN.proposals]
    assert rows_under("Beside it", text)[2][2:4] == ["$5,475.00", "1.37x"]
    assert rows_under("Cost", text)[2:] == [["rent", "$3,650.00"], ["capital", "$350.00"]]


def test_yen_have_a_column() -> None:
    header, _, first, *_ = rows_under("Beside it", render(YEN))
    assert header == ["cheapest plan", "status", "USD/month", "JPY/month", "times the plan", "nodes"]
    assert first[2:5] == ["$5,475.00", "JPY 821,250", "1.37x"]


def test_figures_it_depends_on_are_numbered() -> None:
    assert "1. speed of llama-8b on small-24gb (30.0 tok/s): no plan at its bad end\n2. price of" in render(PLAN)


def test_no_plan_has_reasons_and_no_tables() -> None:
    text = render(without_plan("infeasible", "limits.budget: too small"))
    assert "**INFEASIBLE: proven, no plan keeps every rule**" in text
    assert "- limits.budget: too small" in text
    assert "|" not in text


def test_rejections_are_a_table() -> None:
    assert "| memory | chat: odd-8gb vllm bf16 tp1 | 2 | weights need 15.0 GiB, 7.2 GiB usable |" in rejections(PLAN)


def test_sources_are_links_once_each_and_text_stays_text() -> None:
    assert links(OWNED.source_url) == "<https://example.org/card>, price list of 2026"
    assert links(RENTED.source_url) == "<https://example.org/prices>"
    assert links(None) == "-"
    assert links("https://a.example/<script>") == "https://a.example/&lt;script>"


@pytest.mark.parametrize(("text", "safe"), [
    ("a|b", "a\\|b"), ("<img onerror=x>", "&lt;img onerror=x>"), ("[x](javascript:1)", "\\[x\\](javascript:1)"),
    ("two\nlines", "two lines"), ("`code`", "\\`code\\`"), ("*bold*", "\\*bold\\*"), ("a & b", "a &amp; b"),
    ("back\\slash", "back\\\\slash"),
    ("q4_k_m 40 >= 36", "q4_k_m 40 >= 36"),
])
def test_cells_are_safe(text: str, safe: str) -> None:
    assert cell(text) == safe


def test_a_hostile_model_name_keeps_the_table_in_shape() -> None:
    row = PLAN.deployments[0].model_copy(update={"engine_id": "x | y\n| z <script>"})
    text = render(PLAN.model_copy(update={"deployments": (row,)}))
    assert {len(cells) for cells in rows_under("Services", text)} == {10}
    assert "<script" not in text


def test_table_has_a_line_for_each_row() -> None:
    assert list(table(("a", "b"), [(1, None)])) == ["| a | b |", "|---|---|", "| 1 | None |"]
