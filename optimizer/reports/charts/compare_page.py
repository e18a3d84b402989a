"""Renting beside owning as one HTML file that opens without a network: point at a line to see what was paid."""

from __future__ import annotations

import html
import json
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from optimizer.reports.charts import look
from optimizer.reports.charts.compare_data import MONTHS, CompareChart, PaidLine
from optimizer.reports.charts.frontier_page import BUTTONS, POLICY, safe

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 1.2em; color: {ink}; background: {paper}; font-family: {fonts}; }}
h1 {{ margin: 0; font-size: 1.4em; }}
p {{ margin: 0.3em 0 0.8em; color: {soft_ink}; }}
#paid {{ min-width: {width}px; height: {height}px; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{subtitle} Point at a line to see what was paid by then; drag to zoom, double-click to go back.</p>
<div id="paid"></div>
<p>{notes}</p>
<script>{library}</script>
<script>Plotly.newPlot("paid", {figure});</script>
</body>
</html>
"""


def render(chart: CompareChart, width_px: int) -> bytes:
    """Draw a chart as the bytes of an HTML page."""
    return PAGE.format(
        policy=POLICY, title=html.escape(chart.title), subtitle=html.escape(chart.subtitle), ink=look.INK,
        paper=look.PAPER, soft_ink=look.SOFT_INK, fonts=look.PAGE_FONTS, width=min(width_px, 1200),
        height=round(width_px * look.HEIGHT_FRACTION), notes=html.escape(" ".join(chart.notes())),
        library=get_plotlyjs(), figure=_script(figure_of(chart, width_px)),
    ).encode()


def _script(figure: go.Figure) -> str:
    """Write a figure for a script; no text in it can end the script."""
    written: str = figure.to_json()
    settings = json.dumps({"displaylogo": False, "responsive": True, "modeBarButtons": [BUTTONS]})
    body = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"Object.assign({body}, {{config: {settings}}})"


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
