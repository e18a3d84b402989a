"""The picture of the peers' benchmark: a point for each instance, gpumix across, the other solver up, on log axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from optimizer.reports.charts import look
from optimizer.reports.charts.canvas import POINTS_PER_PX, Canvas, house_style, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Time to the proven optimum of Mélange's instances"
NOTE = "Processor time of building and solving, start of Python left out. Above the line: gpumix is faster."
MARKS = {"PuLP/CBC": ("o", look.MAIN), "HiGHS (MathOpt)": ("^", look.ACCENT)}
TIMES = (1, 10, 100)
"""Lines along which the other solver takes so many times as long."""


@dataclass(frozen=True)
class Point:
    """One instance in one model: milliseconds of gpumix and of another solver."""

    model: str
    solver: str
    own_ms: float
    other_ms: float


def render(points: Sequence[Point], kind: Literal["png", "svg"], width_px: int = 900) -> bytes:
    """Draw the points as the bytes of a file."""
    with house_style():
        return _draw(points, width_px).saved(kind)


def _draw(points: Sequence[Point], width_px: int) -> Canvas:
    font = look.font_px(width_px)
    edge, models = font * 1.2, list(dict.fromkeys(point.model for point in points))
    notes = wrapped(NOTE, width_px - 2 * edge, font * 0.86)
    above, below = font * 6.6, font * (4.6 + 1.2 * len(notes))
    side = (width_px - 2 * edge - len(models) * font * 5.2) / len(models)
    canvas = Canvas(width_px, round(above + side + below))
    canvas.text(edge, canvas.height - font * 0.9, TITLE, font * 1.35, va="top", weight="bold", color=look.INK)
    _legend(canvas, edge, canvas.height - font * 3.3, font)
    for place, model in enumerate(models):
        left = edge + font * 4.4 + place * (side + font * 5.2)
        mine = [point for point in points if point.model == model]
        _panel(canvas, mine, points, (left, below, side), font)
        canvas.text(left, below + side + font * 0.6, f"{model}, {_instances(mine)} instances", font, va="bottom",
                    color=look.INK)
    for place, line in enumerate(notes):
        canvas.text(edge, font * (1.0 + 1.2 * (len(notes) - 1 - place)), line, font * 0.86, va="bottom",
                    color=look.SOFT_INK)
    return canvas


def _instances(points: Sequence[Point]) -> int:
    return max(sum(point.solver == solver for point in points) for solver in MARKS)


def _legend(canvas: Canvas, x: float, y: float, font: float) -> None:
    from matplotlib.lines import Line2D

    for solver, (mark, colour) in MARKS.items():
        canvas.figure.add_artist(Line2D(
            [x / canvas.width], [y / canvas.height], marker=mark, color=colour, markersize=font * 0.6 * POINTS_PER_PX,
            linestyle="none", alpha=0.75))
        canvas.text(x + font * 0.8, y, solver, font * 0.9, va="center", color=look.INK)
        x += font * (3 + 0.62 * len(solver))


def _panel(
    canvas: Canvas, mine: Sequence[Point], everything: Sequence[Point], box: tuple[float, float, float], font: float
) -> None:
    """Draw one model's points; both panels have the same axes."""
    left, bottom, side = box
    axes: Axes = canvas.figure.add_axes(
        (left / canvas.width, bottom / canvas.height, side / canvas.width, side / canvas.height))
    values = [value for point in everything for value in (point.own_ms, point.other_ms)]
    low, high = min(values) / 1.5, max(values) * 2.5
    for times in TIMES:
        axes.plot([low, high], [low * times, high * times], color=look.SOFT_INK if times == 1 else look.FAINT,
                  linewidth=font * 0.08, zorder=1)
        said = "as long" if times == 1 else f"{times} x"
        at = high / times / 1.3
        axes.text(at, at * times, said, fontsize=font * 0.8 * POINTS_PER_PX, color=look.SOFT_INK, ha="right",
                  va="bottom", rotation=45, rotation_mode="anchor")
    for solver, (mark, colour) in MARKS.items():
        found = [point for point in mine if point.solver == solver]
        axes.scatter([point.own_ms for point in found], [point.other_ms for point in found], marker=mark, color=colour,
                     s=(font * 0.42 * POINTS_PER_PX) ** 2, alpha=0.55, linewidths=0, zorder=2)
    _scales(axes, low, high, font)
    canvas.text(left + side / 2, bottom - font * 2.4, "gpumix, ms", font * 0.9, ha="center", va="top", color=look.INK)
    canvas.text(left - font * 3.6, bottom + side / 2, "other solver, ms", font * 0.9, ha="center", va="center",
                rotation=90, color=look.INK)


def _scales(axes: Axes, low: float, high: float, font: float) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=10))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(labelsize=font * 0.8 * POINTS_PER_PX, colors=look.SOFT_INK, length=font * 0.25)
    axes.grid(color=look.FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
