"""The picture of a specification: the frontier's chart in the document's language."""

from __future__ import annotations

from optimizer.documents.pictures import Picture
from optimizer.messages import Voice
from optimizer.reports.specification.findings import Findings
from optimizer.solve import SolveSettings


def draw_frontier(found: Findings, settings: SolveSettings, voice: Voice) -> Picture | None:
    """Draw the frontier in the language of a document; None where there is none."""
    if found.frontier is None:
        return None
    from optimizer.reports.charts import frontier_picture

    return frontier_picture(found.frontier, settings, voice)
