"""One speed: each term of the estimate, what it rests on, and how far it may be off."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from optimizer.documents.cells import Number
from optimizer.documents.document import Document, Records, Text, bullets, document, paragraph, section, table
from optimizer.engines import refusal
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.memory import largest_fitting_concurrency, memory_fit
from optimizer.messages import Message
from optimizer.schema.calibration import TPOT_TERMS
from optimizer.schema.layout import ReplicaLayout
from optimizer.throughput import Question, SpeedCurve, speed_curve
from optimizer.throughput.estimated import alike
from optimizer.throughput.fitted import effect, term_weights
from optimizer.throughput.kin import kin_in
from optimizer.throughput.names import UnknownNameError, question_named
from optimizer.throughput.physics import tpot_terms
from optimizer.throughput.samples import Sample
from optimizer.throughput.traits import traits_of

MOST_ROWS = 5
"""Relatives named: those that share most with what is asked."""


@dataclass(frozen=True)
class UsedRow:
    """A measured row that the answer rests on."""

    model_id: str
    gpu_id: str
    engine_id: str
    engine_version: str
    tp_size: int
    precision: str
    isl_tokens: int
    osl_tokens: int
    concurrency: int
    tpot_ms: float
    source_url: str


@dataclass(frozen=True)
class FirstToken:
    """Time to first token where requests come in one way."""

    mean_ms: float
    p95_ms: float


@dataclass(frozen=True)
class VersionGain:
    """The same levels measured with two versions of the engine."""

    older: str
    newer: str
    levels: int
    tpot_ratio: float
    """Median of newer / older."""


@dataclass(frozen=True)
class SpeedReport:
    """Everything about one speed; `low` and `high` are the ends of the 90% interval of the TPOT."""

    model: str
    gpu_id: str
    engine_id: str
    precision: str
    tp_size: int
    isl_tokens: int
    osl_tokens: int
    concurrency: int
    tpot_ms: float
    ttft_ms: float
    tokens_per_s_per_user: float
    evidence: str
    gap: str
    low: float
    high: float
    ttft_low_ms: float
    ttft_high_ms: float
    ttft_evidence: str
    confidence: float
    terms_ms: dict[str, float]
    """Parts of the TPOT by the formula, effects in."""
    formula_ms: float
    """Their sum."""
    correction: float
    """What measured rows and physical limits make of it: TPOT / formula."""
    rows: tuple[UsedRow, ...]
    refusal: str | None
    """Why it would not run at all."""
    fits: int
    """Requests that its memory holds at once, of those asked."""
    layout: str
    """How the replica spreads over its GPUs."""
    engine_version: str
    """What the answer is computed for: the version that the catalog takes as deployed."""
    gains: tuple[VersionGain, ...]
    """What versions of the engine gained on this GPU, model and precision, as measured."""
    first_token: dict[str, FirstToken]
    """By kind of arrival."""


def why_not(question: Question, fits: int) -> str | None:
    """Say why a replica cannot serve a single one of the requests asked, None when it can."""
    q, tokens = question, question.isl_tokens + question.osl_tokens
    refused = refusal(q.engine, q.model, q.precision_id, q.gpu, q.layout.tp_size)
    if refused:
        return refused
    if tokens > q.model.context_limit_tokens:
        return f"requests of {tokens:,} tokens exceed the model's context of {q.model.context_limit_tokens:,}"
    if fits:
        return None
    fit = memory_fit(q.model, q.precision, q.engine, q.gpu, q.layout.gpu_count, max_num_seqs=1)
    held = f"weights take {fit.weights_gib:.1f} of {fit.usable_gib:.1f} GiB"
    return f"its memory does not hold one request of {tokens:,} tokens ({held})"


def asked_of(
    catalog: Catalog, model: str, gpu: str, engine: str, precision: str | None, tp_size: int, isl: int, osl: int,
    layout: str | None = None,
) -> Question:
    """Put the question; a layout stands for the tensor-parallel size.

    Raises:
        InputError: a name is unknown; all that are unknown are named.
    """
    gpus, spread = tp_size, None
    if layout is not None:
        try:
            spread = ReplicaLayout.parse(layout)
        except ValueError as error:
            raise InputError([Fault("speed", "--layout", repr(layout), str(error).partition("allowed: ")[2])]) from None
        tp_size, gpus = spread.tp_size, spread.gpu_count
    try:
        return question_named(catalog, model, gpu, engine, precision or "", tp_size, gpus, isl, osl, spread)
    except UnknownNameError:
        pass
    option = {"model": "MODEL", "GPU": "--gpu", "engine": "--engine", "precision": "--precision"}
    faults = []
    some = [next(iter(catalog.models)), next(iter(catalog.gpus)), next(iter(catalog.engines)), ""]
    for index, name in enumerate((model, gpu, engine, precision or "")):
        alone = [*some[:index], name, *some[index + 1:]]
        try:
            question_named(catalog, alone[0], alone[1], alone[2], alone[3], tp_size, tp_size, isl, osl)
        except UnknownNameError as error:
            allowed = f"{error.near or 'an id'} of gpumix catalog list {error.what.lower()}s"
            faults.append(Fault("speed", option[error.what], repr(name), allowed))
    raise InputError(faults)


def used_rows(catalog: Catalog, question: Question, curve: SpeedCurve) -> tuple[UsedRow, ...]:
    """List the levels that answer, or else the relatives that share most with what is asked."""
    if curve.levels:
        points = [level.point for level in curve.levels]
    else:
        points = [row.point for row in nearest(catalog, question)]
    return tuple(
        UsedRow(p.model_id, p.gpu_id, p.engine_id, p.engine_version, p.tp_size or 1, p.precision or "",
                p.isl_tokens or 0, p.osl_tokens or 0, p.concurrency or 0, p.tpot_ms or 0.0, p.source_url)
        for p in points)


def nearest(catalog: Catalog, question: Question) -> list[Sample]:
    """Return one row of each of the curves that share most with a replica."""
    if catalog.calibration is None:
        return []
    kin = kin_in(catalog, catalog.calibration, question.model.runs_like)
    if kin.tpot is None:
        return []
    shared = sum(kin.tpot.relatives.shared(traits_of(question)))
    curves: dict[int, int] = {}
    for index in np.argsort(-np.asarray(shared), kind="stable").tolist():
        curves.setdefault(int(kin.tpot.relatives.places.curves[index]), index)
    return [kin.rows[index] for index in list(curves.values())[:MOST_ROWS]]


def terms_of(catalog: Catalog, question: Question, concurrency: int) -> dict[str, float]:
    """Return the parts of the TPOT by the formula."""
    calibration = catalog.calibration
    if calibration is None:
        return {}
    group = alike(calibration, [question])
    terms = tpot_terms(group.loads(), np.array([float(concurrency)]))[:, 0, 0]
    whole = float(np.exp(effect(calibration.tpot, group.traits, group.engines_here)))
    weights = term_weights(calibration.tpot, TPOT_TERMS, group.traits)
    return {name: weight * float(term) * whole for name, weight, term in zip(TPOT_TERMS, weights, terms, strict=True)}


def gains_of(catalog: Catalog, question: Question) -> tuple[VersionGain, ...]:
    """List what each version gained over the one before it, on levels measured with both by one source."""
    if catalog.calibration is None:
        return ()
    levels: dict[tuple[object, ...], dict[str, Sample]] = {}
    for row in kin_in(catalog, catalog.calibration, question.model.runs_like).rows:
        q, version = row.question, row.point.engine_version
        if version and (q.model.runs_like, q.gpu.gpu_id, q.engine_id, q.precision_id) == (
                question.model.runs_like, question.gpu.gpu_id, question.engine_id, question.precision_id):
            cell = (row.point.source_id, q.layout, q.isl_tokens, q.osl_tokens, row.concurrency)
            levels.setdefault(cell, {}).setdefault(version, row)
    ratios: dict[tuple[str, str], list[float]] = {}
    for versions in levels.values():
        ordered = sorted(versions.items(), key=lambda item: -item[1].age_years)
        for (older, before), (newer, after) in itertools.pairwise(ordered):
            ratios.setdefault((older, newer), []).append(after.tpot_ms / before.tpot_ms)
    found = [VersionGain(older, newer, len(some), float(np.median(some))) for (older, newer), some in ratios.items()]
    return tuple(sorted(found, key=lambda gain: -gain.levels)[:MOST_ROWS])


def first_tokens(curve: SpeedCurve, concurrency: int, osl_tokens: int) -> dict[str, FirstToken]:
    """Return the mean and the 95th percentile of the time to first token by kind of arrival."""
    return {
        "closed": FirstToken(curve.ttft_ms(concurrency), curve.closed_ttft_ms(concurrency, 0.95)),
        "open": FirstToken(curve.open_ttft_ms(concurrency, osl_tokens),
                           curve.open_ttft_ms(concurrency, osl_tokens, 0.95)),
        "burst": FirstToken(curve.burst_ttft_ms(concurrency), curve.burst_ttft_ms(concurrency, 0.95)),
    }


def speed_of(catalog: Catalog, question: Question, concurrency: int, confidence: float = 0.9) -> SpeedReport:
    """Answer one question with all that it rests on.

    Raises:
        InputError: nothing is known: no measured row, and no calibration.
    """
    q, at = question, concurrency
    curve = speed_curve(catalog, q)
    if curve is None or not np.isfinite(curve.tpot_ms(at)):
        raise InputError([Fault("speed", "", "no measured row that says it", "a catalog with a calibration.yaml")])
    terms, tpot = terms_of(catalog, q, at), curve.tpot_ms(at)
    (low, high), (ttft_low, ttft_high) = curve.interval(at, confidence), curve.ttft_interval(at, confidence)
    formula = sum(terms.values()) or tpot
    computed = largest_fitting_concurrency(
        q.model, q.precision, q.engine, q.gpu, q.layout.gpu_count, q.isl_tokens + q.osl_tokens, at)
    fits = min(at, max(curve.proven_concurrency, computed))
    return SpeedReport(
        model=q.model.name, gpu_id=q.gpu.gpu_id, engine_id=q.engine_id, precision=q.precision_id,
        tp_size=q.layout.tp_size, isl_tokens=q.isl_tokens, osl_tokens=q.osl_tokens, concurrency=at, tpot_ms=tpot,
        ttft_ms=curve.ttft_ms(at), tokens_per_s_per_user=1000 / tpot,
        evidence=curve.evidence(at), gap=curve.gap(at), low=low, high=high, ttft_low_ms=ttft_low,
        ttft_high_ms=ttft_high, ttft_evidence=curve.evidence(at) if curve.ttft_measured else "estimated",
        confidence=confidence, terms_ms=terms, formula_ms=formula, correction=tpot / formula,
        rows=used_rows(catalog, q, curve), refusal=why_not(q, fits), fits=fits, layout=q.layout.name,
        engine_version=q.engine.version, gains=gains_of(catalog, q), first_token=first_tokens(curve, at, q.osl_tokens))


def _placed_on(report: SpeedReport) -> Message | str:
    """Name the GPUs of the replica, and its layout where tensor parallelism is not all of it."""
    layout = ReplicaLayout.parse(report.layout)
    return Message("speed.on" if layout.is_plain else "speed.on-layout", count=layout.gpu_count, gpu=report.gpu_id,
                   layout=layout.name)


def _milliseconds(value: float) -> Message:
    """Write a time; one that never ends in words."""
    return Message("speed.ms", ms=value) if np.isfinite(value) else Message("speed.endless")


def _arrivals(report: SpeedReport) -> Iterator[Message]:
    for kind, at in report.first_token.items():
        ident = "speed.arrival-p95" if np.isfinite(at.p95_ms) else "speed.arrival"
        yield Message(ident, kind=Message(f"speed.arrival-{kind}"), mean=_milliseconds(at.mean_ms), p95=at.p95_ms)


def _told(report: SpeedReport) -> Iterator[Message]:
    r = report
    yield Message("speed.user", speed=r.tokens_per_s_per_user, tpot=r.tpot_ms, evidence=r.evidence)
    yield Message("speed.interval", confidence=r.confidence, low=r.low, high=r.high)
    yield Message("speed.first", ttft=r.ttft_ms, low=r.ttft_low_ms, high=r.ttft_high_ms, evidence=r.ttft_evidence)
    yield from _arrivals(r)
    yield Message("speed.not-measured", gap=Message(f"speed.gap-{r.gap}"))
    if r.gap == "rough":
        yield Message("speed.rough")
    if r.refusal:
        yield Message("speed.refused", reason=r.refusal)
    elif r.fits < r.concurrency:
        yield Message("speed.fits", count=r.fits)


def _terms(report: SpeedReport) -> Iterator[tuple[Text, Number]]:
    for name, value in report.terms_ms.items():
        if value >= 0.005:
            yield Message(f"speed.term-{name.replace('_', '-')}"), Number(value, ",.2f", "ms")
    yield Message("speed.correction"), Number(report.correction, ".3f", "x")
    yield Message("speed.tpot"), Number(report.tpot_ms, ",.2f", "ms")


def speed_document(report: SpeedReport) -> Document:
    """Put a speed into a document; its row has every figure."""
    r, found = report, figures_of(report)
    title = Message("speed.title", model=r.model, precision=r.precision, placed=_placed_on(r),
                    engine=f"{r.engine_id} {r.engine_version}", isl=r.isl_tokens, osl=r.osl_tokens, count=r.concurrency)
    rows = [Message("speed.row", model=row.model_id, precision=row.precision, size=row.tp_size, gpu=row.gpu_id,
                    engine=f"{row.engine_id} {row.engine_version}".rstrip(), isl=row.isl_tokens, osl=row.osl_tokens,
                    count=row.concurrency, ms=row.tpot_ms, source=row.source_url) for row in r.rows]
    return document(
        title,
        [section("speed", "", bullets(_told(r))),
         section("terms", Message("speed.terms"), table(("", ""), _terms(r))) if r.terms_ms else None,
         section("gains", Message("speed.gains"), bullets(
             Message("speed.gain", older=one.older, newer=one.newer, ratio=one.tpot_ratio, n=one.levels)
             for one in r.gains)),
         section("rows", Message("speed.rows"), bullets(rows) or paragraph(Message("speed.no-rows")))],
        records=Records(tuple(found), (found,)), data=lambda: asdict(report))


def figures_of(report: SpeedReport) -> dict[str, object]:
    """Return the figures of a report by name, those of first tokens by kind of arrival."""
    inner = ("rows", "terms_ms", "gains", "first_token")
    found: dict[str, object] = {name: value for name, value in asdict(report).items() if name not in inner}
    for kind, at in report.first_token.items():
        found |= {f"ttft_{kind}_ms": at.mean_ms, f"ttft_{kind}_p95_ms": at.p95_ms}
    return found
