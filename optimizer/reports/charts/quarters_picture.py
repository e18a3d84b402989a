"""A budget plan as a picture: nodes by quarter above, cash below; PNG or SVG, the same bytes for the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from optimizer.reports.charts import look
from optimizer.reports.charts.canvas import POINTS_PER_PX, Canvas, house_style, width_of, wrapped
from optimizer.reports.charts.quarters_data import QuartersChart, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEADING, TITLE, SUBTITLE, NAME = 1.28, 1.45, 0.95, 0.86
"""Height of a line, and sizes by the size of the text."""

PANEL_FRACTION = 0.26
"""Height of each of the two panels by the width of the picture."""

BAR = 0.72
"""Width of a bar by the room of a quarter."""


def render(chart: QuartersChart, kind: Literal["png", "svg"], width_px: int) -> bytes:
    """Draw a chart as the bytes of a file."""
    with house_style():
        return _draw(chart, width_px).saved(kind)


def _draw(chart: QuartersChart, width_px: int) -> Canvas:
    """Lay out and draw, from the top: title, nodes with their legend, cash with its own."""
    font = look.font_px(width_px)
    edge, panel = font * 1.4, width_px * PANEL_FRACTION
    title = wrapped(chart.title, width_px - 2 * edge, font * TITLE, bold=True)
    subtitle = wrapped(chart.subtitle, width_px - 2 * edge, font * SUBTITLE)
    legends = [_legend_rows(series, width_px - 2 * edge, font) for series in (chart.nodes, chart.cash)]
    above = font * (1.0 + len(title) * TITLE * LEADING + len(subtitle) * SUBTITLE * LEADING + 0.8)
    heights = [panel + font * (1.2 + len(rows) * 1.5) for rows in legends]
    canvas = Canvas(width_px, round(above + sum(heights) + font * 5.4))
    down = canvas.height - font * 0.9
    for line in title:
        canvas.text(edge, down, line, font * TITLE, va="top", weight="bold", color=look.INK)
        down -= font * TITLE * LEADING
    for line in subtitle:
        canvas.text(edge, down, line, font * SUBTITLE, va="top", color=look.SOFT_INK)
        down -= font * SUBTITLE * LEADING
    down -= font * 0.8
    for series, rows, axis_title in zip((chart.nodes, chart.cash), legends, ("nodes", chart.cash_title), strict=True):
        down = _legend(canvas, rows, down, edge, font)
        last = series is chart.cash
        _panel(canvas, chart, series, (down - panel, panel), font, axis_title, last)
        down -= panel + font * 1.2
    return canvas


def _legend_rows(series: Sequence[Series], room: float, font: float) -> list[list[Series]]:
    """Break a legend into rows that fit."""
    rows: list[list[Series]] = [[]]
    left = room
    for one in series:
        needs = width_of(one.name, font * NAME) + font * 3.2
        if needs > left and rows[-1]:
            rows.append([])
            left = room
        rows[-1].append(one)
        left -= needs
    return rows


def _legend(canvas: Canvas, rows: list[list[Series]], down: float, edge: float, font: float) -> float:
    """Draw a legend and return where it ends."""
    for row in rows:
        right = edge
        for one in row:
            canvas.figure.add_artist(Rectangle(
                (right / canvas.width, (down - font) / canvas.height), font * 1.4 / canvas.width, font / canvas.height,
                facecolor=one.colour, edgecolor=look.PAPER, hatch=one.hatch, linewidth=0))
            canvas.text(right + font * 1.9, down - font * 0.5, one.name, font * NAME, va="center", color=look.INK)
            right += width_of(one.name, font * NAME) + font * 3.2
        down -= font * 1.5
    return down - font * 0.2


def _panel(
    canvas: Canvas, chart: QuartersChart, series: Sequence[Series], place: tuple[float, float], font: float, title: str,
    with_quarters: bool,
) -> None:
    """Draw one stack of bars by quarter."""
    left, (low, height) = font * 6.2, place
    axes: Axes = canvas.figure.add_axes((
        left / canvas.width, low / canvas.height, (canvas.width - left - font * 1.4) / canvas.width,
        height / canvas.height))
    up, down = [0.0] * len(chart.quarters), [0.0] * len(chart.quarters)
    for one in series:
        for quarter, value in enumerate(one.values):
            base = up if value >= 0 else down
            axes.bar(quarter, value, BAR, bottom=base[quarter], color=one.colour, hatch=one.hatch,
                     edgecolor=look.PAPER, linewidth=0)
            base[quarter] += value
    axes.set_xlim(-0.5, len(chart.quarters) - 0.5)
    axes.set_ylim(min(down, default=0.0) * 1.08, max(up, default=1.0) * 1.08 or 1.0)
    axes.axhline(0.0, color=look.SOFT_INK, linewidth=0.8)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=title == "nodes"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value % 1 == 0 else f"{value:g}"))
    axes.tick_params(labelsize=font * 0.86 * POINTS_PER_PX, colors=look.SOFT_INK, length=font * 0.25)
    axes.grid(axis="y", color=look.FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xticks(range(len(chart.quarters)))
    axes.set_xticklabels([label[-2:] if len(label) > 2 else label for label in chart.quarters] if with_quarters else [])
    _years(axes, chart)
    if with_quarters:
        _year_names(canvas, chart, axes, low - font * 2.2, font)
    canvas.text(font * 1.5, low + height / 2, title, font * 0.95, ha="center", va="center", rotation=90,
                color=look.INK)


def _spans(chart: QuartersChart) -> list[tuple[str, int, int]]:
    """Return (fiscal year, first quarter, last quarter)."""
    names = list(dict.fromkeys(chart.years))
    return [
        (name, chart.years.index(name), len(chart.years) - 1 - chart.years[::-1].index(name)) for name in names
    ]


def _years(axes: Axes, chart: QuartersChart) -> None:
    """Part the fiscal years by a line."""
    for _, first, _ in _spans(chart)[1:]:
        axes.axvline(first - 0.5, color=look.SOFT_INK, linewidth=0.7, linestyle=(0, (4, 3)))


def _year_names(canvas: Canvas, chart: QuartersChart, axes: Axes, down: float, font: float) -> None:
    """Write the fiscal years below the quarters."""
    box = axes.get_position()
    wide = box.width / len(chart.quarters)
    for name, first, last in _spans(chart):
        middle = (box.x0 + wide * (first + last + 1) / 2) * canvas.width
        canvas.text(middle, down, name, font * 0.9, ha="center", va="top", color=look.INK)
    canvas.text(canvas.width / 2, down - font * 1.5, f"quarters of the calendar year from {chart.quarters[0]}, "
                "under them the fiscal years", font * 0.78, ha="center", va="top", color=look.SOFT_INK)
