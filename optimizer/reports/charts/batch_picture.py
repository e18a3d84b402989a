"""The costs of a batch as a picture: PNG or SVG, the same bytes for the same batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from optimizer.reports.charts import look
from optimizer.reports.charts.batch_data import BatchChart, VariantCost
from optimizer.reports.charts.canvas import POINTS_PER_PX, Canvas, house_style, uncovered, width_of, wrapped
from optimizer.reports.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE_TEXT, COST_TITLE, RANK_TITLE = "Cost per variant, USD a month", "USD a month", "variants, cheapest first"

LEADING, TITLE, SUBTITLE, NOTE, NAME = 1.28, 1.45, 0.95, 0.78, 0.86
"""Height of a line, and sizes by the size of the text."""

ROW, BAR = 1.75, 1.1
"""Height of a variant's row and of its bar by the size of the text."""

NAME_SHARE = 0.42
"""Part of the width that names may take."""


def render(chart: BatchChart, kind: Literal["png", "svg"], width_px: int) -> bytes:
    """Draw a chart as the bytes of a file."""
    with house_style():
        return _draw(chart, width_px).saved(kind)


def _draw(chart: BatchChart, width_px: int) -> Canvas:
    """Lay out and draw."""
    font = look.font_px(width_px)
    edge = font * 1.2
    room = width_px - 2 * edge
    lacking = uncovered("".join(one.name for one in chart.variants))
    boxes = [f"{counted(len(lacking), 'character')} of the names drawn as a box."] if lacking else []
    notes = [line for note in [*chart.notes(), *boxes] for line in wrapped(note, room, font * NOTE)]
    subtitle = wrapped(chart.subtitle, room, font * SUBTITLE)
    body = max(1, len(chart.variants)) * font * ROW if chart.as_bars else width_px * look.HEIGHT_FRACTION + font * 4.2
    above = font * (1.2 + TITLE * LEADING + len(subtitle) * SUBTITLE * LEADING + 1.0)
    below = font * (1.2 + len(notes) * NOTE * LEADING)
    canvas = Canvas(width_px, round(above + body + below))
    down = canvas.height - font * 0.9
    canvas.text(edge, down, TITLE_TEXT, font * TITLE, va="top", weight="bold", color=look.INK)
    down -= font * TITLE * LEADING
    for line in subtitle:
        canvas.text(edge, down, line, font * SUBTITLE, va="top", color=look.SOFT_INK)
        down -= font * SUBTITLE * LEADING
    if chart.as_bars:
        _bars(canvas, chart, below + body, edge, font)
    else:
        _curve(canvas, chart, below, body, font)
    for place, line in enumerate(notes):
        canvas.text(edge, below - font * (0.6 + place * NOTE * LEADING), line, font * NOTE, va="top",
                    color=look.SOFT_INK)
    return canvas


def _bars(canvas: Canvas, chart: BatchChart, top: float, edge: float, font: float) -> None:
    """Draw a bar for each variant, with its name before and its cost behind."""
    names = [_cut(one.name, canvas.width * NAME_SHARE, font * NAME) for one in chart.variants]
    left = edge + max((width_of(name, font * NAME) for name in names), default=0.0) + font * 0.7
    said = max((width_of(one.said, font * NAME) for one in chart.variants), default=0.0)
    longest = max((one.usd_per_month or 0.0 for one in chart.variants), default=0.0)
    room = canvas.width - edge - left - said - font * 0.7
    for place, (name, one) in enumerate(zip(names, chart.variants, strict=True)):
        middle = top - (place + 0.5) * font * ROW
        canvas.text(left - font * 0.7, middle, name, font * NAME, ha="right", va="center", color=look.INK)
        _bar(canvas, one, (left, middle), room / longest if longest else 0.0, font)


def _bar(canvas: Canvas, one: VariantCost, start: tuple[float, float], px_per_usd: float, font: float) -> None:
    left, middle = start
    length = (one.usd_per_month or 0.0) * px_per_usd
    low = middle - font * BAR / 2
    if length:
        canvas.figure.add_artist(Rectangle(
            (left / canvas.width, low / canvas.height), length / canvas.width, font * BAR / canvas.height,
            facecolor=look.MAIN, edgecolor="none",
        ))
    colour = look.LIMIT if one.usd_per_month is None else look.INK
    canvas.text(left + length + font * 0.5, middle, one.said, font * NAME, va="center", color=colour)


def _cut(text: str, room_px: float, size_px: float) -> str:
    """Cut a text that is too wide in its middle."""
    if width_of(text, size_px) <= room_px:
        return text
    keep = len(text)
    while keep > 2 and width_of(f"{text[: keep // 2]}...{text[-(keep // 2):]}", size_px) > room_px:
        keep -= 1
    return f"{text[: keep // 2]}...{text[-(keep // 2):]}"


def _curve(canvas: Canvas, chart: BatchChart, bottom: float, height: float, font: float) -> None:
    """Draw cost by rank."""
    left, low = font * 7.5, bottom + font * 4.0
    axes: Axes = canvas.figure.add_axes((
        left / canvas.width, low / canvas.height, (canvas.width - left - font * 1.6) / canvas.width,
        (height - font * 4.2) / canvas.height,
    ))
    costs = [one.usd_per_month or 0.0 for one in chart.variants]
    axes.plot(chart.ranks, costs, color=look.MAIN, linewidth=font * 0.15, drawstyle="steps-post")
    if chart.log_cost:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0.0, max(costs, default=1.0) * 1.08 or 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:,.0f}"))
    axes.tick_params(labelsize=font * 0.88 * POINTS_PER_PX, colors=look.SOFT_INK, length=font * 0.25)
    axes.grid(axis="y", color=look.FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    canvas.text(canvas.width / 2, low - 2.2 * font, RANK_TITLE, font, ha="center", va="top", color=look.INK)
    canvas.text(font * 1.6, low + (height - font * 4.2) / 2, COST_TITLE, font, ha="center", va="center", rotation=90,
                color=look.INK)
