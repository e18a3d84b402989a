"""The HTML page: one file, nothing fetched, names as text, the same bytes every time."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from optimizer.reports.charts.frontier_page import build, render, text_width
from optimizer.reports.charts.page import POLICY
from tests.reports.charts_frontiers import mark, shipped_chart, shipped_frontier, tiny

HOSTILE = '</script><script>alert(1)</script><img src="https://evil.example/x"> $x_1$ <b>&'


class Tags(HTMLParser):
    """Collect the tags of a page and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self.inside == "script" else self.words).append(data)


def figure_of(page: Tags) -> dict[str, object]:
    """Read the figure out of the last script."""
    found = re.search(r"Object\.assign\((\{.*\}), \{config", page.scripts[-1], re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_holds_everything_it_needs() -> None:
    page = Tags(render(shipped_chart("helpdesk-llama3-8b", "speed"), 1200).decode())
    assert [tag for tag, _ in page.tags if tag in ("link", "img", "iframe", "object", "embed", "base")] == []
    assert [names for tag, names in page.tags if "src" in names or "href" in names] == []
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in [names for tag, names in page.tags]
    assert POLICY.startswith("default-src 'none'")
    assert len(page.scripts[0]) > 1_000_000  # the library itself
    assert "@import" not in "".join(page.words)


def test_pointing_at_a_plan_shows_it_whole() -> None:
    chart = shipped_chart("helpdesk-llama3-8b", "speed")
    figure = figure_of(Tags(render(chart, 1200).decode()))
    hovers = [text for trace in figure["data"] for text in trace.get("text", [])]  # type: ignore[attr-defined]
    assert len(hovers) == len(chart.marks)
    (asked,) = [text for text in hovers if "asked" in text]
    frontier, _ = shipped_frontier("helpdesk-llama3-8b", "speed")
    (plan,) = [p.plan for p, mark in zip(frontier.points, chart.marks, strict=True) if mark.asked]
    assert plan.nodes
    for node in plan.nodes:
        assert node.offer_id in asked
    for one in plan.deployments:
        assert f"{one.engine_id} {one.precision}, tensor parallel {one.tp_size}" in asked


def test_names_are_text_and_nothing_else() -> None:
    chart = tiny(
        mark(20, 100, mix=(HOSTILE,), details=(HOSTILE,), picks=("cheapest",)), mark(40, 300), title=HOSTILE,
        subtitle=HOSTILE, notes=(HOSTILE, HOSTILE),
    )
    page = Tags(render(chart, 1200).decode())
    assert [tag for tag, _ in page.tags].count("script") == 2  # the library and the figure
    assert "img" not in [tag for tag, _ in page.tags]
    assert page.words.count(HOSTILE) == 1 + 1 + 2  # title, heading and both notes
    (hover, *_) = [text for trace in figure_of(page)["data"] for text in trace.get("text", [])]  # type: ignore[attr-defined]
    assert "&lt;/script&gt;" in hover
    assert "<script" not in hover


def test_the_same_frontier_gives_the_same_bytes() -> None:
    chart = shipped_chart("office-a5000-workstations", "speed")
    assert render(chart, 800) == render(chart, 800)


@pytest.mark.parametrize("axis", ["speed", "losses", "ttft"])
def test_target_budget_and_grades_are_drawn(axis: str) -> None:
    chart = shipped_chart("office-a5000-workstations", axis)  # type: ignore[arg-type]
    figure, shown = build(chart, 1200, 800)
    shapes = [shape.type for shape in figure.layout.shapes]
    assert shapes.count("line") == bool(chart.target) + bool(chart.budget)
    assert ("rect" in shapes) is (axis == "speed")
    assert len(shown.curves) <= len(chart.curves)


def test_wide_characters_are_wide() -> None:
    # 10 px: 0.6 each for two Latin letters, 1 each for two Japanese ones
    assert text_width("ab東京", 10) == 32.0
