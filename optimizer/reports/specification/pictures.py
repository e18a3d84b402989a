"""The pictures of a specification: the frontier's chart in the document's language, and the company's logo."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.errors import Fault, InputError
from optimizer.reports.specification.findings import Findings
from optimizer.reports.specification.writer import Writer
from optimizer.solve import SolveSettings

WIDTH_PX, PIXELS = 1000, 1300
"""Widths of the chart, drawn and as pixels: at the 174 mm of an A4 page its labels are about 7 points high."""


@dataclass(frozen=True)
class Picture:
    """One picture, sharp at any size and as pixels."""

    svg: bytes
    png: bytes


@dataclass(frozen=True)
class Pictures:
    """Everything that is drawn, by name."""

    figures: Mapping[str, Picture]
    logo: tuple[str, bytes] | None = None
    """Kind and bytes."""
    file_names: Mapping[str, str] = field(default_factory=dict)
    """Where a format that holds no pictures finds them; empty when they lie nowhere."""
    command: str = ""
    """What draws the chart, where it lies nowhere."""


def check_logo(logo: tuple[str, bytes], label: str) -> None:
    """Check that a logo is a whole picture.

    Raises:
        InputError: it is cut off or damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(logo[1])) as picture:
            picture.load()
    except Exception as error:  # Pillow raises whatever a damaged file leads to
        told = "nothing that can be drawn" if isinstance(error, UnidentifiedImageError) else error
        found = f"a damaged picture ({told})"
        raise InputError([Fault("--logo", label, found, "a .png or .jpg that opens elsewhere")]) from None


def draw_frontier(found: Findings, settings: SolveSettings, writer: Writer) -> Picture | None:
    """Draw the frontier in the language of a document; None where there is none."""
    if found.frontier is None:
        return None
    from optimizer.frontier import single_gpu_curves
    from optimizer.reports.charts.data import chart_data
    from optimizer.reports.charts.frontier_chart import render

    chart = chart_data(found.frontier, single_gpu_curves(found.frontier, settings))
    if writer.japanese:
        chart = chart.said_by(writer.sentence)
    return Picture(render(chart, "svg", WIDTH_PX), render(chart, "png", PIXELS))
