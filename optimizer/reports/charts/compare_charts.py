"""Charts of renting beside owning as files; what draws them is imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.compare import Comparison
from optimizer.documents.output import write_atomically
from optimizer.reports.charts.compare_data import CompareChart, compare_chart


def drawn(chart: CompareChart, ending: str, width_px: int) -> bytes:
    """Draw a chart for a file of this ending."""
    if ending == ".html":
        from optimizer.reports.charts import compare_page

        return compare_page.render(chart, width_px)
    from optimizer.reports.charts import compare_picture

    return compare_picture.render(chart, "svg" if ending == ".svg" else "png", width_px)


def write_compare_charts(comparison: Comparison, paths: Sequence[Path], width_px: int) -> None:
    """Draw what is paid over five years; write no file before all are drawn.

    Raises:
        InputError: a place cannot be written.
    """
    chart = compare_chart(comparison)
    contents = [(path, drawn(chart, path.suffix.lower(), width_px)) for path in paths]
    for path, content in contents:
        write_atomically(path, content, "--chart")
