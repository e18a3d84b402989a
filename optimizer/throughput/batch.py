"""Many questions at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.load import Catalog
from optimizer.throughput.curve import Question
from optimizer.throughput.estimated import KNOTS, alike, estimate
from optimizer.throughput.measured import has_match
from optimizer.throughput.physics import Vector
from optimizer.throughput.sources import speed_curve


@dataclass(frozen=True)
class Speeds:
    """TPOT and TTFT of many questions, in their order."""

    tpot_ms: Vector
    ttft_ms: Vector


def replica_key(question: Question) -> tuple[object, ...]:
    """Return what questions about one replica have in common; models are told apart by identity."""
    q = question
    return (id(q.model), q.precision_id, id(q.gpu), q.engine_id, q.tp_size, q.gpu_count, q.spread,
            q.age_years, q.laboratory)


def between_knots(values: Vector, counts: Vector) -> Vector:
    """Return values at each row's own number of requests in flight, linear between knots and beyond the last."""
    knots = np.array(KNOTS, dtype=float)
    above = np.clip(np.searchsorted(knots, counts), 1, len(knots) - 1)
    rows = np.arange(len(counts))
    low, high = values[rows, above - 1], values[rows, above]
    share = (counts - knots[above - 1]) / (knots[above] - knots[above - 1])
    return np.asarray(low + share * (high - low))


def speeds(catalog: Catalog, questions: Sequence[tuple[Question, int]]) -> Speeds:
    """Answer many questions, each with its requests in flight, as `speed_curve` answers each.

    Raises:
        ValueError: the catalog has no calibration.
    """
    calibration = catalog.calibration
    if calibration is None:
        raise ValueError("no calibration to estimate from")
    tpot, ttft = np.empty(len(questions)), np.empty(len(questions))
    by_replica: dict[tuple[object, ...], list[int]] = {}
    for index, (question, _) in enumerate(questions):
        by_replica.setdefault(replica_key(question), []).append(index)
    for members in by_replica.values():
        if has_match(catalog, questions[members[0]][0]):
            _one_by_one(catalog, questions, members, tpot, ttft)
            continue
        shapes: dict[tuple[int, int], int] = {}
        places = [shapes.setdefault((questions[i][0].isl_tokens, questions[i][0].osl_tokens), len(shapes))
                  for i in members]
        first = {place: questions[i][0] for place, i in zip(reversed(places), reversed(members), strict=True)}
        group = alike(calibration, [first[place] for place in range(len(shapes))])
        steps, waits = estimate(catalog, calibration, group, KNOTS)
        counts = np.array([questions[i][1] for i in members], dtype=float)
        tpot[members], ttft[members] = between_knots(steps[places], counts), between_knots(waits[places], counts)
    return Speeds(tpot, ttft)


def _one_by_one(
    catalog: Catalog, questions: Sequence[tuple[Question, int]], members: list[int], tpot: Vector, ttft: Vector
) -> None:
    """Answer questions about a replica that was measured: curve by curve."""
    curves = {}
    for index in members:
        question, count = questions[index]
        lengths = (question.isl_tokens, question.osl_tokens)
        if lengths not in curves:
            curves[lengths] = speed_curve(catalog, question)
        curve = curves[lengths]
        if curve is not None:
            tpot[index], ttft[index] = curve.tpot_ms(count), curve.ttft_ms(count)
