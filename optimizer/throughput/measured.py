"""Measured curves: which rows of the catalog answer a question, and how well they match."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.schema.calibration import Calibration
from optimizer.schema.catalog import ThroughputPoint
from optimizer.throughput.curve import Level, Question, SpeedCurve, Track
from optimizer.throughput.estimated import KNOTS, LENGTH_TOLERANCE, alike, estimate, prompt_ms
from optimizer.throughput.gaps import DEFAULT_BARS, DEFAULT_TTFT_BARS, bars_of
from optimizer.throughput.physics import Vector
from optimizer.throughput.samples import age_of, stamp_of

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
        and point.spread == question.layout
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


def has_match(catalog: Catalog, question: Question) -> bool:
    """Say whether rows of the very replica were measured, whatever their lengths."""
    found = catalog.points_on(question.model.runs_like, question.gpu.gpu_id, question.engine_id)
    precisions = catalog.precisions
    return any(_answers(question, point, row.runs_like if (row := precisions.get(point.precision or "")) else None)
               for point in found)


CurveKey = tuple[str, str, str, str, int | None, int | None]


def group_into_curves(points: Iterable[Ranked]) -> dict[CurveKey, list[Ranked]]:
    """Group rows into curves: one model, source, version, layout and length shape each."""
    curves: dict[CurveKey, list[Ranked]] = {}
    for rank, point in points:
        key = (point.model_id, point.source_id, stamp_of(point), point.layout_name, point.isl_tokens, point.osl_tokens)
        curves.setdefault(key, []).append((rank, point))
    return curves


def curves_of(points: Iterable[ThroughputPoint]) -> list[list[ThroughputPoint]]:
    """Group rows into curves of one model, machine, engine, version, layout and length shape, as they were measured."""
    by_machine: dict[tuple[object, ...], list[Ranked]] = {}
    for point in points:
        machine = (point.precision, point.kv_precision, point.gpu_id, point.gpu_count, point.tp_size, point.engine_id)
        by_machine.setdefault(machine, []).append((0, point))
    return [[p for _, p in curve] for group in by_machine.values() for curve in group_into_curves(group).values()]


def middle_row(rows: list[ThroughputPoint]) -> ThroughputPoint:
    """Return the row with the median TPOT; of two in the middle the slower, never their mean."""
    return sorted(rows, key=lambda row: (row.tpot_ms or 0.0, row.ttft_ms or 0.0))[len(rows) // 2]


def rows_by_level(points: Iterable[ThroughputPoint]) -> dict[int, list[ThroughputPoint]]:
    """Group complete rows by their requests in flight, fewest first."""
    grouped: dict[int, list[ThroughputPoint]] = {}
    for point in points:
        if point.concurrency is not None and point.tpot_ms is not None:
            grouped.setdefault(point.concurrency, []).append(point)
    return dict(sorted(grouped.items()))


def monotone_levels(points: Iterable[ThroughputPoint]) -> tuple[Level, ...]:
    """Order rows by concurrency, one a level (the middle of several), and let no level be faster than one before."""
    levels: list[Level] = []
    for concurrency, rows in rows_by_level(points).items():
        point = middle_row(rows)
        tpot = max(point.tpot_ms or 0.0, levels[-1].tpot_ms if levels else 0.0)
        before = levels[-1].ttft_ms if levels else None
        ttft = point.ttft_ms if before is None or point.ttft_ms is None else max(point.ttft_ms, before)
        levels.append(Level(concurrency, tpot, ttft, point))
    return tuple(levels)


def spread_fraction(points: Iterable[ThroughputPoint]) -> float:
    """Return how far rows of one level lie from their middle one at most, relative."""
    spread = 0.0
    for rows in rows_by_level(points).values():
        middle = middle_row(rows).tpot_ms or 1.0
        spread = max(spread, *(abs((row.tpot_ms or 0.0) / middle - 1) for row in rows))
    return spread


def version_spread(catalog: Catalog, question: Question, rows: Iterable[ThroughputPoint]) -> float:
    """Return how far ln TPOT is likely to lie from rows' because what is asked for is other software."""
    calibration = catalog.calibration
    if calibration is None or not calibration.version_error_per_root_year:
        return 0.0
    apart = max(abs(age_of(catalog, point) - question.age_years) for point in rows)
    return calibration.version_error_per_root_year * math.sqrt(apart)


def _preference(item: tuple[CurveKey, list[Ranked]], ages: Ages, asked: float) -> tuple[object, ...]:
    """Order curves: best length match, more trusted, software as asked for, more levels, then by name.

    What is deployed is best stood for by the newest there is; another version by what is nearest to it in time.
    """
    key, ranked = item
    points = [point for _, point in ranked]
    trust = min(CONFIDENCE_RANK[point.confidence] for point in points)
    age = min(ages(point) for point in points)
    newest = abs(age - asked) if asked else age
    versions = tuple(-number for number in version_key(points[0].engine_version))
    levels = len({point.concurrency for point in points})
    return (ranked[0][0], trust, newest, versions, -levels, *(str(part) for part in key))


Ages = Callable[[ThroughputPoint], float]
"""How old a row's software is, in years."""


def best_curve(curves: dict[CurveKey, list[Ranked]], ages: Ages, asked: float = 0.0) -> list[ThroughputPoint]:
    """Return the rows of the best curve, with those that other sources measured under the same conditions.

    The same are lengths and engine version; of an unknown version nothing is the same.
    """
    (_, source, stamp, layout, isl, osl), ranked = min(curves.items(), key=lambda item: _preference(item, ages, asked))
    rows = [point for _, point in ranked]
    levels = {point.concurrency for point in rows}
    for key, others in curves.items():
        if rows[0].engine_version and key[1] != source and key[2:] == (stamp, layout, isl, osl):
            rows += [point for _, point in others if point.concurrency in levels]
    return rows


def own_first(catalog: Catalog, found: list[Ranked]) -> list[Ranked]:
    """Return the rows of sources that overlays name, alone, where they answer as well as any.

    What users measured themselves comes first: their set-up is theirs, so that other sources are no repeats of it. An
    own row within a shipped source replaces one level of it; its other levels stay.
    """
    best = min((rank for rank, _ in found), default=0)
    sources = {point.source_id for rank, point in found
               if rank == best and catalog.is_overlaid("throughput", point_key(point))}
    return [(rank, point) for rank, point in found if point.source_id in sources] or found


def curve_for(catalog: Catalog, question: Question) -> SpeedCurve | None:
    """Answer from the best matching measured curve, or None when the catalog has no row for this."""
    curves = group_into_curves(own_first(catalog, matching_points(catalog, question)))
    if not curves:
        return None
    rows = best_curve(curves, lambda point: age_of(catalog, point), question.age_years)
    levels, proven = monotone_levels(rows), proven_concurrency(question, rows)
    calibration = catalog.calibration
    if calibration is None:
        return SpeedCurve(levels, *tracks_without_estimate(levels), "edge", DEFAULT_BARS, DEFAULT_TTFT_BARS, proven)
    dense = calibration.tpot.kinship is not None
    as_asked = length_match(question.isl_tokens, question.osl_tokens, rows[0]) == 0
    if not as_asked and dense:
        levels = safe_side(catalog, calibration, question, levels)
    counts = knots_around([level.concurrency for level in levels], dense)
    tpot, ttft = (found[0] for found in estimate(catalog, calibration, alike(calibration, [question]), counts))
    lasting = calibration.tpot.kinship.rough_length if calibration.tpot.kinship else math.inf
    if all(level.ttft_ms is not None for level in levels):
        ttft = through(counts, ttft, {level.concurrency: level.ttft_ms or 0.0 for level in levels}, lasting)
    tpot = through(counts, tpot, {level.concurrency: level.tpot_ms for level in levels}, lasting)
    return SpeedCurve(
        levels=levels,
        tpot=Track(counts, tuple(tpot.tolist())),
        ttft=Track(counts, tuple(ttft.tolist())),
        elsewhere="edge",
        tpot_bars=bars_of(calibration.tpot_errors, DEFAULT_BARS),
        ttft_bars=bars_of(calibration.ttft_errors, DEFAULT_TTFT_BARS),
        proven_concurrency=proven,
        spread_fraction=spread_fraction(rows),
        version_spread=version_spread(catalog, question, rows),
        lengths_differ=not as_asked and dense,
        work_out_prompt=partial(prompt_ms, calibration, question),
    )


def safe_side(
    catalog: Catalog, calibration: Calibration, question: Question, levels: tuple[Level, ...]
) -> tuple[Level, ...]:
    """Slow levels of longer requests down where the estimate says that the shorter ones asked are slower.

    Twice the output leaves half as many prompts between the steps.
    """
    row, counts = levels[0].point, [level.concurrency for level in levels]
    own = replace(question, isl_tokens=row.isl_tokens or 1, osl_tokens=row.osl_tokens or 1)
    here, there = (estimate(catalog, calibration, alike(calibration, [one]), counts) for one in (question, own))
    slower = [np.maximum.accumulate(np.maximum(asked[0] / measured[0], 1.0))
              for asked, measured in zip(here, there, strict=True)]
    return tuple(
        replace(level, tpot_ms=level.tpot_ms * tpot, ttft_ms=None if level.ttft_ms is None else level.ttft_ms * ttft)
        for level, tpot, ttft in zip(levels, slower[0].tolist(), slower[1].tolist(), strict=True)
    )


def knots_around(levels: list[int], dense: bool) -> tuple[int, ...]:
    """Return where a curve with measured levels is worked out: at its levels, and where the estimate is.

    Without rows that correct the estimate (`dense` false) it is a straight line between levels, and flat before them.
    """
    others = [count for count in KNOTS if dense or count > levels[-1]]
    return tuple(sorted({*levels, *others}))


def through(counts: tuple[int, ...], estimate_ms: Vector, levels: dict[int, float], lasting: float) -> Vector:
    """Bend an estimate so that it passes through measured levels and never falls.

    ln(measured / estimated) is linear in ln C between levels; past the ends it fades as exp(-|ln C - ln end| /
    lasting).
    """
    logs, at = np.log(np.array(counts, dtype=float)), np.array([counts.index(count) for count in levels])
    measured = np.array(list(levels.values()))
    bend = np.interp(logs, logs[at], np.log(measured / estimate_ms[at]))
    beyond = np.maximum(logs[at[0]] - logs, logs - logs[at[-1]])
    bent = estimate_ms * np.exp(bend * np.exp(-np.maximum(beyond, 0.0) / lasting))
    bent[at] = measured
    least, most = np.zeros_like(bent), np.full_like(bent, np.inf)
    least[at], most[at] = measured, measured
    most = np.minimum.accumulate(most[::-1])[::-1]
    return np.asarray(np.maximum.accumulate(np.clip(bent, np.maximum.accumulate(least), most)))


def tracks_without_estimate(levels: tuple[Level, ...]) -> tuple[Track, Track]:
    """Return straight lines through measured levels that promise nothing past the last one."""
    counts = tuple(level.concurrency for level in levels)
    tpot = Track(counts, tuple(level.tpot_ms for level in levels), ends=True)
    if any(level.ttft_ms is None for level in levels):
        return tpot, Track((0,), (math.inf,), ends=True)
    return tpot, Track(counts, tuple(level.ttft_ms or 0.0 for level in levels), ends=True)


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
