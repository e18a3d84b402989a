"""What was never measured about a question: the kind of gap that an estimate bridges."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.schema.calibration import Calibration, LeftOutErrors
from optimizer.throughput.curve import Bars, Gap, Question
from optimizer.throughput.samples import Sample
from optimizer.throughput.traits import traits_of

DEFAULT_BARS: Bars = {gap: (bar, bar) for gap, bar in (
    ("measured", 0.15), ("interior", 0.2), ("edge", 0.4), ("curve", 0.5), ("configuration", 0.6), ("combination", 0.8),
    ("gpu", 0.9), ("model", 1.0), ("rough", 1.5))}
"""Error bars of the TPOT without a calibration file."""

DEFAULT_TTFT_BARS: Bars = {gap: (bar, bar) for gap, bar in (
    ("measured", 0.5), ("interior", 0.6), ("edge", 1.0), ("curve", 1.0), ("configuration", 1.5), ("combination", 2.0),
    ("gpu", 2.0), ("model", 2.0), ("rough", 3.0))}
"""The same of the TTFT."""


def bars_of(errors: dict[str, LeftOutErrors], defaults: Bars) -> Bars:
    """Return the bars found on left-out rows, a default where none were."""
    return defaults | {gap: found.bar for gap, found in errors.items()}


@dataclass(frozen=True)
class Known:
    """What was measured of one model."""

    gpus: frozenset[str]
    engines: frozenset[str]
    machines: frozenset[tuple[str, str]]
    """(GPU, engine)."""
    configurations: frozenset[str]
    """As in `traits`: GPU, engine, tensor parallel, footprint, precision."""


def known_of(rows: list[Sample]) -> Known:
    """Note what was measured."""
    machines = frozenset((row.point.gpu_id, row.point.engine_id) for row in rows)
    return Known(frozenset(gpu for gpu, _ in machines), frozenset(engine for _, engine in machines), machines,
                 frozenset(row.traits["configuration"] for row in rows))


def gap_of(question: Question, known: Known, calibration: Calibration) -> Gap:
    """Return the kind of gap between a question and what was measured of its model.

    `rough` where the engine was never seen, or neither the model nor the GPU.
    """
    gpu_id, engine_id = question.gpu.gpu_id, question.engine_id
    if (gpu_id, engine_id) in known.machines:
        return "curve" if traits_of(question)["configuration"] in known.configurations else "configuration"
    engine_seen = engine_id in known.engines or any(engine_id in e for e in calibration.engines_measured.values())
    gpu_seen = gpu_id in known.gpus or gpu_id in calibration.rows_by_gpu
    if not engine_seen or not (known.machines or gpu_seen):
        return "rough"
    if not known.machines:
        return "model"
    return "combination" if gpu_seen else "gpu"
