"""The measured rows that the estimate rests on: which of them, and the questions that they answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.curve import Question
from optimizer.throughput.dates import Releases, deployed_years, measured_year, releases_of
from optimizer.throughput.physics import FEWEST_SLOTS, Replica, replica_of
from optimizer.throughput.traits import Traits, traits_of

FITTED = ("curve", "fit")
"""Uses of rows that the estimate rests on."""

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
    def age_years(self) -> float:
        """How much older its software is than what is deployed."""
        return self.question.age_years

    @property
    def whole(self) -> bool:
        """Whether its time is that of whole requests over their output tokens, their own prompts inside."""
        return self.point.arrivals == "burst" and self.point.ttft_ms is None

    @property
    def ttft_ms(self) -> float | None:
        """The TTFT where it may be fitted.

        In an open loop first tokens wait for arrivals that nobody states; with a full KV cache they wait for room.
        """
        q = self.question
        slots = self.replica.kv_slots / (q.isl_tokens + q.osl_tokens / 2)
        queues = slots >= FEWEST_SLOTS and self.concurrency > slots
        point = self.point
        return point.ttft_ms if is_steady(point) and not queues else None


def is_steady(point: ThroughputPoint) -> bool:
    """Say whether a row's first tokens are those of a closed loop, as a mean."""
    return point.closed_loop or (point.arrivals == "closed" and point.statistic == "mean")


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
        point.spread,
        age_of(catalog, point),
        catalog.laboratory(point.source_id),
    )


def sample_of(catalog: Catalog, point: ThroughputPoint) -> Sample | None:
    """Return a row that may be fitted, None for others.

    Fitted are complete rows of one node whose requests do not mostly queue.
    """
    if point.use not in FITTED or point.waits or point.gpu_count > LARGEST_FOOTPRINT:
        return None
    question = question_of(catalog, point)
    if question is None or point.concurrency is None or point.tpot_ms is None:
        return None
    return Sample(point, question, replica_of(question), traits_of(question), point.concurrency, point.tpot_ms)


def age_of(catalog: Catalog, point: ThroughputPoint) -> float:
    """Return how much older a row's software is than what is deployed, in years."""
    releases, deployed = dates_in(catalog)
    year = measured_year(point, releases)
    return round(deployed.get(point.engine_id, year) - year, 4)


def dates_in(catalog: Catalog) -> tuple[Releases, dict[str, float]]:
    """Return when versions were first measured and what is deployed: as calibrated, or else by the rows themselves."""
    calibration = catalog.calibration
    if calibration is not None and calibration.kin_of_dates:
        return calibration.releases, calibration.deployed
    known: tuple[Releases, dict[str, float]] | None = catalog.memo.get("dates")
    if known is None:
        releases = releases_of(catalog.points)
        known = catalog.memo["dates"] = releases, deployed_years(catalog.engines, releases, catalog.points)
    return known


def samples(catalog: Catalog, points: Iterable[ThroughputPoint] | None = None) -> list[Sample]:
    """List the rows that may be fitted, of all or of some points, in an order that is theirs."""
    chosen = catalog.points if points is None else points
    ordered = sorted(chosen, key=lambda point: tuple(str(part) for part in point_key(point)))
    return [found for point in ordered if (found := sample_of(catalog, point)) is not None]


def curve_key(point: ThroughputPoint) -> tuple[object, ...]:
    """Return what rows of one measured curve have in common."""
    return (point.model_id, point.precision, point.kv_precision, point.gpu_id, point.gpu_count, point.tp_size,
            point.engine_id, point.source_id, stamp_of(point), point.layout_name, point.isl_tokens, point.osl_tokens)


def stamp_of(point: ThroughputPoint) -> str:
    """Return what tells software apart: the engine's version, or the day of the row where that is not stated."""
    return point.engine_version or point.as_of


def curve_numbers(rows: Iterable[Sample]) -> list[int]:
    """Number the curves of rows."""
    book: dict[tuple[object, ...], int] = {}
    return [book.setdefault(curve_key(row.point), len(book)) for row in rows]
