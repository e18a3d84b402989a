"""Charts of a budget plan as files: what draws them is imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.documents.output import write_atomically
from optimizer.errors import Fault, InputError
from optimizer.reports.charts import check_charts
from optimizer.reports.charts.quarters_data import quarters_chart
from optimizer.reports.quarters_report import Quarters

ENDINGS = (".png", ".svg")


def check_quarters_charts(paths: Sequence[Path], width_px: int, taken: Path | None) -> None:
    """Check, before anything is solved, that charts can be drawn and written.

    Raises:
        InputError: with every fault: name, folder, width, library.
    """
    faults = [
        Fault("--chart", str(path), f"the ending {path.suffix!r}", ", ".join(ENDINGS))
        for path in paths if path.suffix.lower() == ".html"
    ]
    try:
        check_charts([path for path in paths if path.suffix.lower() != ".html"], width_px, taken)
    except InputError as error:
        faults += [
            Fault(fault.file, fault.key, fault.found, fault.allowed.replace(", .html", "")) for fault in error.faults
        ]
    if faults:
        raise InputError(faults)


def write_quarters_charts(shown: Quarters, paths: Sequence[Path], width_px: int) -> None:
    """Draw nodes and cash by quarter; write no file before all are drawn.

    Raises:
        InputError: a place cannot be written.
    """
    from optimizer.reports.charts import quarters_picture

    chart = quarters_chart(shown)
    drawn = [
        (path, quarters_picture.render(chart, "svg" if path.suffix.lower() == ".svg" else "png", width_px))
        for path in paths
    ]
    for path, content in drawn:
        write_atomically(path, content, "--chart")
