"""What verification works out of a kind of replica, each figure once, kept for further plans of the same catalog."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property

from optimizer.costs import PricedOffer, price_of, pricing_of
from optimizer.load import Catalog
from optimizer.memory import Loaded, loaded
from optimizer.schema.base import Evidence
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Deployment, spread_of
from optimizer.schema.problem import Problem, Service
from optimizer.throughput import Question, SpeedCurve, speed_curve


@dataclass
class Promise:
    """One class of requests alone on a replica: up to how many in flight its limits other than speed are kept."""

    slowness: list[float] = field(default_factory=list)
    """Of 1, 2, 3, ... requests in flight: the lowest speed of any number up to it, negated, so that it never falls."""
    over: bool = False
    """Whether one request more breaks a limit."""


@dataclass(frozen=True)
class Figures:
    """A kind of replica: its curves, its memory, and what was worked out of them so far."""

    catalog: Catalog
    model: LlmModel
    deployment: Deployment
    gpu_id: str
    curves: tuple[SpeedCurve | None, ...]
    """One for each class of requests; None: no speed is known."""
    planned: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    """(id of a curve, requests in flight) -> (TTFT, TPOT) in milliseconds, as planned with."""
    fitting: dict[tuple[int, int], int] = field(default_factory=dict)
    """(sequences the engine is started with, tokens) -> requests that fit."""
    promises: dict[tuple[int, int, int], Promise] = field(default_factory=dict)
    """By (ISL, OSL) of a class and the number of classes that share the replica."""

    @cached_property
    def loaded(self) -> Loaded:
        """The model on the GPUs of a replica."""
        one, catalog = self.deployment, self.catalog
        return loaded(self.model, catalog.precisions[one.precision], catalog.engines[one.engine_id],
                      catalog.gpus[self.gpu_id], one.tp_size)


MOST_KEPT = 256
"""Kinds of replica that are kept."""

MOST_PRICES = 4096
"""Prices that are kept."""


class KnownFigures:
    """The figures of the kinds of replica that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Figures] = OrderedDict()
        self._prices: dict[Hashable, PricedOffer | None] = {}
        self._catalog: Catalog | None = None

    def price(self, offer_id: str, catalog: Catalog, problem: Problem) -> PricedOffer | None:
        """Price an offer by its id, None when there is no such offer."""
        if self._catalog is not catalog or len(self._prices) >= MOST_PRICES:
            self._prices, self._catalog = {}, catalog
        key = (offer_id, pricing_of(problem))
        if key not in self._prices:
            self._prices[key] = price_of(offer_id, catalog, problem)
        return self._prices[key]

    def of(
        self, one: Deployment, service: Service, model: LlmModel, gpu_id: str, catalog: Catalog,
        confidence: float | None, evidence: Evidence,
    ) -> Figures:
        """Return what is known of a deployment's replicas."""
        lengths = tuple((request.isl_tokens, request.osl_tokens) for request in service.workload)
        key = (
            id(catalog), id(model), gpu_id, one.engine_id, one.precision, one.tp_size, one.gpu_count, one.layout,
            lengths, confidence, evidence, service.slo.ttft_ms, service.slo.percentile, service.slo.e2e_ms,
        )
        found = self._kept.get(key)  # its figures hold catalog and model, so that no others come by their ids
        if found is None:
            curves = tuple(
                speed_curve(catalog, Question(
                    model, one.precision, catalog.precisions[one.precision], catalog.gpus[gpu_id], one.engine_id,
                    catalog.engines[one.engine_id], one.tp_size, one.gpu_count, isl_tokens, osl_tokens,
                    spread_of(one)))
                for isl_tokens, osl_tokens in lengths
            )
            asked = tuple(None if curve is None else replace(curve, least_evidence=evidence) for curve in curves)
            found = self._kept[key] = Figures(catalog, model, one, gpu_id, asked)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found
