"""PNG and SVG: no two labels overlap, names are text and nothing else, the same bytes every time."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import replace
from itertools import combinations

import matplotlib as mpl
import pytest
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox

from optimizer.errors import InputError
from optimizer.frontier.points import AxisName
from optimizer.load import load_problem
from optimizer.load.problem import shipped_problem_names
from optimizer.reports.charts import canvas, look
from optimizer.reports.charts.canvas import house_style, uncovered, width_of, wrapped
from optimizer.reports.charts.data import FrontierChart
from optimizer.reports.charts.frontier_chart import draw, render
from tests.reports.charts_frontiers import mark, shipped_chart, tiny

HOSTILE = "$x_1^2$ <script>alert(1)</script> & \\frac {} %s"
JAPANESE = "推論専用機（東京）"
AXES: tuple[AxisName, ...] = ("speed", "users", "losses", "ttft")


def assert_labels_stand_apart(chart: FrontierChart, width_px: int) -> None:
    """Measure the labels as they are drawn: none meets another, none leaves the axes, every pick and curve has one."""
    with house_style():
        drawn, placed = draw(chart, width_px)
        inside = drawn.figure.axes[0].get_window_extent()
        texts: dict[str, list[Bbox]] = defaultdict(list)
        for text in drawn.figure.texts:
            if text.get_gid():
                texts[str(text.get_gid())].append(text.get_window_extent(drawn.canvas.get_renderer()))
        edges = [text.get_window_extent(drawn.canvas.get_renderer()) for text in drawn.figure.texts]
    boxes = [Bbox.union(found) for found in texts.values()]
    assert len(boxes) == len(placed)
    for box in boxes:
        assert inside.x0 <= box.x0 <= box.x1 <= inside.x1
        assert inside.y0 <= box.y0 <= box.y1 <= inside.y1
    for one, other in combinations(boxes, 2):
        assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1)
    named = {(one.label.value, one.label.cost) for one in placed if one.label.role in ("asked", "pick")}
    assert named == {(m.value, m.cost) for m in chart.marks if m.picks}
    assert len([one for one in placed if one.label.role == "guide"]) == bool(chart.target) + bool(chart.budget)
    for edge in edges:
        assert 0 <= edge.x0 <= edge.x1 <= width_px
        assert edge.y0 >= 0


@pytest.mark.parametrize("width_px", [800, 1600])
@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("helpdesk-llama3-8b", "speed"), ("survive-provider-loss", "speed"),
        pytest.param("three-years-reserved", "speed", marks=pytest.mark.slow),
        ("office-a5000-workstations", "ttft"), ("measured-only-gpt-oss-120b", "users"),
        ("tokyo-cloud-or-own", "losses"),
    ],
)
def test_labels_stand_apart(name: str, axis: AxisName, width_px: int) -> None:
    assert_labels_stand_apart(shipped_chart(name, axis), width_px)


@pytest.mark.slow
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", shipped_problem_names())
def test_labels_stand_apart_on_every_shipped_problem(name: str, axis: AxisName) -> None:
    if len(load_problem(name).problem.services) > 1:
        pytest.skip("two services")
    try:
        chart = shipped_chart(name, axis)
    except InputError:
        pytest.skip("no such promise")
    except IndexError:
        pytest.skip("no plan")
    for width_px in (800, 1600):
        assert_labels_stand_apart(chart, width_px)


def test_a_picture_has_the_width_that_was_asked_for() -> None:
    chart = tiny(mark(20, 100), mark(40, 300))
    for width_px in (600, 1200):
        png = render(chart, "png", width_px)
        assert png.startswith(b"\x89PNG")
        assert struct.unpack(">I", png[16:20]) == (width_px,)
    svg = ET.fromstring(render(chart, "svg", 1200))
    assert svg.get("width") == "900pt"  # 1200 px of 1/96 inch = 900 pt of 1/72


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_frontier_gives_the_same_bytes_without_dates(kind: str) -> None:
    chart = shipped_chart("office-a5000-workstations", "speed")
    first = render(chart, kind, 800)  # type: ignore[arg-type]
    assert first == render(chart, kind, 800)  # type: ignore[arg-type]
    assert b"dc:date" not in first
    assert mpl.__version__.encode() not in first


def test_names_are_drawn_as_they_stand() -> None:
    chart = tiny(mark(20, 100, mix=(HOSTILE,), picks=("cheapest",)), mark(40, 300), title=HOSTILE)
    with house_style():
        drawn, _ = draw(chart, 1200)
    texts = [text for text in drawn.figure.texts if HOSTILE in text.get_text()]
    assert len(texts) == 2  # title and label
    assert not any(text.get_parse_math() for text in drawn.figure.texts)
    svg = render(chart, "svg", 1200)
    assert not [one for one in ET.fromstring(svg).iter() if one.tag.endswith("script")]


def test_japanese_names_have_glyphs() -> None:
    assert look.japanese_font() is not None
    assert uncovered(JAPANESE + "abc") == ""
    assert uncovered("a🦀🦀") == "🦀"
    chart = tiny(mark(20, 100, mix=(JAPANESE,)), title=JAPANESE)
    with house_style():
        drawn, _ = draw(chart, 1200)
        assert not [text for text in drawn.figure.texts if "drawn as a box" in text.get_text()]
        lacking, _ = draw(replace(chart, title="🦀"), 1200)
        (told,) = [text for text in lacking.figure.texts if "drawn as a box" in text.get_text()]
    assert told.get_text().startswith("1 character of the names")


def test_without_the_japanese_font_the_small_print_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas.look, "JAPANESE_PACKAGE", "no_such_package")
    with house_style():
        drawn, _ = draw(tiny(mark(20, 100), title="東京"), 1200)
    assert [text for text in drawn.figure.texts if text.get_text().startswith("2 characters of the names")]


def test_texts_are_measured_as_they_are_drawn() -> None:
    """The pale edge draws a text as an outline: hinting would make the measured one narrower."""
    with house_style():
        text = Text(0, 0, "budget JPY 200,000/month", fontsize=10.32 * 0.75)
        outline, _, _ = text_to_path.get_text_width_height_descent(text.get_text(), text.get_fontproperties(), False)
        assert width_of(text.get_text(), 10.32) == pytest.approx(outline / 0.75, rel=0.01)


def test_long_texts_are_broken_and_nothing_is_lost() -> None:
    with house_style():
        text = "one two three " + "x" * 100
        lines = wrapped(text, 100, 12)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(width_of(line, 12) <= 100 for line in lines)


def test_a_long_name_of_a_problem_stays_in_the_picture() -> None:
    assert_labels_stand_apart(tiny(mark(20, 100, picks=("cheapest",)), mark(40, 300), title="a" * 120), 600)


@pytest.mark.parametrize("falling", [False, True])
def test_hundreds_of_points_and_a_single_one_can_be_drawn(falling: bool) -> None:
    many = [mark(float(i), 100.0 * 1.05 ** (-i if falling else i)) for i in range(1, 300)]
    assert_labels_stand_apart(tiny(*many, falling=falling), 800)
    assert_labels_stand_apart(tiny(mark(5, 10, picks=("cheapest", "asked"), asked=True), target=5, budget=12), 600)
