"""Measured curves: which rows of the catalog answer a question, and how well they match."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from optimizer.load import Catalog
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput import estimated
from optimizer.throughput.curve import Level, Question, SpeedCurve
from optimizer.throughput.estimated import LENGTH_TOLERANCE

UNHURRIED_FRACTION = 0.2
"""A first token within this share of the time in flight waited for nothing but prompts."""

LONGEST_RATIO = 2.0
"""Rows of longer requests answer, on the safe side, up to this ratio."""

COMMIT_HASH = re.compile(r"(?=.*[a-f])[0-9a-f]{7,40}")

CONFIDENCE_RANK = {"high": 0, "medium": 1, "low": 2}


Ranked = tuple[int, ThroughputPoint]
"""The rank of a row's lengths, and the row."""


def length_match(isl_tokens: int, osl_tokens: int, point: ThroughputPoint) -> int | None:
    """Rank how well a row's lengths fit: 0 within 10%, 1 both at least as long and at most twice, None otherwise."""
    if point.isl_tokens is None or point.osl_tokens is None:
        return None
    pairs = ((point.isl_tokens, isl_tokens), (point.osl_tokens, osl_tokens))
    if all(abs(found - asked) <= LENGTH_TOLERANCE * asked for found, asked in pairs):
        return 0
    return 1 if all(asked <= found <= LONGEST_RATIO * asked for found, asked in pairs) else None


def version_key(version: str) -> tuple[int, ...]:
    """Turn an engine version into something that sorts; a commit hash says nothing about its age.

    >>> version_key("0.19.0") > version_key("0.7.3") > version_key("") == version_key("91d2fc3")
    True
    """
    if COMMIT_HASH.fullmatch(version):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


def _answers(question: Question, point: ThroughputPoint, runs_like: str | None) -> bool:
    return (
        point.use == "curve"
        and point.tp_size == question.tp_size
        and point.gpu_count == question.gpu_count
        and not point.kv_precision
        and runs_like == question.precision.runs_like
    )


def matching_points(catalog: Catalog, question: Question) -> list[Ranked]:
    """List the rows that answer a question, each with the rank of its lengths."""
    found = []
    for point in catalog.points_on(question.model.runs_like, question.gpu.gpu_id, question.engine_id):
        precision = catalog.precisions.get(point.precision or "")
        if not _answers(question, point, precision.runs_like if precision else None):
            continue
        rank = length_match(question.isl_tokens, question.osl_tokens, point)
        if rank is not None:
            found.append((rank, point))
    return found


CurveKey = tuple[str, str, str, str, int | None, int | None]


def group_into_curves(points: Iterable[Ranked]) -> dict[CurveKey, list[Ranked]]:
    """Group rows into curves: one model, source, version, layout and length shape each."""
    curves: dict[CurveKey, list[Ranked]] = {}
    for rank, point in points:
        key = (point.model_id, point.source_id, point.engine_version, point.layout, point.isl_tokens, point.osl_tokens)
        curves.setdefault(key, []).append((rank, point))
    return curves


def curves_of(points: Iterable[ThroughputPoint]) -> list[list[ThroughputPoint]]:
    """Group rows into curves of one model, machine, engine, version, layout and length shape, as they were measured."""
    by_machine: dict[tuple[object, ...], list[Ranked]] = {}
    for point in points:
        machine = (point.precision, point.kv_precision, point.gpu_id, point.gpu_count, point.tp_size, point.engine_id)
        by_machine.setdefault(machine, []).append((0, point))
    return [[p for _, p in curve] for group in by_machine.values() for curve in group_into_curves(group).values()]


def monotone_levels(points: Iterable[ThroughputPoint]) -> tuple[Level, ...]:
    """Order rows by concurrency, one a level (the slowest of repeats), and let no level be faster than one before."""
    slowest: dict[int, ThroughputPoint] = {}
    for point in points:
        if point.concurrency is None or point.tpot_ms is None:
            continue
        known = slowest.get(point.concurrency)
        if known is None or (known.tpot_ms or 0) < point.tpot_ms:
            slowest[point.concurrency] = point
    levels: list[Level] = []
    for concurrency in sorted(slowest):
        point = slowest[concurrency]
        tpot = max(point.tpot_ms or 0.0, levels[-1].tpot_ms if levels else 0.0)
        before = levels[-1].ttft_ms if levels else None
        ttft = point.ttft_ms if before is None or point.ttft_ms is None else max(point.ttft_ms, before)
        levels.append(Level(concurrency, tpot, ttft, point))
    return tuple(levels)


def _preference(item: tuple[CurveKey, list[Ranked]]) -> tuple[object, ...]:
    """Order curves: best length match, more trusted, newer engine, more levels, then by name."""
    key, ranked = item
    points = [point for _, point in ranked]
    trust = min(CONFIDENCE_RANK[point.confidence] for point in points)
    newest = tuple(-number for number in version_key(points[0].engine_version))
    return (ranked[0][0], trust, newest, -len({point.concurrency for point in points}), *(str(part) for part in key))


def curve_for(catalog: Catalog, question: Question) -> SpeedCurve | None:
    """Answer from the best matching measured curve, or None when the catalog has no row for this."""
    curves = group_into_curves(matching_points(catalog, question))
    if not curves:
        return None
    _, ranked = min(curves.items(), key=_preference)
    levels = monotone_levels(point for _, point in ranked)
    return estimated.curve_over(catalog, question, levels, proven_concurrency(question, (point for _, point in ranked)))


def proven_concurrency(question: Question, points: Iterable[ThroughputPoint]) -> int:
    """Return how many requests rows of at least the question's lengths show to fit, 0 when none does."""
    isl, osl = question.isl_tokens, question.osl_tokens
    long_enough = (point for point in points if (point.isl_tokens or 0) >= isl and (point.osl_tokens or 0) >= osl)
    return max((proven_by(point) for point in long_enough), default=0)


def proven_by(point: ThroughputPoint) -> int:
    """Return how many requests a row shows to fit: all in flight, unless some of them waited for room.

    By Little's law C x (1 - TTFT / time in flight) of C requests are past their first token at once. Where the first
    token takes more than a fifth of the time, no more than these are proven: the others may have stood in a queue.
    """
    if point.concurrency is None or point.ttft_ms is None or point.tpot_ms is None or point.osl_tokens is None:
        return point.concurrency or 0
    decoding = (point.osl_tokens - 1) * point.tpot_ms
    in_flight = point.ttft_ms + decoding
    if point.ttft_ms <= UNHURRIED_FRACTION * in_flight:
        return point.concurrency
    return math.ceil(point.concurrency * decoding / in_flight)
