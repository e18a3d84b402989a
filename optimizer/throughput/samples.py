"""The measured rows that the estimate rests on: which of them, and the questions that they answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.curve import Question
from optimizer.throughput.physics import FEWEST_SLOTS, Replica, replica_of
from optimizer.throughput.traits import Traits, traits_of

LARGEST_FOOTPRINT = 8
"""Rows of larger replicas cross nodes, which the terms do not describe."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured row as the estimate sees it."""

    point: ThroughputPoint
    question: Question
    replica: Replica
    traits: Traits
    concurrency: int
    tpot_ms: float

    @property
    def ttft_ms(self) -> float | None:
        """The TTFT where it may be fitted.

        In an open loop first tokens wait for arrivals that nobody states; with a full KV cache they wait for room.
        """
        q = self.question
        slots = self.replica.kv_slots / (q.isl_tokens + q.osl_tokens / 2)
        queues = slots >= FEWEST_SLOTS and self.concurrency > slots
        return self.point.ttft_ms if self.point.closed_loop and not queues else None


def question_of(catalog: Catalog, point: ThroughputPoint) -> Question | None:
    """Return the question that a row answers, None for rows that lack a fact."""
    model, gpu = catalog.models.get(point.model_id), catalog.gpus.get(point.gpu_id)
    precision, engine = catalog.precisions.get(point.precision or ""), catalog.engines.get(point.engine_id)
    if model is None or gpu is None or precision is None or engine is None or point.tp_size is None:
        return None
    if point.isl_tokens is None or point.osl_tokens is None:
        return None
    return Question(
        model,
        point.precision or "",
        precision,
        gpu,
        point.engine_id,
        engine,
        point.tp_size,
        point.gpu_count,
        point.isl_tokens,
        point.osl_tokens,
    )


def sample_of(catalog: Catalog, point: ThroughputPoint) -> Sample | None:
    """Return a row that may be fitted, None for others.

    Fitted are complete curve rows of one node whose requests do not mostly queue.
    """
    if point.use != "curve" or point.waits or point.gpu_count > LARGEST_FOOTPRINT:
        return None
    question = question_of(catalog, point)
    if question is None or point.concurrency is None or point.tpot_ms is None:
        return None
    return Sample(point, question, replica_of(question), traits_of(question), point.concurrency, point.tpot_ms)


def samples(catalog: Catalog, points: Iterable[ThroughputPoint] | None = None) -> list[Sample]:
    """List the rows that may be fitted, of all or of some points, in an order that is theirs."""
    chosen = catalog.points if points is None else points
    ordered = sorted(chosen, key=lambda point: tuple(str(part) for part in point_key(point)))
    return [found for point in ordered if (found := sample_of(catalog, point)) is not None]


def curve_key(point: ThroughputPoint) -> tuple[object, ...]:
    """Return what rows of one measured curve have in common."""
    return (point.model_id, point.precision, point.kv_precision, point.gpu_id, point.gpu_count, point.tp_size,
            point.engine_id, point.source_id, point.engine_version, point.layout_name, point.isl_tokens,
            point.osl_tokens)


def curve_numbers(rows: Iterable[Sample]) -> list[int]:
    """Number the curves of rows."""
    book: dict[tuple[object, ...], int] = {}
    return [book.setdefault(curve_key(row.point), len(book)) for row in rows]
