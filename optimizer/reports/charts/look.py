"""One look for every chart: colours, sizes, fonts."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

INK = "#1a1a1a"
SOFT_INK = "#595959"
FAINT = "#d9d9d9"
PAPER = "#ffffff"

MAIN = "#0072b2"
"""Blue: what the chart is about."""

ACCENT = "#d55e00"
"""Vermilion: what was asked for."""

LIMIT = "#8c2d5c"
"""Dark purple: what must not be passed."""

BACKGROUND_LINES = ("#117733", "#aa4499", "#997700", "#332288", "#44857a", "#882255")
"""Thin lines behind the main one, in turn."""
# MAIN and ACCENT: Okabe and Ito, Color Universal Design (2008); the others: Paul Tol, Colour Schemes (2021), "muted",
# two of them darkened so that text in them keeps a contrast of 4.5 to 1 on white. Shapes say what colours say.

BANDS = {"C": "#fbf7ec", "B": "#f1f6ef", "A": "#edf3f9"}
"""Shades of the grades, pale enough for text."""

FONT = "DejaVu Sans"
"""Travels with matplotlib, so that every machine draws the same picture."""

JAPANESE_PACKAGE, JAPANESE_FILE = "matplotlib_fontja", "fonts/ipaexg.ttf"
"""IPAex Gothic (IPA Font License 1.0, which lets it be used and passed on), from a package of PyPI."""

PAGE_FONTS = '"Segoe UI", "Helvetica Neue", Arial, "Hiragino Sans", "Noto Sans CJK JP", "Yu Gothic", sans-serif'
"""Of the interactive page: those of the reader's machine."""

NARROWEST_PX, WIDEST_PX = 600, 4000
"""Widths at which a chart can be read."""

HEIGHT_FRACTION = 0.54
"""Height of the picture itself by its width."""


def font_px(width_px: int) -> float:
    """Return the size of the text: it grows as the square root of the width, 12 px at 800.

    >>> font_px(800), round(font_px(1600), 1)
    (12.0, 17.0)
    """
    return 12.0 * math.sqrt(width_px / 800)


def japanese_font() -> Path | None:
    """Return the file of the Japanese font, None when its package is absent; nothing of it is run."""
    found = importlib.util.find_spec(JAPANESE_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / JAPANESE_FILE
    return path if path.is_file() else None
