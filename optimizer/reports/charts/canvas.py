"""A drawing surface in pixels for every picture: fonts, sizes, wrapping, and bytes that do not change."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from optimizer.reports.charts import look
from optimizer.reports.charts.placement import Line

DPI = 96
"""Pixels an inch of CSS, so that an SVG shows at the width that was asked for."""

POINTS_PER_PX = 72 / DPI

METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""Nothing that changes from day to day or machine to machine."""


def families() -> list[str]:
    """Return the fonts in the order in which a character is looked up in them."""
    path = look.japanese_font()
    if path is None:
        return [look.FONT]
    known = [entry.name for entry in font_manager.fontManager.ttflist if entry.fname == str(path)]
    if not known:
        font_manager.fontManager.addfont(path)
        known = [font_manager.fontManager.ttflist[-1].name]
    return [look.FONT, known[0]]


def uncovered(text: str) -> str:
    """Return the characters of a text that no font of the charts has, each once."""
    paths = [font_manager.findfont(FontProperties(family=family)) for family in families()]
    known = {code for path in paths for code in font_manager.get_font(path).get_charmap()}
    return "".join(dict.fromkeys(letter for letter in text if ord(letter) not in known and letter.isprintable()))


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with our settings alone, whatever the user's own file of settings says."""
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    fonts.setLevel(logging.ERROR)  # a font without a bold face is no news
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing glyph: the small print names it
        mpl.rcdefaults()
        mpl.rcParams.update({
            "font.family": families(), "svg.fonttype": "path", "svg.hashsalt": "gpumix", "axes.unicode_minus": False,
            "text.usetex": False, "text.hinting": "none", "axes.edgecolor": look.SOFT_INK, "axes.linewidth": 0.8,
        })
        try:
            yield
        finally:
            fonts.setLevel(level)


class Canvas:
    """A figure whose coordinates are pixels from the lower left corner."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.width, self.height = width_px, height_px
        self.figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor=look.PAPER)
        self.canvas = FigureCanvasAgg(self.figure)

    def text(self, x: float, y: float, text: str, size_px: float, **style: Any) -> Text:
        """Write a text as it stands, free of any markup."""
        return self.figure.text(
            x / self.width, y / self.height, text, fontsize=size_px * POINTS_PER_PX, parse_math=False, **style
        )

    def label(self, x: float, y: float, text: str, size_px: float, **style: Any) -> Text:
        """Write a text on a pale ground, so that no line below strikes it through."""
        edge = withStroke(linewidth=size_px * 0.22, foreground=look.PAPER, alpha=0.9)
        ground = {"boxstyle": "square,pad=0.06", "facecolor": look.PAPER, "alpha": 0.82, "linewidth": 0}
        return self.text(x, y, text, size_px, path_effects=[edge], bbox=ground, **style)

    def line(self, line: Line, **style: Any) -> None:
        """Draw a straight line."""
        xs, ys = [line.x1 / self.width, line.x2 / self.width], [line.y1 / self.height, line.y2 / self.height]
        self.figure.add_artist(Line2D(xs, ys, **style))

    def saved(self, kind: Literal["png", "svg"]) -> bytes:
        """Return the picture as a file."""
        stream = io.BytesIO()
        self.figure.savefig(stream, format=kind, dpi=DPI, metadata=METADATA[kind])
        return stream.getvalue()


def width_of(text: str, size_px: float, bold: bool = False) -> float:
    """Measure a text in pixels."""
    renderer = RendererAgg(1, 1, DPI)
    properties = FontProperties(family=families(), size=size_px * POINTS_PER_PX, weight="bold" if bold else "normal")
    size = renderer.get_text_width_height_descent(text, properties, ismath=False)
    return float(size[0])


def wrapped(text: str, room_px: float, size_px: float, bold: bool = False) -> list[str]:
    """Break a text into lines that fit; a word longer than a line is broken where it must be."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size_px, bold) <= room_px:
            lines[-1] = longer
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if lines[-1] and width_of(lines[-1] + letter, size_px, bold) > room_px:
                lines.append("")
            lines[-1] += letter
    return lines
