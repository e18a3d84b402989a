"""Which labels a chart of a frontier wants, and where they go: shared by the picture and the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from optimizer.reports.charts import look
from optimizer.reports.charts.data import FrontierChart, Mark
from optimizer.reports.charts.naming import amount, wrapped_mix
from optimizer.reports.charts.placement import Board, Box, Line, Placed, Wanted

Role = Literal["asked", "pick", "point", "curve", "guide"]

PX_PER_LABEL = 110
"""Width of the picture for each label of a point: more labels than that make it hard to read."""

LINE_CHARACTERS = 34
"""A mix is broken into lines of about this length."""

MARK_PX = 7.0
"""Half the width of the free space around a mark."""

MISSING_COST, SHORT_COST = 2000.0, 150.0
"""A pick without a label, and one without its mix, are as bad as leaders so many pixels longer than is free."""

FREE_LEADER_PX: dict[Role, float] = {"asked": 30.0, "pick": 80.0}
"""Leaders up to this are as good as none; what was asked for stands nearest."""

LIMITS: dict[Role, tuple[float, float]] = {"point": (75.0, 1.7), "curve": (50.0, 3.0)}
"""How far a label may stand from what it names, and the weight of lines that it may be written over."""


@dataclass(frozen=True)
class Label:
    """A text with what it names."""

    role: Role
    head: str
    """First line, in bold; may be empty."""
    body: tuple[str, ...]
    value: float
    cost: float
    index: int = -1
    """Of a curve: which one."""


@dataclass(frozen=True)
class PlacedLabel:
    """A label with its box and leader in pixels."""

    label: Label
    placed: Placed


Measure = Callable[[Label], tuple[float, float]]
"""Width and height in pixels of a label as it will be drawn."""

Project = Callable[[float, float], tuple[float, float]]
"""Pixels of a value and cost, y upwards."""


@dataclass(frozen=True)
class Way:
    """One way to place the picks."""

    order: Literal["asked first", "left to right", "right to left"]
    names_only: frozenset[int]
    """Places in that order of the picks that have their name alone."""


def _picks(chart: FrontierChart, way: Way) -> list[Mark]:
    """List the points that have a name, in the order in which they are placed."""
    named = [mark for mark in chart.marks if mark.picks or mark.asked]
    if way.order == "right to left":
        return named[::-1]
    return named if way.order == "left to right" else sorted(named, key=lambda mark: not mark.asked)


def _ways(chart: FrontierChart) -> Iterator[Way]:
    """Yield the ways to place the picks: all labels whole, then one of them short, then all."""
    named = sum(bool(mark.picks or mark.asked) for mark in chart.marks)
    for short in [frozenset[int](), *(frozenset({i}) for i in range(named)), frozenset(range(named))]:
        yield Way("asked first", short)
        yield Way("left to right", short)
        if not short:
            yield Way("right to left", short)


def _others(marks: Sequence[Mark]) -> list[Mark]:
    """List the points without a name: always the one farthest from those before, counted in points."""
    order = [i for i, mark in enumerate(marks) if mark.picks or mark.asked]
    rest, found = [i for i in range(len(marks)) if i not in order], []
    while rest:
        following = max(rest, key=lambda i: (min((abs(i - j) for j in order), default=0), -i))
        order.append(following)
        found.append(marks[following])
        rest.remove(following)
    return found


def point_label(chart: FrontierChart, mark: Mark) -> Label:
    """Return the label of a point: its names and cost above, its mix below."""
    role: Role = "asked" if mark.asked else "pick" if mark.picks else "point"
    cost = chart.say(amount(chart.currency, mark.cost))
    head = f"{', '.join(mark.picks)}: {cost}" if mark.picks else ""
    return Label(role, head, wrapped_mix(mark.mix, LINE_CHARACTERS), mark.value, mark.cost)


def _steps(chart: FrontierChart, at: Project) -> list[Line]:
    """Return the staircases as lines; the frontier weighs most."""
    found = []
    for steps, weight in [(chart.steps, 6.0), *((curve.steps, 0.7) for curve in chart.curves)]:
        corners = [at(*vertex) for vertex in steps]
        found += [Line(*a, *b, weight) for a, b in pairwise(corners)]
    return found


def _bars(chart: FrontierChart, at: Project) -> list[Line]:
    """Return the error bars as lines."""
    low, high = chart.scales.value_low, chart.scales.value_high
    return [
        Line(*at(max(mark.low, low), mark.cost), *at(min(mark.high, high), mark.cost), 0.8)
        for mark in chart.marks if mark.low < mark.high
    ]


def _guides(chart: FrontierChart, at: Project) -> list[tuple[Label, Line]]:
    """Return the names and lines of target and budget."""
    scales, found = chart.scales, []
    if chart.target:
        value = chart.target.at
        line = Line(*at(value, scales.cost_low), *at(value, scales.cost_high), 2.0)
        found.append((Label("guide", "", (chart.target.text,), value, scales.cost_low), line))
    if chart.budget:
        cost = chart.budget.at
        line = Line(*at(scales.value_low, cost), *at(scales.value_high, cost), 2.0)
        found.append((Label("guide", "", (chart.budget.text,), scales.value_low, cost), line))
    return found


def _texts(chart: FrontierChart, way: Way) -> list[tuple[Label, ...]]:
    """List the labels in order of weight, each with others to fall back on."""
    full = [point_label(chart, mark) for mark in _picks(chart, way)]
    short = [replace(label, body=()) for label in full]
    picks = [
        (short[i],) if i in way.names_only else (full[i], short[i]) for i in range(len(full))
    ]
    curves = [
        tuple(Label("curve", "", (curve.name,), *end, index) for end in curve.ends(chart.falling))
        for index, curve in enumerate(chart.curves)
    ]
    return [*picks, *curves, *((point_label(chart, mark),) for mark in _others(chart.marks))]


def place_labels(chart: FrontierChart, area: Box, at: Project, measure: Measure) -> list[PlacedLabel]:
    """Place the labels of a chart: guides, picks, curves, then other points while there is room.

    A pick without room for its mix keeps its name. Points are named on the empty side of the frontier, where no plan
    lies: below, to the right where it rises, to the left where it falls. A curve is named above its end. Of several
    orders the best is taken.
    """
    best: list[PlacedLabel] = []
    least = math.inf
    for way in _ways(chart):
        placed = _placed(chart, area, at, measure, way)
        lacking = _lack(chart, placed)
        if lacking < least:
            best, least = placed, lacking
        if least == 0 or (way.names_only and least <= SHORT_COST):
            break
    return best


def _lack(chart: FrontierChart, placed: Sequence[PlacedLabel]) -> float:
    """Return how far the picks are from all being named in full, near their points."""
    picks = [one for one in placed if one.label.role in ("asked", "pick")]
    missing = sum(bool(mark.picks or mark.asked) for mark in chart.marks) - len(picks)
    short = sum(not one.label.body for one in picks)
    far = sum(
        max(0.0, one.placed.leader.length - FREE_LEADER_PX[one.label.role])
        for one in picks if one.placed.leader
    )
    return MISSING_COST * missing + SHORT_COST * short + far


def _placed(chart: FrontierChart, area: Box, at: Project, measure: Measure, way: Way) -> list[PlacedLabel]:
    """Place the labels in one order."""
    x_and_y = [at(mark.value, mark.cost) for mark in chart.marks]
    marks = [Box(x - MARK_PX, y - MARK_PX, x + MARK_PX, y + MARK_PX) for x, y in x_and_y]
    guides = _guides(chart, at)
    board = Board(area, marks, [*_steps(chart, at), *_bars(chart, at), *(line for _, line in guides)])
    placed = []
    for label, line in guides:
        found = board.put(Wanted(*measure(label), *at(label.value, label.cost), along=line))
        placed += [PlacedLabel(label, found)] if found else []
    points, most = 0, int((area.right - area.left) / PX_PER_LABEL)
    for choices in _texts(chart, way):
        if choices[0].role == "point" and points >= most:
            break
        one = _first_that_fits(board, choices, at, measure, 225.0 if chart.falling else 315.0)
        if one:
            placed.append(one)
            points += one.label.role != "curve"
    return placed


def _first_that_fits(
    board: Board, choices: tuple[Label, ...], at: Project, measure: Measure, empty_side: float
) -> PlacedLabel | None:
    """Place the first of some labels that has room."""
    for label in choices:
        towards = 135.0 if label.role == "curve" else empty_side
        reach, crossings = LIMITS.get(label.role, (math.inf, math.inf))
        found = board.put(Wanted(*measure(label), *at(label.value, label.cost), towards, reach, crossings))
        if found:
            return PlacedLabel(label, found)
    return None


def label_colour(label: Label) -> str:
    """Return the colour of a label: a curve's name has that of its line."""
    if label.role == "curve":
        return look.BACKGROUND_LINES[label.index % len(look.BACKGROUND_LINES)]
    return {"asked": look.ACCENT, "pick": look.INK, "guide": look.LIMIT}.get(label.role, look.SOFT_INK)
