"""A chart that a notebook shows and a script saves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ENDINGS = (".png", ".svg", ".html")


@dataclass(frozen=True)
class Chart:
    """A chart, drawn when it is shown or saved. It needs `pip install 'gpumix[charts]'`."""

    draw: Callable[[str, int], bytes] = field(repr=False)
    """(ending of the file, width in pixels) -> the file's bytes."""
    width_px: int = 1000

    def _repr_png_(self) -> bytes:
        return self.draw(".png", self.width_px)

    def save(self, path: str | Path) -> Path:
        """Write the chart to a file and return its path.

        Args:
            path: where to; its ending (.png, .svg or .html) says how.

        Raises:
            InputError: the ending is another, the folder does not exist, or the library that draws is not installed.
        """
        from optimizer.documents.output import write_atomically
        from optimizer.reports.charts import check_charts

        target = Path(path)
        check_charts([target], self.width_px)
        write_atomically(target, self.draw(target.suffix.lower(), self.width_px))
        return target
