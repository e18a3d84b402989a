"""Markdown: whatever an id or a source holds, the table keeps its shape and nothing runs."""

from __future__ import annotations

import re

import pytest

from optimizer.documents.publish import published
from optimizer.messages import voice_of
from optimizer.reports.markdown import cell, links, table
from optimizer.reports.plan_report import plan_document
from optimizer.schema.plan import Plan
from tests.reports.plans import OWNED, PLAN, RENTED, YEN, without_plan


def render(plan: Plan) -> str:
    return str(published(plan_document(plan), "markdown", voice_of("en")))


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
    assert "Nodes" in re.findall(r"^## (.*)$", text, re.M)
    assert rows_under("Nodes", text)[2][:3] == ["2", "cloud-big-x1", "\\$3,650.00"]
    assert rows_under("Cost", text)[2:] == [
        ["rent", "\\$3,650.00"], ["capital (depreciation and interest)", "\\$350.00"]]


def test_yen_have_a_column() -> None:
    header, _, first, *_ = rows_under("Beside it: the cheapest plan under other figures", render(YEN))
    assert header[:4] == ["proposal", "USD/month", "JPY/month", "x plan"]
    assert first[1:4] == ["\\$5,475.00", "821,250", "1.37 x"]


def test_no_plan_has_reasons_and_no_tables() -> None:
    text = render(without_plan("infeasible", "limits.budget: too small"))
    assert "> INFEASIBLE: proven, no plan keeps every rule" in text
    assert "- limits.budget: too small" in text
    assert "|" not in text


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


def test_a_hostile_name_keeps_the_table_in_shape() -> None:
    row = PLAN.nodes[0].model_copy(update={"offer_id": "x | y\n| z <script>"})
    text = render(PLAN.model_copy(update={"nodes": (row,)}))
    assert len({len(cells) for cells in rows_under("Nodes", text)}) == 1
    assert "<script" not in text.replace("\\<script", "")


def test_table_has_a_line_for_each_row() -> None:
    assert list(table(("a", "b"), [(1, None)])) == ["| a | b |", "|---|---|", "| 1 | None |"]
