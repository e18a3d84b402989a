"""The costs of a batch as one HTML file that opens without a network: point at a variant to see its plan."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from optimizer.reports.charts import look
from optimizer.reports.charts.batch_data import BatchChart, VariantCost
from optimizer.reports.charts.batch_picture import COST_TITLE, RANK_TITLE, TITLE_TEXT
from optimizer.reports.charts.page import page_of, safe

ROW_PX = 22
"""Height of a bar with its gap."""


def render(chart: BatchChart, width_px: int) -> bytes:
    """Draw a chart as the bytes of an HTML page."""
    height = 120 + ROW_PX * len(chart.variants) if chart.as_bars else round(width_px * look.HEIGHT_FRACTION) + 100
    hint = "Point at a variant to see its plan"
    return page_of(figure_of(chart, width_px), TITLE_TEXT, f"{chart.subtitle}.", hint, chart.notes(), width_px, height)


def figure_of(chart: BatchChart, width_px: int) -> go.Figure:
    """Build the figure."""
    costs = [one.usd_per_month for one in chart.variants]
    shown: dict[str, Any] = {
        "text": [_hover(one) for one in chart.variants], "hovertemplate": "%{hovertext}<extra></extra>",
        "hovertext": [_hover(one) for one in chart.variants], "marker": {"color": look.MAIN},
    }
    axis = {"gridcolor": look.FAINT, "linecolor": look.SOFT_INK, "tickfont": {"color": look.SOFT_INK}}
    money = {**axis, "title": {"text": COST_TITLE}, "tickformat": ",.0f", "rangemode": "tozero"}
    if chart.as_bars:
        bars = {**shown, "text": [safe(one.said) for one in chart.variants], "textposition": "auto"}
        names = [f"{place}. {safe(one.name)}" for place, one in zip(chart.ranks, chart.variants, strict=True)]
        figure = go.Figure(go.Bar(x=[cost or 0.0 for cost in costs], y=names, orientation="h", **bars))
        figure.update_layout(xaxis=money, yaxis={**axis, "autorange": "reversed", "automargin": True})
    else:
        line = go.Scatter(x=chart.ranks, y=costs, mode="lines+markers", line={"shape": "hv", "color": look.MAIN},
                          **{**shown, "marker": {"color": look.MAIN, "size": 3}})
        figure = go.Figure(line)
        money |= {"type": "log", "dtick": "D2"} if chart.log_cost else {}
        figure.update_layout(yaxis=money, xaxis={**axis, "title": {"text": RANK_TITLE}, "tickformat": ",.0f"})
    figure.update_layout(
        template="none", paper_bgcolor=look.PAPER, plot_bgcolor=look.PAPER, showlegend=False, hovermode="closest",
        font={"family": look.PAGE_FONTS.replace('"', ""), "size": look.font_px(width_px) * 0.9, "color": look.INK},
        margin={"l": 110, "r": 24, "t": 10, "b": 60},
        hoverlabel={"bgcolor": look.PAPER, "bordercolor": look.MAIN, "align": "left", "font": {"color": look.INK}},
    )
    return figure


def _hover(one: VariantCost) -> str:
    """Write what is behind a variant, a line each."""
    lines = [f"<b>{safe(one.full_name)}</b>", safe(one.said), safe(one.mix)]
    return "<br>".join(line for line in lines if line)
