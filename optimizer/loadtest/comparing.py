"""`gpumix loadtest compare`: predicted against measured, whether the promise holds, and what solving again changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from optimizer.candidates.names import resolve_model
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog, LoadedProblem
from optimizer.load.catalog import point_key
from optimizer.plan.best import best_plan
from optimizer.schema.base import Evidence
from optimizer.schema.catalog import LlmModel, ThroughputPoint
from optimizer.schema.plan import Deployment, Plan, spread_of
from optimizer.schema.problem import RequestClass, Service
from optimizer.solve import SolveSettings, prepare
from optimizer.throughput import speed_curve
from optimizer.throughput.curve import Question, SpeedCurve
from optimizer.throughput.measured import matching_points


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its interval, in milliseconds."""

    value: float
    low: float
    high: float

    def meets(self, other: Interval) -> bool:
        """Say whether two intervals share a point."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class ComparedLevel:
    """One measured level beside what was predicted without it."""

    service_id: str
    gpu_id: str
    gpu_count: int
    engine_id: str
    precision: str
    tp_size: int
    isl_tokens: int
    osl_tokens: int
    concurrency: int
    evidence: Evidence
    """Of the prediction."""
    predicted_tpot: Interval
    measured_tpot: Interval
    predicted_ttft: Interval
    measured_ttft: Interval | None
    source_url: str

    @staticmethod
    def verdict(predicted: Interval, measured: Interval) -> str:
        """Say how a measurement lies to a prediction.

        >>> ComparedLevel.verdict(Interval(10, 9, 11), Interval(10.5, 10, 11))
        'not distinguishable'
        >>> ComparedLevel.verdict(Interval(10, 9, 11), Interval(15, 14, 16))
        '+50%'
        """
        return "not distinguishable" if predicted.meets(measured) else f"{measured.value / predicted.value - 1:+.0%}"


@dataclass(frozen=True, slots=True)
class Promise:
    """Whether one deployment of the plan keeps its promise, by what was measured."""

    service_id: str
    offer_id: str
    isl_tokens: int
    osl_tokens: int
    concurrency_at_peak: int
    last_level: int
    target_tokens_per_s: float
    p50_tokens_per_s: float | None
    """What the median request sees at the peak; None: not measured there."""
    p90_tokens_per_s: float | None
    """What nine of ten requests see at least."""
    ttft_limit_ms: float | None
    p50_ttft_ms: float | None
    p90_ttft_ms: float | None
    kept_p50: bool | None
    kept_p90: bool | None
    largest_p50: int
    """Most requests in flight up to which half of the requests keep the promise, among those measured."""
    largest_p90: int
    without_percentiles: bool
    """Whether rows state only means, which then stand for both."""


@dataclass(frozen=True)
class Comparison:
    """Everything that own measurements say about a problem."""

    levels: tuple[ComparedLevel, ...]
    promises: tuple[Promise, ...]
    before: Plan
    after: Plan

    @property
    def broken(self) -> bool:
        """Whether a promise that was measured at the peak is not kept for the median request."""
        return any(promise.kept_p50 is False for promise in self.promises)


def compare(
    loaded: LoadedProblem, base: Catalog, measured: Catalog, settings: SolveSettings, label: str = "--overlay"
) -> Comparison:
    """Hold own measurements against what would have been predicted without them.

    Args:
        loaded: the problem.
        base: the catalog without own measurements.
        measured: the same with them.
        settings: limits of the solves.
        label: how faults name the own measurements.

    Raises:
        InputError: no own row answers the problem.
    """
    levels = tuple(_levels(loaded, base, measured))
    if not levels:
        allowed = "curve rows of a service's model whose lengths are within 10%, or up to twice as long"
        raise InputError([Fault(label, "throughput", f"no row that answers {loaded.problem.name}", allowed)])
    before, after = (_plan(loaded, catalog, settings) for catalog in (base, measured))
    return Comparison(levels, tuple(_promises(loaded, measured, before)), before, after)


def without_own_rows(catalog: Catalog, shipped: Catalog) -> Catalog:
    """Return a catalog with its overlays' prices and facts, but the measured rows of the catalog below them."""
    own = {table: keys for table, keys in catalog.from_overlay.items() if table != "throughput"}
    return replace(catalog, points=shipped.points, from_overlay=own)


def _plan(loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings) -> Plan:
    return best_plan(prepare(loaded, catalog), settings, with_rejections=False)


def _question(
    catalog: Catalog, model: LlmModel, row: ThroughputPoint, request: RequestClass
) -> Question | None:
    """Return the question of a request class that a row may answer."""
    precision, gpu = catalog.precisions.get(row.precision or ""), catalog.gpus.get(row.gpu_id)
    engine = catalog.engines.get(row.engine_id)
    if precision is None or gpu is None or engine is None or row.tp_size is None:
        return None
    return Question(model, row.precision or "", precision, gpu, row.engine_id, engine, row.tp_size, row.gpu_count,
                    request.isl_tokens, request.osl_tokens, row.spread)


def _own_rows(catalog: Catalog) -> list[ThroughputPoint]:
    own = [row for row in catalog.points if row.use == "curve" and catalog.is_overlaid("throughput", point_key(row))]
    return sorted(own, key=lambda row: (row.gpu_id, row.engine_id, row.tp_size or 0, row.concurrency or 0))


def _levels(loaded: LoadedProblem, base: Catalog, measured: Catalog) -> Iterator[ComparedLevel]:
    """Yield every own level that answers a request class of a service."""
    curves: dict[tuple[object, ...], SpeedCurve | None] = {}
    for service in loaded.problem.services:
        model = resolve_model(service, measured, loaded.own_models)
        for request in service.workload:
            for row in _own_rows(measured):
                question = None if model is None else _question(measured, model, row, request)
                if question is None or row not in [point for _, point in matching_points(measured, question)]:
                    continue
                key = (service.service_id, request.isl_tokens, request.osl_tokens, question.precision_id, row.gpu_id,
                       row.engine_id, row.layout_name, row.gpu_count)
                if key not in curves:
                    curves[key] = speed_curve(base, question)
                curve = curves[key]
                if curve is not None:
                    yield _compared(service, request, row, curve)


def _compared(service: Service, request: RequestClass, row: ThroughputPoint, curve: SpeedCurve) -> ComparedLevel:
    users = row.concurrency or 1
    return ComparedLevel(
        service_id=service.service_id, gpu_id=row.gpu_id, gpu_count=row.gpu_count, engine_id=row.engine_id,
        precision=row.precision or "", tp_size=row.tp_size or 1, isl_tokens=request.isl_tokens,
        osl_tokens=request.osl_tokens, concurrency=users, evidence=curve.evidence(users),
        predicted_tpot=Interval(curve.tpot_ms(users), *curve.interval(users)),
        measured_tpot=_interval(row.tpot_ms or 0.0, row.tpot_error_fraction),
        predicted_ttft=Interval(curve.ttft_ms(users), *curve.ttft_interval(users)),
        measured_ttft=None if row.ttft_ms is None else _interval(row.ttft_ms, row.ttft_error_fraction),
        source_url=row.source_url)


def _interval(value: float, error_fraction: float | None) -> Interval:
    error = error_fraction or 0.0
    return Interval(value, value * (1 - error), value * (1 + error))


def between(levels: Sequence[tuple[int, float]], concurrency: int) -> float | None:
    """Return a figure between measured levels: linear, the first level's below it, None beyond the last.

    >>> between([(4, 10.0), (8, 20.0)], 5), between([(4, 10.0)], 1), between([(4, 10.0)], 5)
    (12.5, 10.0, None)
    """
    if not levels or concurrency > levels[-1][0]:
        return None
    if concurrency <= levels[0][0]:
        return levels[0][1]
    for (low, first), (high, last) in pairwise(levels):
        if concurrency <= high:
            return first + (concurrency - low) / (high - low) * (last - first)
    return None


@dataclass(frozen=True)
class _Measured:
    """The own levels of one deployment and request class, at one percentile."""

    tpot: list[tuple[int, float]]
    ttft: list[tuple[int, float]]
    service: Service
    request: RequestClass

    def keeps(self, concurrency: int) -> bool | None:
        """Say whether the promise is kept with so many in flight, None where nothing was measured."""
        slo = self.service.slo
        tpot, ttft = between(self.tpot, concurrency), between(self.ttft, concurrency)
        if tpot is None:
            return None
        if 1000 / tpot < slo.target_tokens_per_s:
            return False
        if slo.ttft_ms is None and slo.e2e_ms is None:
            return True
        if ttft is None:
            return None
        whole = ttft + (self.request.osl_tokens - 1) * tpot
        return (slo.ttft_ms is None or ttft <= slo.ttft_ms) and (slo.e2e_ms is None or whole <= slo.e2e_ms)

    def largest(self) -> int:
        """Return the most in flight up to which the promise is kept."""
        last = self.tpot[-1][0] if self.tpot else 0
        return next((count - 1 for count in range(1, last + 1) if not self.keeps(count)), last)


def _at(rows: Sequence[ThroughputPoint], share: str, service: Service, request: RequestClass) -> _Measured:
    """Return the levels at a percentile, the means where it is not stated."""
    def levels(name: str) -> list[tuple[int, float]]:
        found: dict[int, float] = {}
        for row in rows:
            value = getattr(row, f"{name}_{share}_ms") or getattr(row, f"{name}_ms")
            if value is not None and row.concurrency is not None:
                found[row.concurrency] = max(value, found.get(row.concurrency, 0.0))
        return sorted(found.items())

    return _Measured(levels("tpot"), levels("ttft"), service, request)


def _promises(loaded: LoadedProblem, measured: Catalog, plan: Plan) -> Iterator[Promise]:
    """Yield what own levels say about every deployment of a plan."""
    services = {service.service_id: service for service in loaded.problem.services}
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    own = {id(row) for row in _own_rows(measured)}
    for one in plan.deployments:
        service = services[one.service_id]
        model = resolve_model(service, measured, loaded.own_models)
        for request in service.workload:
            rows = [] if model is None else [
                row for row in _answering(measured, model, one, gpus[one.offer_id], request) if id(row) in own]
            if rows:
                yield _promise(one, service, request, rows)


def _answering(
    catalog: Catalog, model: LlmModel, one: Deployment, gpu_id: str, request: RequestClass
) -> list[ThroughputPoint]:
    """List the rows that answer for a deployment."""
    question = Question(
        model, one.precision, catalog.precisions[one.precision], catalog.gpus[gpu_id], one.engine_id,
        catalog.engines[one.engine_id], one.tp_size, one.gpu_count, request.isl_tokens, request.osl_tokens,
        spread_of(one))
    return [point for _, point in matching_points(catalog, question)]


def _speed(tpot_ms: float | None) -> float | None:
    return None if tpot_ms is None else 1000 / tpot_ms


def _promise(one: Deployment, service: Service, request: RequestClass, rows: Sequence[ThroughputPoint]) -> Promise:
    half, nine = (_at(rows, share, service, request) for share in ("p50", "p90"))
    peak = one.concurrency_at_peak
    return Promise(
        service_id=service.service_id, offer_id=one.offer_id, isl_tokens=request.isl_tokens,
        osl_tokens=request.osl_tokens, concurrency_at_peak=peak, last_level=half.tpot[-1][0],
        target_tokens_per_s=service.slo.target_tokens_per_s, p50_tokens_per_s=_speed(between(half.tpot, peak)),
        p90_tokens_per_s=_speed(between(nine.tpot, peak)), ttft_limit_ms=service.slo.ttft_ms,
        p50_ttft_ms=between(half.ttft, peak), p90_ttft_ms=between(nine.ttft, peak), kept_p50=half.keeps(peak),
        kept_p90=nine.keeps(peak), largest_p50=half.largest(), largest_p90=nine.largest(),
        without_percentiles=any(row.tpot_p90_ms is None for row in rows))
