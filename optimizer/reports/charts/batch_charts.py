"""Charts of a batch as files; what draws them is imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.batch.ledger import Ledger
from optimizer.documents.output import write_atomically
from optimizer.reports.charts.batch_data import BatchChart, batch_chart


def drawn(chart: BatchChart, ending: str, width_px: int) -> bytes:
    """Draw a chart for a file of this ending."""
    if ending == ".html":
        from optimizer.reports.charts import batch_page

        return batch_page.render(chart, width_px)
    from optimizer.reports.charts import batch_picture

    return batch_picture.render(chart, "svg" if ending == ".svg" else "png", width_px)


def write_batch_charts(ledger: Ledger, paths: Sequence[Path], width_px: int) -> None:
    """Draw the cost of each variant; write no file before all are drawn.

    Raises:
        InputError: a place cannot be written.
    """
    chart = batch_chart(ledger)
    contents = [(path, drawn(chart, path.suffix.lower(), width_px)) for path in paths]
    for path, content in contents:
        write_atomically(path, content, "--chart")
