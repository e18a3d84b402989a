"""Charts as files: what they show is plain data, and a library for drawing is imported only when one is asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from optimizer.documents.output import write_atomically
from optimizer.documents.pictures import Picture
from optimizer.errors import Fault, InputError
from optimizer.frontier import Frontier, single_gpu_curves
from optimizer.messages import Voice
from optimizer.reports.charts import look
from optimizer.reports.charts.data import FrontierChart, chart_data
from optimizer.solve import SolveSettings

LIBRARIES = {".png": "matplotlib", ".svg": "matplotlib", ".html": "plotly"}
"""What draws a chart, by the end of its file's name."""


def _png(chart: FrontierChart, width_px: int) -> bytes:
    from optimizer.reports.charts.frontier_chart import render

    return render(chart, "png", width_px)


def _svg(chart: FrontierChart, width_px: int) -> bytes:
    from optimizer.reports.charts.frontier_chart import render

    return render(chart, "svg", width_px)


def _html(chart: FrontierChart, width_px: int) -> bytes:
    from optimizer.reports.charts.frontier_page import render

    return render(chart, width_px)


FRONTIER_CHARTS: dict[str, Callable[[FrontierChart, int], bytes]] = {".png": _png, ".svg": _svg, ".html": _html}
"""By the end of the name that --chart takes."""


PAGE_WIDTH_PX, PAGE_PIXELS = 1000, 1300
"""Widths of a chart in a document, drawn and as pixels: on an A4 page its labels are about 7 points high."""


def frontier_picture(frontier: Frontier, settings: SolveSettings, voice: Voice) -> Picture:
    """Draw a frontier that has points for a document, in its language."""
    from optimizer.reports.charts.frontier_chart import render

    chart = chart_data(frontier, single_gpu_curves(frontier, settings)).said_by(voice.say)
    return Picture(render(chart, "svg", PAGE_WIDTH_PX), render(chart, "png", PAGE_PIXELS))


def check_charts(paths: Sequence[Path], width_px: int, taken: Path | None = None) -> None:
    """Check, before anything is solved, that charts can be drawn and written.

    Args:
        paths: where they go.
        width_px: of the pictures.
        taken: where the report goes.

    Raises:
        InputError: with every fault: name, folder, width, library.
    """
    faults = [fault for path in paths for fault in _path_faults(path)]
    places = [path.absolute() for path in [*paths, *([taken] if taken else [])]]
    faults += [
        Fault("--chart", str(path), "named twice", "a file of its own for each result")
        for path in dict.fromkeys(places) if places.count(path) > 1
    ]
    if not look.NARROWEST_PX <= width_px <= look.WIDEST_PX:
        allowed = f"{look.NARROWEST_PX} to {look.WIDEST_PX} pixels"
        faults.append(Fault("options", "--chart-width", f"{width_px}", allowed))
    needed = sorted({LIBRARIES[path.suffix.lower()] for path in paths if path.suffix.lower() in LIBRARIES})
    missing = [library for library in needed if importlib.util.find_spec(library) is None]
    if missing:
        found = f"no {' and no '.join(missing)} to draw with"
        faults.append(Fault("options", "--chart", found, "what pip install 'gpumix[charts]' adds"))
    if faults:
        raise InputError(faults)


def _path_faults(path: Path) -> list[Fault]:
    """Say what is wrong with the place of a chart."""
    faults = []
    if path.suffix.lower() not in FRONTIER_CHARTS:
        found = f"the ending {path.suffix!r}" if path.suffix else "no ending"
        faults.append(Fault("--chart", str(path), found, ", ".join(FRONTIER_CHARTS)))
    if path.is_dir():
        faults.append(Fault("--chart", str(path), "a folder", "a file to write"))
    elif not path.parent.is_dir():
        faults.append(Fault("--chart", str(path), f"no folder {path.parent}", "a file in a folder that exists"))
    return faults


def write_frontier_charts(frontier: Frontier, settings: SolveSettings, paths: Sequence[Path], width_px: int) -> None:
    """Draw a frontier that has points, with the curves of single GPU types; write no file before all are drawn.

    Raises:
        InputError: a place cannot be written.
    """
    chart = chart_data(frontier, single_gpu_curves(frontier, settings))
    drawn = [(path, FRONTIER_CHARTS[path.suffix.lower()](chart, width_px)) for path in paths]
    for path, content in drawn:
        write_atomically(path, content, "--chart")
