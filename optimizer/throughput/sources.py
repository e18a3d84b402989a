"""Where speeds come from, in order of trust."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.load import Catalog
from optimizer.throughput import estimated, measured
from optimizer.throughput.curve import Question, SpeedCurve

SOURCES: tuple[Callable[[Catalog, Question], SpeedCurve | None], ...] = (measured.curve_for, estimated.curve_for)
"""In order of trust; the first that answers is taken."""


def speed_curve(catalog: Catalog, question: Question) -> SpeedCurve | None:
    """Answer how fast a replica is, from the most trusted source that knows."""
    return next((curve for source in SOURCES if (curve := source(catalog, question)) is not None), None)
