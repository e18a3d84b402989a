"""A frontier as one HTML file that opens without a network: point at a plan to see it whole."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from optimizer.messages import Message
from optimizer.reports.charts import look
from optimizer.reports.charts.data import FrontierChart, Mark
from optimizer.reports.charts.labels import Label, PlacedLabel, label_colour, place_labels
from optimizer.reports.charts.page import page_of, safe
from optimizer.reports.charts.placement import Box

LEFT, RIGHT, TOP, BOTTOM = 110, 24, 34, 66
"""Pixels around the picture."""

LEGEND_PX = 60
"""Height of the legend below it."""

WIDE = 0x2E80
"""Characters from here on are as wide as high: Chinese, Japanese, Korean."""

CURVES_RANK = 2000
"""Curves stand last in the legend; the other entries have 1000."""


def text_width(text: str, size_px: float) -> float:
    """Estimate the width of a text in a font that is not known here, on the wide side."""
    return sum(1.0 if ord(letter) >= WIDE else 0.6 for letter in text) * size_px


def render(chart: FrontierChart, width_px: int) -> bytes:
    """Draw a chart as the bytes of an HTML page; it may grow wider than asked, never narrower."""
    height = round(width_px * look.HEIGHT_FRACTION) + TOP + BOTTOM + LEGEND_PX
    figure, shown = build(chart, width_px, height)
    hint = Message("chart.hint")
    return page_of(figure, chart.title, f"{chart.subtitle}.", hint, shown.small_print(), width_px, height)


def build(chart: FrontierChart, width_px: int, height_px: int) -> tuple[go.Figure, FrontierChart]:
    """Build the figure; also return the chart that it shows, without the curves that have no room for a name."""
    font = look.font_px(width_px)
    area = Box(LEFT, BOTTOM + LEGEND_PX, width_px - RIGHT, height_px - TOP)

    def at(value: float, cost: float) -> tuple[float, float]:
        """Return the pixels of a value and cost."""
        scales = chart.scales
        return (
            area.left + scales.along_value(value) * (area.right - area.left),
            area.bottom + scales.along_cost(cost) * (area.top - area.bottom),
        )

    placed = place_labels(chart, area, at, lambda label: _measure(label, font))
    named = {one.label.body[0] for one in placed if one.label.role == "curve"}
    if len(named) < len(chart.curves):
        return build(chart.with_curves(named), width_px, height_px)
    figure = go.Figure([*_curves(chart), _frontier(chart, font), *_marks(chart, font)])
    figure.update_layout(**_layout(chart, font), shapes=_shapes(chart), annotations=[
        *_band_names(chart, font), *(_annotation(chart, one, at, font) for one in placed)
    ])
    return figure, chart


def _measure(label: Label, font: float) -> tuple[float, float]:
    """Return width and height of a label, with its margin."""
    size = font * 0.86
    lines = [*([label.head] if label.head else []), *label.body]
    return max(text_width(line, size) for line in lines) * (1.06 if label.head else 1.0), len(lines) * size * 1.3 + 2


def _curves(chart: FrontierChart) -> list[go.Scatter]:
    """Draw the curves of single GPU types."""
    return [
        go.Scatter(
            x=[value for value, _ in curve.steps], y=[cost for _, cost in curve.steps], mode="lines",
            line={"color": look.BACKGROUND_LINES[i % len(look.BACKGROUND_LINES)], "width": 1}, opacity=0.8,
            name=safe(Message("proposal.only", gpu=curve.name)), hoverinfo="skip", legendrank=CURVES_RANK,
        )
        for i, curve in enumerate(chart.curves)
    ]


def _frontier(chart: FrontierChart, font: float) -> go.Scatter:
    """Draw the frontier as a staircase."""
    return go.Scatter(
        x=[value for value, _ in chart.steps], y=[cost for _, cost in chart.steps], mode="lines",
        name=Message("chart.frontier"), line={"color": look.MAIN, "width": font * 0.18}, hoverinfo="skip",
    )


def _marks(chart: FrontierChart, font: float) -> list[go.Scatter]:
    """Draw the points, one group for each kind of mark, and a ring around the one asked for."""
    kinds = sorted({(mark.evidence, mark.robust) for mark in chart.marks})
    groups = [_group(chart, [m for m in chart.marks if (m.evidence, m.robust) == kind], font) for kind in kinds]
    asked = [mark for mark in chart.marks if mark.asked]
    ring = go.Scatter(
        x=[mark.value for mark in asked], y=[mark.cost for mark in asked], mode="markers",
        name=Message("pick.name-asked"), hoverinfo="skip", marker={
            "symbol": "circle-open", "size": font * 1.4, "color": look.ACCENT,
            "line": {"color": look.ACCENT, "width": 2.5},
        },
    )
    return [*groups, *([ring] if asked else [])]


def _group(chart: FrontierChart, marks: list[Mark], font: float) -> go.Scatter:
    """Draw the points of one evidence, robust or not: full when measured, dotted or empty when not."""
    shape = "diamond" if marks[0].robust else "circle"
    symbol = {"measured": shape, "interpolated": f"{shape}-dot", "estimated": shape}[marks[0].evidence]
    return go.Scatter(
        x=[mark.value for mark in marks], y=[mark.cost for mark in marks], mode="markers",
        name=", ".join([Message(f"chart.{marks[0].evidence}"),
                        *([Message("chart.robust")] if marks[0].robust else [])]),
        marker={
            "symbol": symbol, "size": font * 0.75,
            "color": look.MAIN if marks[0].evidence == "measured" else look.PAPER,
            "line": {"color": look.MAIN, "width": 2},
        },
        error_x={
            "type": "data", "symmetric": False, "array": [mark.high - mark.value for mark in marks],
            "arrayminus": [mark.value - mark.low for mark in marks], "color": "rgba(0,114,178,0.35)", "thickness": 1,
            "width": 3,
        },
        text=[_hover(mark) for mark in marks], hovertemplate="%{text}<extra></extra>",
    )


def _hover(mark: Mark) -> str:
    """Write what is behind a point, a line each."""
    head = f"<b>{safe(', '.join(mark.picks))}</b>" if mark.picks else ""
    lines = [head, f"<b>{safe(' + '.join(mark.mix))}</b>", *(safe(line) for line in mark.details)]
    return "<br>".join(line for line in lines if line)


def _layout(chart: FrontierChart, font: float) -> dict[str, Any]:
    """Set axes, legend and fonts."""
    scales = chart.scales
    plain = {"showline": True, "linecolor": look.SOFT_INK, "tickfont": {"color": look.SOFT_INK}, "ticks": "outside",
             "zeroline": False, "ticklen": 4}
    costs: dict[str, Any] = {"range": [scales.on_axis(scales.cost_low), scales.on_axis(scales.cost_high)]}
    if scales.log_cost:
        costs |= {"type": "log", "dtick": "D2"}
    counts = [*range(-1, 1 + int(scales.value_high))] if chart.whole_values else []
    named = [Message("chart.not-met") if n < 0 else str(n) for n in counts]
    whole = {"tickvals": counts, "ticktext": named} if counts else {}
    return {
        "font": {"family": look.PAGE_FONTS.replace('"', ""), "size": font * 0.9, "color": look.INK},
        "paper_bgcolor": look.PAPER, "plot_bgcolor": look.PAPER, "autosize": True, "hovermode": "closest",
        "hoverlabel": {"bgcolor": look.PAPER, "bordercolor": look.MAIN, "align": "left", "font": {"color": look.INK}},
        "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM + LEGEND_PX},
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        "xaxis": {**plain, **whole, "title": {"text": safe(chart.value_title), "standoff": 12}, "showgrid": False,
                  "range": [scales.value_low, scales.value_high]},
        "yaxis": {**plain, **costs, "title": {"text": safe(chart.cost_title), "standoff": 8}, "gridcolor": look.FAINT,
                  "tickformat": ",.0f", "exponentformat": "none"},
    }


def _shapes(chart: FrontierChart) -> list[dict[str, Any]]:
    """Shade the grades and draw target and budget."""
    scales = chart.scales
    found: list[dict[str, Any]] = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": max(band.low, scales.value_low), "y0": 0, "y1": 1,
         "x1": scales.value_high if band.high is None else min(band.high, scales.value_high), "line": {"width": 0},
         "fillcolor": look.BANDS[band.name], "layer": "below"}
        for band in chart.bands
        if band.low < scales.value_high and (band.high is None or band.high > scales.value_low)
    ]
    line = {"color": look.LIMIT, "width": 1.5, "dash": "dash"}
    if chart.target:
        at = chart.target.at
        found.append({"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line})
    if chart.budget:
        at = chart.budget.at
        found.append({"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": line})
    return found


def _band_names(chart: FrontierChart, font: float) -> list[dict[str, Any]]:
    """Name the grades above the picture where there is room."""
    scales, found = chart.scales, []
    for band in chart.bands:
        low, high = max(band.low, scales.value_low), scales.value_high if band.high is None else band.high
        high = min(high, scales.value_high)
        if scales.along_value(high) - scales.along_value(low) > 0.06:
            found.append({
                "x": (low + high) / 2, "xref": "x", "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
                "text": Message("chart.grade", grade=band.name), "font": {"color": look.SOFT_INK, "size": font * 0.86},
            })
    return found


def _annotation(chart: FrontierChart, one: PlacedLabel, at: Any, font: float) -> dict[str, Any]:
    """Write a label at its place: pinned to its point, so that it follows when the reader zooms."""
    label, box = one.label, one.placed.box
    x, y = at(label.value, label.cost)
    colour = label_colour(label)
    text = "<br>".join([*([f"<b>{safe(label.head)}</b>"] if label.head else []), *(safe(line) for line in label.body)])
    return {
        "x": label.value, "y": chart.scales.on_axis(label.cost), "text": text, "showarrow": True, "arrowhead": 0,
        "arrowwidth": 0.8, "arrowcolor": colour if one.placed.leader else "rgba(0,0,0,0)", "standoff": 6,
        "ax": (box.left + box.right) / 2 - x, "ay": y - (box.bottom + box.top) / 2, "align": "left", "borderpad": 1,
        "bgcolor": "rgba(255,255,255,0.6)", "font": {"color": colour, "size": font * 0.86},
    }
