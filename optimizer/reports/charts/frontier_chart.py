"""A frontier as a picture: PNG or SVG, the same bytes for the same frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from optimizer.messages import Message
from optimizer.reports.charts import look
from optimizer.reports.charts.canvas import POINTS_PER_PX, Canvas, house_style, uncovered, width_of, wrapped
from optimizer.reports.charts.data import FrontierChart, Mark
from optimizer.reports.charts.labels import Label, PlacedLabel, label_colour, place_labels
from optimizer.reports.charts.legend import Sign, signs_of
from optimizer.reports.charts.placement import Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = {"asked": 0.9, "pick": 0.9, "point": 0.8, "guide": 0.86, "curve": 0.84}
"""Size of a label by the size of the text."""

LEADING = 1.28
"""Height of a line by the size of its text."""

TITLE, SUBTITLE, NOTE = 1.45, 0.95, 0.78
"""Size of what stands around the picture by the size of the text."""


def render(chart: FrontierChart, kind: Literal["png", "svg"], width_px: int) -> bytes:
    """Draw a chart as the bytes of a file."""
    with house_style():
        return draw(chart, width_px)[0].saved(kind)


def draw(chart: FrontierChart, width_px: int) -> tuple[Canvas, list[PlacedLabel]]:
    """Lay out and draw a chart; only within `house_style`.

    A curve whose name finds no room is left out, and counted below.
    """
    frame = _Frame(chart, width_px)
    canvas, axes = _empty(chart, frame, width_px)

    def at(value: float, cost: float) -> tuple[float, float]:
        """Return the pixels of a value and cost."""
        x, y = axes.transData.transform((value, cost))
        return float(x), float(y)

    placed = place_labels(chart, frame.area, at, lambda label: _measure(label, frame.font))
    named = {one.label.body[0] for one in placed if one.label.role == "curve"}
    if len(named) < len(chart.curves):
        return draw(chart.with_curves(named), width_px)
    _lines(axes, chart, frame.font)
    for mark in chart.marks:
        _mark(axes, mark, frame.font)
    _around(canvas, chart, frame)
    for number, one in enumerate(placed):
        _label(canvas, one, frame.font, number)
    return canvas, placed


def _empty(chart: FrontierChart, frame: _Frame, width_px: int) -> tuple[Canvas, Axes]:
    """Return a canvas with the axes and nothing in them."""
    canvas, area = Canvas(width_px, frame.height), frame.area
    axes = canvas.figure.add_axes((
        area.left / canvas.width, area.bottom / canvas.height, (area.right - area.left) / canvas.width,
        (area.top - area.bottom) / canvas.height,
    ))
    _axes(axes, chart, frame.font)
    return canvas, axes


class _Frame:
    """What stands where around the picture, in pixels."""

    def __init__(self, chart: FrontierChart, width_px: int) -> None:
        self.font = font = look.font_px(width_px)
        self.left, right = font * 8.0, font * 1.2
        room = width_px - font * 1.2 - right
        self.edge = font * 1.2
        self.title = wrapped(chart.title, room, font * TITLE, bold=True)
        self.subtitle = wrapped(chart.subtitle, room, font * SUBTITLE)
        notes = [*chart.small_print(), *_missing(chart)]
        self.notes = [line for note in notes for line in wrapped(note, room, font * NOTE)]
        self.signs = _rows(signs_of(chart), room, font)
        below = font * (4.7 + 1.6 * len(self.signs) + LEADING * NOTE * len(self.notes))
        above = font * (1.0 + len(self.title) * TITLE * LEADING + len(self.subtitle) * SUBTITLE * LEADING)
        above += font * (1.9 if chart.bands else 0.9)
        picture = round(width_px * look.HEIGHT_FRACTION)
        self.height = round(below + picture + above)
        self.area = Box(self.left, below, width_px - right, below + picture)


def _missing(chart: FrontierChart) -> list[str]:
    """Say which characters the fonts lack."""
    texts = [chart.title, chart.subtitle, chart.value_title, chart.cost_title]
    texts += [part for mark in chart.marks for part in mark.mix] + [curve.name for curve in chart.curves]
    lacking = uncovered("".join(texts))
    return [chart.say(Message("chart.boxes", n=len(lacking)))] if lacking else []


def _rows(signs: list[Sign], room: float, font: float) -> list[list[tuple[Sign, float]]]:
    """Set the legend in rows; each sign with its place from the left."""
    rows: list[list[tuple[Sign, float]]] = [[]]
    across = 0.0
    for sign in signs:
        width = font * 3.4 + width_of(sign.text, font * 0.86)
        if rows[-1] and across + width > room:
            rows.append([])
            across = 0.0
        rows[-1].append((sign, across))
        across += width
    return rows


def _around(canvas: Canvas, chart: FrontierChart, frame: _Frame) -> None:
    """Write title, axis titles, names of the bands, legend and small print."""
    font, area = frame.font, frame.area
    down = canvas.height - font * 0.8
    for lines, size, style in (
        (frame.title, TITLE, {"weight": "bold", "color": look.INK}),
        (frame.subtitle, SUBTITLE, {"color": look.SOFT_INK}),
    ):
        for line in lines:
            canvas.text(frame.edge, down, line, font * size, va="top", **style)
            down -= font * size * LEADING
    canvas.text((area.left + area.right) / 2, area.bottom - 2.2 * font, chart.value_title, font, ha="center", va="top",
                color=look.INK)
    canvas.text(frame.edge + font * 0.4, (area.bottom + area.top) / 2, chart.cost_title, font, ha="center", va="center",
                rotation=90, color=look.INK)
    _band_names(canvas, chart, area, font)
    down = area.bottom - 4.6 * font
    for row in frame.signs:
        for sign, across in row:
            _sign(canvas, sign, frame.edge + across, down, font)
        down -= 1.6 * font
    down += 0.4 * font
    for line in frame.notes:
        canvas.text(frame.edge, down, line, font * NOTE, va="top", color=look.SOFT_INK)
        down -= font * NOTE * LEADING


def _band_names(canvas: Canvas, chart: FrontierChart, area: Box, font: float) -> None:
    """Name the grades above the picture, where there is room."""
    for band in chart.bands:
        low = min(1.0, max(0.0, chart.scales.along_value(band.low)))
        high = 1.0 if band.high is None else min(1.0, max(0.0, chart.scales.along_value(band.high)))
        room = (high - low) * (area.right - area.left)
        whole = Message("chart.band", grade=band.name, speed=band.low)
        names = (chart.say(whole), chart.say(Message("chart.grade", grade=band.name)), band.name)
        name = next((n for n in names if width_of(n, font * 0.86) + font * 0.6 <= room), None)
        if name:
            middle = area.left + (low + high) / 2 * (area.right - area.left)
            canvas.text(middle, area.top + font * 0.45, name, font * 0.86, ha="center", color=look.SOFT_INK)


def _sign(canvas: Canvas, sign: Sign, x: float, y: float, font: float) -> None:
    """Draw one sign of the legend with its meaning."""
    style = _sign_style(sign, font)
    ends = [x + font * 0.2, x + font * 1.6] if sign.line else [x + font * 0.9]
    canvas.figure.add_artist(Line2D(
        [end / canvas.width for end in ends], [(y + font * 0.1) / canvas.height] * len(ends), **style
    ))
    if sign.dotted:
        canvas.figure.add_artist(Line2D(
            [ends[0] / canvas.width], [(y + font * 0.1) / canvas.height], marker=".", color=look.MAIN, linestyle="",
            markersize=font * 0.3,
        ))
    canvas.text(x + font * 2.1, y, sign.text, font * 0.86, va="center", color=look.INK)


def _sign_style(sign: Sign, font: float) -> dict[str, Any]:
    """Return how a sign is drawn."""
    if sign.line:
        return {"color": sign.colour, "linewidth": sign.line_width, "linestyle": sign.line_style}
    return {
        "linestyle": "", "marker": sign.marker, "markersize": font * (0.95 if sign.ring else 0.55),
        "markerfacecolor": "none" if sign.ring else (sign.colour if sign.filled else look.PAPER),
        "markeredgecolor": sign.colour, "markeredgewidth": 1.8 if sign.ring else 1.5,
    }


def _axes(axes: Axes, chart: FrontierChart, font: float) -> None:
    """Span the axes, shade the grades, and set the ticks."""
    scales = chart.scales
    for band in chart.bands:
        high = scales.value_high if band.high is None else min(band.high, scales.value_high)
        low = max(band.low, scales.value_low)
        if low < high:
            axes.axvspan(low, high, color=look.BANDS[band.name], linewidth=0, zorder=0)
    if scales.log_cost:
        axes.set_yscale("log")
        decades = scales.cost_high / scales.cost_low
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 10_000 else (1.0,), numticks=20))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.set_xlim(scales.value_low, scales.value_high)
    axes.set_ylim(scales.cost_low, scales.cost_high)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:,.0f}"))
    if chart.whole_values:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        none = chart.say(Message("chart.not-met"))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: none if value < 0 else f"{value:.0f}"))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.tick_params(labelsize=font * 0.88 * POINTS_PER_PX, colors=look.SOFT_INK, length=font * 0.25)
    axes.grid(axis="y", color=look.FAINT, linewidth=0.7, zorder=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _lines(axes: Axes, chart: FrontierChart, font: float) -> None:
    """Draw the curves of single GPU types, the guides, and the frontier."""
    for index, curve in enumerate(chart.curves):
        colour = look.BACKGROUND_LINES[index % len(look.BACKGROUND_LINES)]
        axes.plot(*zip(*curve.steps, strict=True), color=colour, linewidth=1.0, alpha=0.75, zorder=1.5)
    if chart.target:
        axes.axvline(chart.target.at, color=look.LIMIT, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1.7)
    if chart.budget:
        axes.axhline(chart.budget.at, color=look.LIMIT, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1.7)
    values, costs = zip(*chart.steps, strict=True)
    axes.plot(values, costs, color=look.MAIN, linewidth=font * 0.15, zorder=2.2, solid_joinstyle="miter")


def _mark(axes: Axes, mark: Mark, font: float) -> None:
    """Draw a point with its error bar: a diamond when robust; full when measured, dotted or empty when not."""
    if mark.low < mark.high:
        axes.plot([mark.low, mark.high], [mark.cost, mark.cost], color=look.MAIN, alpha=0.4, linewidth=1.0, marker="|",
                  markersize=font * 0.4, zorder=2.0)
    shape: dict[str, Any] = {"linestyle": "", "zorder": 2.5}
    inside = look.MAIN if mark.evidence == "measured" else look.PAPER
    axes.plot([mark.value], [mark.cost], marker="D" if mark.robust else "o", markersize=font * 0.5,
              markerfacecolor=inside, markeredgecolor=look.MAIN, markeredgewidth=1.5, **shape)
    if mark.evidence == "interpolated":
        axes.plot([mark.value], [mark.cost], marker=".", markersize=font * 0.3, color=look.MAIN, **shape)
    if mark.asked:
        axes.plot([mark.value], [mark.cost], marker="o", markersize=font * 1.0, markerfacecolor="none",
                  markeredgecolor=look.ACCENT, markeredgewidth=2.0, **shape)


def _measure(label: Label, font: float) -> tuple[float, float]:
    """Return width and height of a label."""
    size = font * SIZES[label.role]
    widths = [width_of(label.head, size, bold=True)] if label.head else []
    widths += [width_of(line, size) for line in label.body]
    return max(widths), len(widths) * size * LEADING


def _label(canvas: Canvas, placed: PlacedLabel, font: float, number: int) -> None:
    """Write a label, with a line to its point when that is far."""
    label, box, leader = placed.label, placed.placed.box, placed.placed.leader
    colour = label_colour(label)
    if leader:
        canvas.line(leader, color=colour, linewidth=0.7, alpha=0.7, zorder=2.6)
    size, down = font * SIZES[label.role], box.top
    lines = [(label.head, True)] if label.head else []
    for line, bold in [*lines, *((line, False) for line in label.body)]:
        down -= size * LEADING
        canvas.label(box.left, down + size * 0.3, line, size, color=colour, weight="bold" if bold else "normal",
                     zorder=3, gid=f"label-{number}")
