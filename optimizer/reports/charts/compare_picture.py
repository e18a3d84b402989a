"""Renting beside owning as a picture: PNG or SVG, the same bytes for the same comparison."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from optimizer.reports.charts import look
from optimizer.reports.charts.canvas import POINTS_PER_PX, Canvas, house_style, width_of, wrapped
from optimizer.reports.charts.compare_data import MONTHS, CompareChart, PaidLine, compact
from optimizer.reports.charts.placement import Board, Box, Line, Wanted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEADING, TITLE, SUBTITLE, NOTE, NAME = 1.28, 1.45, 0.95, 0.78, 0.9
"""Height of a line, and sizes by the size of the text."""

STROKES = {"solid": "-", "dash": (0, (5, 2)), "dot": (0, (1, 1.6))}
"""What matplotlib calls the strokes."""

MONTH_TITLE = "months"

TOP = 1.06
"""Height of the axis by the largest amount."""


def render(chart: CompareChart, kind: Literal["png", "svg"], width_px: int) -> bytes:
    """Draw a chart as the bytes of a file."""
    with house_style():
        return _draw(chart, width_px).saved(kind)


def _draw(chart: CompareChart, width_px: int) -> Canvas:
    """Lay out and draw."""
    font = look.font_px(width_px)
    edge = font * 1.2
    room = width_px - 2 * edge
    subtitle = wrapped(chart.subtitle, room, font * SUBTITLE)
    notes = [line for note in chart.notes() for line in wrapped(note, room, font * NOTE)]
    body = width_px * look.HEIGHT_FRACTION
    above = font * (1.6 + TITLE * LEADING + len(subtitle) * SUBTITLE * LEADING)
    below = font * (1.2 + len(notes) * NOTE * LEADING)
    canvas = Canvas(width_px, round(above + body + below))
    down = canvas.height - font * 0.9
    canvas.text(edge, down, chart.title, font * TITLE, va="top", weight="bold", color=look.INK)
    down -= font * TITLE * LEADING
    for line in subtitle:
        canvas.text(edge, down, line, font * SUBTITLE, va="top", color=look.SOFT_INK)
        down -= font * SUBTITLE * LEADING
    _payments(canvas, chart, below, body, font)
    for place, line in enumerate(notes):
        canvas.text(edge, below - font * (0.6 + place * NOTE * LEADING), line, font * NOTE, va="top",
                    color=look.SOFT_INK)
    return canvas


def _label(line: PaidLine) -> str:
    return f"{line.name}: {compact(line.total)}"


def _payments(canvas: Canvas, chart: CompareChart, bottom: float, height: float, font: float) -> None:
    """Draw the lines, their names at their right ends, and where owning pays back."""
    named = max((width_of(_label(line), font * NAME, bold=True) for line in chart.lines), default=0.0)
    left, low, high = font * 6.5, bottom + font * 3.6, height - font * 4.2
    width = canvas.width - left - named - font * 2.2
    axes: Axes = canvas.figure.add_axes((
        left / canvas.width, low / canvas.height, width / canvas.width, high / canvas.height))
    for line in chart.lines:
        axes.plot(*zip(*line.points, strict=True), color=line.colour, linewidth=font * 0.19,
                  linestyle=STROKES[line.stroke], solid_capstyle="round")
    top = chart.most * TOP
    axes.set_xlim(0.0, float(MONTHS))
    axes.set_ylim(0.0, top)
    axes.xaxis.set_major_locator(MultipleLocator(12))
    axes.xaxis.set_minor_locator(MultipleLocator(3))
    axes.yaxis.set_major_locator(MaxNLocator(7))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda paid, _: compact(paid)))
    axes.tick_params(which="both", labelsize=font * 0.88 * POINTS_PER_PX, colors=look.SOFT_INK, length=font * 0.25)
    axes.grid(axis="y", color=look.FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    canvas.text(left + width / 2, low - 2.0 * font, MONTH_TITLE, font, ha="center", va="top", color=look.INK)
    _name_lines(canvas, chart, (left + width + font * 0.6, low, high / top), font)
    if chart.meeting:
        area = Box(left, low, left + width, low + high)
        _mark_meeting(canvas, axes, chart, area, font)


def _name_lines(canvas: Canvas, chart: CompareChart, start: tuple[float, float, float], font: float) -> None:
    """Write each line's name at its end; names that would touch move apart."""
    left, low, px_per_unit = start
    height, free = font * NAME * LEADING, low
    for line in sorted(chart.lines, key=lambda line: line.total):
        middle = max(low + line.total * px_per_unit, free)
        canvas.label(left, middle, _label(line), font * NAME, va="center", weight="bold", color=line.colour)
        free = middle + height


def _mark_meeting(canvas: Canvas, axes: Axes, chart: CompareChart, area: Box, font: float) -> None:
    """Mark where owning has cost no more than renting, with its name where it hides least."""
    assert chart.meeting is not None
    month, paid = chart.meeting
    axes.plot([month], [paid], marker="o", markersize=font * 0.42, color=look.INK, zorder=5)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        """Return the pixels of a month and an amount."""
        across, up = point[0] / MONTHS, point[1] / (chart.most * TOP)
        return area.left + across * (area.right - area.left), area.bottom + up * (area.top - area.bottom)

    lines = [Line(*at(start), *at(end)) for line in chart.lines for start, end in pairwise(line.points)]
    (x, y), size, text = at(chart.meeting), font * NAME, f"month {month:.0f}: owning has paid back"
    dot = Box(x - font * 0.4, y - font * 0.4, x + font * 0.4, y + font * 0.4)
    placed = Board(area, [dot], lines).put(Wanted(width_of(text, size), size * LEADING, x, y, towards=315.0))
    if placed is None:
        return
    if placed.leader:
        canvas.line(placed.leader, color=look.INK, linewidth=0.7, alpha=0.7)
    canvas.label(placed.box.left, placed.box.bottom, text, size, va="bottom", color=look.INK)
