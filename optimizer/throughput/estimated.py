"""The calibrated estimate: the fitted formula, corrected by measured rows of the same model, within physical limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from optimizer.load import Catalog
from optimizer.schema.calibration import TPOT_TERMS, TTFT_TERMS, Calibration, FittedTerms, Kinship
from optimizer.schema.catalog import LlmModel, ThroughputPoint
from optimizer.throughput.curve import Question, SpeedCurve, Track
from optimizer.throughput.fitted import effect, term_weights
from optimizer.throughput.gaps import DEFAULT_BARS, DEFAULT_TTFT_BARS, bars_of, gap_of
from optimizer.throughput.kin import Corrector, kin_in
from optimizer.throughput.physics import (
    Loads,
    Replica,
    Vector,
    least_ms,
    least_tpot_ms,
    replica_of,
    tpot_terms,
    ttft_terms,
)
from optimizer.throughput.physics import prompt_ms as physics_prompt_ms
from optimizer.throughput.relatives import length_columns
from optimizer.throughput.samples import age_of
from optimizer.throughput.traits import Traits, traits_of

LENGTH_TOLERANCE = 0.10
"""Input and output lengths within this count as the same (the design's definition of `measured`)."""

KNOTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096)
"""Requests in flight at which the estimate is worked out; it is linear between them."""


CEILING_YEARS = 0.5
"""What older software reached at most caps newer software no longer."""


def is_no_harder(point: ThroughputPoint, question: Question) -> bool:
    """Say whether a saturation row had requests no harder than those asked, so that what it reached caps them.

    Harder are a longer input, more input for each output token, and a longer context; 10% does not count. A row without
    lengths is taken as it is.
    """
    if point.isl_tokens is None or point.osl_tokens is None:
        return True
    isl, osl, most = point.isl_tokens, point.osl_tokens, 1 + LENGTH_TOLERANCE
    return (isl <= question.isl_tokens * most and isl / osl <= question.isl_tokens / question.osl_tokens * most
            and isl + osl <= (question.isl_tokens + question.osl_tokens) * most)


def ceilings_on(catalog: Catalog, runs_like: str, gpu_id: str, engine_id: str) -> list[ThroughputPoint]:
    """List the saturation rows of a model group on a GPU with an engine, found once a catalog."""
    known: dict[tuple[str, str, str], list[ThroughputPoint]] = catalog.memo.setdefault("ceilings", {})
    key = (runs_like, gpu_id, engine_id)
    if key not in known:
        known[key] = [point for point in catalog.points_on(*key) if point.use == "ceiling"]
    return known[key]


def saturation_tokens_per_s(catalog: Catalog, question: Question) -> float | None:
    """Return the highest output tokens/s that saturation rows of the same replica reached, None without one."""
    q, precisions = question, catalog.precisions
    tops = [
        point.output_tokens_per_s
        for point in ceilings_on(catalog, q.model.runs_like, q.gpu.gpu_id, q.engine_id)
        if point.output_tokens_per_s is not None and point.gpu_count == q.gpu_count
        and (found := precisions.get(point.precision or "")) is not None and found.runs_like == q.precision.runs_like
        and is_no_harder(point, q) and age_of(catalog, point) - q.age_years <= CEILING_YEARS
    ]
    return max(tops, default=None)


@dataclass(frozen=True)
class Alike:
    """Questions about one replica, which differ in their requests only."""

    replica: Replica
    traits: Traits
    engines_here: tuple[str, ...]
    kinship: Kinship | None
    questions: list[Question]

    def loads(self) -> Loads:
        """Lay the requests out."""
        count = len(self.questions)
        return Loads.of([self.replica] * count, [q.isl_tokens for q in self.questions],
                        [q.osl_tokens for q in self.questions])

    def lengths(self) -> Vector:
        """Return where the requests lie."""
        return lengths_of(self.kinship, self.questions)


def lengths_of(kinship: Kinship | None, questions: Sequence[Question]) -> Vector:
    """Return where the requests of questions lie, and how old their software is."""
    years = kinship.years if kinship else 0.0
    return length_columns((q.isl_tokens for q in questions), (q.osl_tokens for q in questions),
                          (max(q.tp_size, q.gpu_count) for q in questions),
                          years * np.array([q.age_years for q in questions]))


def alike(calibration: Calibration, questions: Sequence[Question]) -> Alike:
    """Group questions about one replica and version."""
    first = questions[0]
    here = calibration.engines_measured.get(first.gpu.memory_kind, ())
    return Alike(replica_of(first), traits_of(first), here, calibration.tpot.kinship, list(questions))


def formula(fitted: FittedTerms, names: tuple[str, ...], group: Alike, terms: Vector) -> Vector:
    """Return coefficients x terms x effects: n x k milliseconds."""
    weights = np.array(term_weights(fitted, names, group.traits))
    whole = effect(fitted, group.traits, group.engines_here, group.questions[0].age_years)
    return np.asarray(np.tensordot(weights, terms, 1) * np.exp(whole))


def corrected(
    values: Vector, corrector: Corrector | None, group: Alike, lengths: Vector, counts: Sequence[int]
) -> Vector:
    """Return an estimate with what measured rows of the same model add: n x k."""
    if corrector is None:
        return values
    added = corrector.relatives.deviations(corrector.weights, group.traits, lengths, tuple(counts))
    return np.asarray(values * np.exp(added))


def estimate(catalog: Catalog, calibration: Calibration, group: Alike, counts: Sequence[int]) -> tuple[Vector, Vector]:
    """Return TPOT and TTFT of questions about one replica, n x k milliseconds, neither of which falls.

    No TPOT uses memory, arithmetic or link above its peak; saturation rows cap what all requests get together.
    """
    kin = kin_in(catalog, calibration, group.questions[0].model.runs_like)
    loads, lengths, at = group.loads(), group.lengths(), np.array(counts, dtype=float)
    terms = tpot_terms(loads, at)
    plain = formula(calibration.tpot, TPOT_TERMS, group, terms)
    tpot = np.maximum(corrected(plain, kin.tpot, group, lengths, counts), least_ms(terms))
    first = group.questions[0]
    capped = ceilings_on(catalog, first.model.runs_like, first.gpu.gpu_id, first.engine_id)
    for row, question in enumerate(group.questions if capped else ()):
        ceiling = saturation_tokens_per_s(catalog, question)
        if ceiling is not None:
            tpot[row] = np.maximum(tpot[row], 1000 * at / ceiling)
    ttft = formula(calibration.ttft, TTFT_TERMS, group, ttft_terms(loads, at, plain))
    ttft = corrected(ttft, kin.ttft, group, lengths, counts)
    return np.maximum.accumulate(tpot, axis=1), np.maximum.accumulate(ttft, axis=1)


def estimate_each(
    catalog: Catalog, calibration: Calibration, questions: Sequence[Question], counts: tuple[int, ...]
) -> tuple[Vector, Vector]:
    """Return TPOT and TTFT of questions about replicas of one model group, n x k, as `estimate` does."""
    kin = kin_in(catalog, calibration, questions[0].model.runs_like)
    traits = [traits_of(question) for question in questions]
    here = [calibration.engines_measured.get(question.gpu.memory_kind, ()) for question in questions]
    at = np.array(counts, dtype=float)
    loads = Loads.of([replica_of(question) for question in questions], [q.isl_tokens for q in questions],
                     [q.osl_tokens for q in questions])
    lengths = lengths_of(calibration.tpot.kinship, questions)
    ages = [question.age_years for question in questions]

    def worked_out(fitted: FittedTerms, names: tuple[str, ...], terms: Vector) -> Vector:
        """Return the formula's values."""
        weights = np.array([term_weights(fitted, names, one) for one in traits])
        whole = np.array([effect(fitted, *one) for one in zip(traits, here, ages, strict=True)])
        return np.asarray(np.einsum("nt,tnk->nk", weights, terms) * np.exp(whole)[:, None])

    def with_relatives(values: Vector, one: Corrector | None) -> Vector:
        """Return the values with what measured rows of the same model add."""
        if one is None:
            return values
        return np.asarray(values * np.exp(one.relatives.deviations_of_each(one.weights, traits, lengths, counts)))

    terms = tpot_terms(loads, at)
    plain = worked_out(calibration.tpot, TPOT_TERMS, terms)
    tpot = np.maximum(with_relatives(plain, kin.tpot), least_ms(terms))
    for row, question in enumerate(questions):
        ceiling = saturation_tokens_per_s(catalog, question)
        if ceiling is not None:
            tpot[row] = np.maximum(tpot[row], 1000 * at / ceiling)
    ttft = with_relatives(worked_out(calibration.ttft, TTFT_TERMS, ttft_terms(loads, at, plain)), kin.ttft)
    return np.maximum.accumulate(tpot, axis=1), np.maximum.accumulate(ttft, axis=1)


def prompt_ms(calibration: Calibration, question: Question) -> float:
    """Return what a prompt takes of its replica: as much as each prompt of another user adds to what steps take.

    Its arithmetic and its link traffic, by the formula of the TPOT, which far more rows say than that of the TTFT.
    """
    group = alike(calibration, [question])
    loads = group.loads()
    weights = dict(zip(TPOT_TERMS, term_weights(calibration.tpot, TPOT_TERMS, group.traits), strict=True))
    traffic = group.replica.link_ms_per_token * question.isl_tokens
    whole = np.exp(effect(calibration.tpot, group.traits, group.engines_here, question.age_years))
    arithmetic, link = float(physics_prompt_ms(loads)[0, 0]), weights["link_traffic"] * traffic
    own = (weights["prefill_share"] * arithmetic + link) * whole
    return float(max(own, arithmetic / LARGEST_UTILISATION + link))


LARGEST_UTILISATION = 0.6
"""Of the arithmetic, by a prompt that is worked on alone: part of what prompts add to steps is overlapped with them."""


Tracks = dict[tuple[object, ...], tuple[Track, Track, LlmModel]]
"""By question: TPOT, TTFT, and the model, held so that no other object comes by its id."""

MOST_AT_ONCE, MOST_KEPT = 256, 50_000
"""Questions worked out together, and answers that a catalog remembers."""


def _key(question: Question) -> tuple[object, ...]:
    q = question
    return (id(q.model), q.precision_id, q.gpu.gpu_id, q.engine_id, q.tp_size, q.gpu_count, q.spread,
            q.age_years, q.laboratory, q.isl_tokens, q.osl_tokens)


def prepare_curves(catalog: Catalog, questions: Sequence[Question]) -> None:
    """Work estimates out for questions of one model together, so that asking for each is a look-up."""
    if catalog.calibration is None:
        return
    known: Tracks = catalog.memo.setdefault("estimates", {})
    if len(known) > MOST_KEPT:
        known.clear()
    new = [question for question in questions if _key(question) not in known]
    for start in range(0, len(new), MOST_AT_ONCE):
        chunk = new[start : start + MOST_AT_ONCE]
        tpots, ttfts = estimate_each(catalog, catalog.calibration, chunk, KNOTS)
        for question, tpot, ttft in zip(chunk, tpots.tolist(), ttfts.tolist(), strict=True):
            known[_key(question)] = Track(KNOTS, tuple(tpot)), Track(KNOTS, tuple(ttft)), question.model


def curve_for(catalog: Catalog, question: Question) -> SpeedCurve | None:
    """Answer any question by the calibrated estimate; None without a calibration."""
    calibration = catalog.calibration
    if calibration is None:
        return None
    prepare_curves(catalog, [question])
    tpot, ttft, _ = catalog.memo["estimates"][_key(question)]
    known = kin_in(catalog, calibration, question.model.runs_like).known
    return SpeedCurve(
        levels=(),
        tpot=tpot,
        ttft=ttft,
        elsewhere=gap_of(question, known, calibration),
        tpot_bars=bars_of(calibration.tpot_errors, DEFAULT_BARS),
        ttft_bars=bars_of(calibration.ttft_errors, DEFAULT_TTFT_BARS),
        proven_concurrency=0,
        work_out_prompt=partial(prompt_ms, calibration, question),
    )


__all__ = ["KNOTS", "LENGTH_TOLERANCE", "alike", "curve_for", "estimate", "least_tpot_ms", "prepare_curves",
           "replica_of", "saturation_tokens_per_s"]
