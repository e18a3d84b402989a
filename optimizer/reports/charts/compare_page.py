"""Renting beside owning as one HTML file that opens without a network: point at a line to see what was paid."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from optimizer.reports.charts import look
from optimizer.reports.charts.compare_data import MONTHS, CompareChart, PaidLine
from optimizer.reports.charts.page import page_of, safe


def render(chart: CompareChart, width_px: int) -> bytes:
    """Draw a chart as the bytes of an HTML page."""
    hint, height = "Point at a line to see what was paid by then", round(width_px * look.HEIGHT_FRACTION)
    figure = figure_of(chart, width_px)
    return page_of(figure, chart.title, chart.subtitle, hint, chart.notes(), min(width_px, 1200), height)


def _line(chart: CompareChart, line: PaidLine) -> Any:
    digits = 0 if chart.currency == "JPY" else 2
    said = [
        f"<b>{safe(line.name)}</b><br>month {month:.0f}: {chart.currency} {paid:,.{digits}f}<br>{safe(line.mix)}"
        for month, paid in line.points
    ]
    months, paid = zip(*line.points, strict=True)
    return go.Scatter(
        x=months, y=paid, mode="lines", name=safe(line.name), hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>", line={"color": line.colour, "dash": line.stroke, "width": 3})


def figure_of(chart: CompareChart, width_px: int) -> go.Figure:
    """Build the figure."""
    axis = {"gridcolor": look.FAINT, "linecolor": look.SOFT_INK, "tickfont": {"color": look.SOFT_INK}}
    figure = go.Figure([_line(chart, line) for line in chart.lines])
    if chart.meeting:
        month, paid = chart.meeting
        place = "top left" if month > MONTHS / 3 else "bottom right"
        figure.add_scatter(
            x=[month], y=[paid], mode="markers+text", text=[f"month {month:.0f}: owning has paid back"],
            textposition=place, marker={"color": look.INK, "size": 11}, showlegend=False, hoverinfo="skip")
    figure.update_layout(
        template="none", paper_bgcolor=look.PAPER, plot_bgcolor=look.PAPER, hovermode="closest", showlegend=True,
        legend={"orientation": "h", "y": 1.06},
        font={"family": look.PAGE_FONTS.replace('"', ""), "size": look.font_px(width_px) * 0.9, "color": look.INK},
        xaxis={**axis, "title": {"text": "months"}, "dtick": 12, "range": [0, MONTHS]},
        yaxis={**axis, "title": {"text": f"{chart.currency} paid"}, "rangemode": "tozero", "tickformat": ",.3s"},
        margin={"l": 90, "r": 24, "t": 30, "b": 60},
        hoverlabel={"bgcolor": look.PAPER, "bordercolor": look.MAIN, "align": "left", "font": {"color": look.INK}},
    )
    return figure
