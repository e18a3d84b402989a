"""Engines x precisions x tensor-parallel sizes on one GPU type, each an option or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from optimizer.candidates.option import Option
from optimizer.candidates.rejection import Step
from optimizer.candidates.replica import ClassSpeed, ReplicaSpeed, in_company
from optimizer.candidates.routed import RoutedSpeed
from optimizer.candidates.table import Drop, OptionTable
from optimizer.demand import ServiceDemand
from optimizer.engines import gpu_refusal, half_refusal, model_refusal, precision_refusal, split_refusal
from optimizer.load import Catalog
from optimizer.memory import Loaded, loaded
from optimizer.messages import Message
from optimizer.schema.catalog import Gpu, LlmModel
from optimizer.schema.layout import ReplicaLayout
from optimizer.schema.problem import Limits, RequestClass, Service
from optimizer.throughput import Question, prepare_curves, speed_curve
from optimizer.units import largest_holding

FOLLOWED_BEYOND = 4
"""How many fit is followed a quarter beyond the demand, so that an error of the memory figure can be tried out."""

MOST_LOADED = 50_000
"""Replicas whose memory a catalog remembers."""

MOST_SEQUENCES = 1024
"""No replica is planned with more requests in flight (the largest default of the engines in the catalog)."""


Combination = tuple[str, str, ReplicaLayout]
"""Engine, precision, how a replica spreads over its GPUs."""


def most_in_flight(service: Service, demand: ServiceDemand) -> int:
    """Return the most requests of a class that a replica is followed to: the demand, or what engines are started with.

    In a mix a class is never alone on a replica, so that what it would reach alone may exceed the whole demand.
    """
    capped = demand.unit == "concurrency" and len(service.workload) == 1
    return min(MOST_SEQUENCES, demand.amount) if capped else MOST_SEQUENCES


def words_of(request: RequestClass) -> Message:
    """Name a request class by its lengths.

    >>> words_of(RequestClass(isl_tokens=8000, osl_tokens=512))
    'requests of 8,000 + 512 tokens'
    """
    return Message("class.requests", isl=request.isl_tokens, osl=request.osl_tokens)


class OptionWalker:
    """Walks one service over GPUs, engines, precisions and sizes, and notes what falls out."""

    def __init__(self, index: int, service: Service, model: LlmModel, limits: Limits, catalog: Catalog,
                 demand: ServiceDemand, most: int) -> None:
        self.index, self.service, self.model, self.limits, self.catalog = index, service, model, limits, catalog
        self.demand, self.most = demand, most
        self.drops: list[Drop] = []

    def over(self, gpus: Sequence[tuple[Gpu, int]]) -> dict[str, OptionTable]:
        """List the options on each GPU type, whose largest node has so many GPUs, and what falls out on the way.

        Speeds are asked for all of them together, which is much faster than one by one.
        """
        kept = {}
        for gpu, largest in gpus:
            self.drops = []
            kept[gpu.gpu_id] = list(self.combinations(gpu, largest)), self.drops
        asked = [(gpu, one) for gpu, _ in gpus for one in kept[gpu.gpu_id][0]]
        prepare_curves(self.catalog, [
            self.question(gpu, one, request) for gpu, one in asked for request in self.service.workload
        ])
        tables = {}
        for gpu, _ in gpus:
            combinations, self.drops = kept[gpu.gpu_id]
            found = (self.option(gpu, *one) for one in combinations)
            options = tuple(option for option in found if option is not None)
            tables[gpu.gpu_id] = OptionTable(options, tuple(self.drops))
        return tables

    def question(self, gpu: Gpu, one: Combination, request: RequestClass) -> Question:
        """Return the question about the speed of one class on a replica."""
        engine_id, precision, layout = one
        return Question(self.model, precision, self.catalog.precisions[precision], gpu, engine_id,
                        self.catalog.engines[engine_id], layout.tp_size, layout.gpu_count, request.isl_tokens,
                        request.osl_tokens, None if layout.is_plain else layout)

    def drop(self, gpu: Gpu, engine_id: str | None, precision: str | None, tp_size: int | None, step: Step,
             reason: Message, footprint: int = 0) -> None:
        """Note a combination that falls out."""
        self.drops.append(Drop(gpu.gpu_id, engine_id, precision, tp_size, step, reason, footprint))

    def combinations(self, gpu: Gpu, largest: int) -> Iterator[Combination]:
        """Yield what engines can run on one GPU type."""
        names = self.service.engines or tuple(e for e, engine in self.catalog.engines.items() if engine.default)
        context, most = self.service.full_context_tokens, self.model.context_limit_tokens
        if context > self.model.longest_context_tokens(asked=self.service.context_tokens is not None):
            reason = Message("memory.context", tokens=context, most=most)
            if self.model.context_extended_tokens:
                reason = Message("memory.context-extendable", tokens=context, most=most,
                                 further=self.model.context_extended_tokens, how=self.model.context_extension)
            self.drop(gpu, None, None, None, "memory", reason)
            return
        for engine_id in names:
            engine = self.catalog.engines[engine_id]
            refused = gpu_refusal(engine, gpu) or model_refusal(engine, self.model)
            if refused:
                self.drop(gpu, engine_id, None, None, "engine", refused)
                continue
            for precision in self.service.precisions or self.model.own_precisions:
                refused = (precision_refusal(engine, precision, gpu)
                           or half_refusal(engine, self.model, precision, gpu))
                if refused:
                    self.drop(gpu, engine_id, precision, None, "engine", refused)
                    continue
                for layout in self.layouts(gpu, engine_id, precision, largest):
                    why = split_refusal(engine, self.model, layout.tp_size)
                    if why:
                        self.drop(gpu, engine_id, precision, layout.tp_size, "engine", why, layout.gpu_count)
                    else:
                        yield engine_id, precision, layout

    def layouts(self, gpu: Gpu, engine_id: str, precision: str, largest: int) -> list[ReplicaLayout]:
        """List how a replica may spread: over the engine's tensor-parallel sizes, and as was measured otherwise."""
        precisions = self.catalog.precisions
        alike = {name for name, facts in precisions.items() if facts.runs_like == precisions[precision].runs_like}
        found = {ReplicaLayout(size) for size in self.catalog.engines[engine_id].tp_sizes if size <= largest}
        found |= {
            layout for point in self.catalog.points_on(self.model.runs_like, gpu.gpu_id, engine_id)
            if point.use == "curve" and point.precision in alike and (layout := point.spread) is not None
            and layout.nodes == 1 and layout.gpu_count == point.gpu_count <= largest
        }
        return sorted(found, key=lambda layout: (layout.gpu_count, layout.tp_size, layout.name))

    def option(self, gpu: Gpu, engine_id: str, precision: str, layout: ReplicaLayout) -> Option | None:
        """Build one option, or note why there is none."""
        def drop(step: Step, reason: Message) -> None:
            """Note why this combination falls out."""
            self.drop(gpu, engine_id, precision, layout.tp_size, step, reason, layout.gpu_count)

        setting = (engine_id, precision, layout)
        speed = self.routed(gpu, setting, drop) if self.service.routes_classes else self.mixed(gpu, setting, drop)
        if speed is None:
            return None
        support = self.catalog.engines[engine_id].support_on(gpu.gpu_id, gpu.architecture)
        return Option(self.index, gpu.gpu_id, engine_id, precision, layout.tp_size, layout.gpu_count, speed,
                      None if layout.is_plain else layout.name, support)

    def mixed(self, gpu: Gpu, setting: Combination, drop: Callable[[Step, Message], None]) -> ReplicaSpeed | None:
        """Return a replica that serves all classes, None when it cannot serve one of them."""
        classes: list[ClassSpeed] = []
        for request in self.service.workload:
            question = self.question(gpu, setting, request)
            one = self.class_speed(question, request, self.service.full_context_tokens, drop)
            if one is None:
                return None
            classes.append(one)
        return ReplicaSpeed(in_company(tuple(classes)), self.demand)

    def routed(self, gpu: Gpu, setting: Combination, drop: Callable[[Step, Message], None]) -> RoutedSpeed | None:
        """Return a replica with each class by itself, None when it can serve none of them."""
        alone: list[ReplicaSpeed | None] = []
        for index, request in enumerate(self.service.workload):
            question, context = self.question(gpu, setting, request), self.service.class_context_tokens(index)

            def drop_class(step: Step, reason: Message, request: RequestClass = request) -> None:
                """Note why one class falls out."""
                drop(step, Message("class.reason", request=words_of(request), reason=reason))

            whole = request.model_copy(update={"share_fraction": 1.0})
            one = self.class_speed(question, whole, context, drop_class)
            alone.append(None if one is None else ReplicaSpeed((one,), self.demand))
        return RoutedSpeed(tuple(alone)) if any(alone) else None

    def class_speed(
        self, question: Question, request: RequestClass, context: int, drop: Callable[[Step, Message], None]
    ) -> ClassSpeed | None:
        """Find how fast one request class is and how many fit, or say why it cannot be served.

        Args:
            question: the replica and the lengths.
            request: the class.
            context: tokens of one full-length request, which must fit.
            drop: takes the reason.
        """
        curve = speed_curve(self.catalog, question)
        if curve is None:
            drop("evidence", Message("evidence.none"))
            return None
        reason = self.memory_reason(question, context, curve.proven_concurrency)
        if reason:
            drop("memory", reason)
            return None
        limits = self.limits
        limit, fits = self.limit(question, curve.proven_concurrency)
        one = ClassSpeed(request, curve, self.service.slo, limits.speed_confidence, limit, fits).under(limits.evidence)
        if one is None:
            drop("evidence", Message("evidence.estimated-only", evidence=limits.evidence))
        return one

    def replica(self, question: Question) -> Loaded:
        """Load the model on a replica's GPUs; services of one model share it."""
        q, known = question, self.catalog.memo.setdefault("loaded", {})
        key = (id(q.model), q.precision_id, q.engine_id, q.gpu.gpu_id, q.tp_size)
        if key not in known:
            if len(known) >= MOST_LOADED:
                known.clear()
            known[key] = loaded(q.model, q.precision, q.engine, q.gpu, q.tp_size)  # holds the model, so its id stays
        found: Loaded = known[key]
        return found

    def memory_reason(self, question: Question, context: int, proven: int) -> Message | None:
        """Say why not even one full-length request fits, or None; what was measured to fit needs no calculation."""
        q = question
        if proven * (q.isl_tokens + q.osl_tokens) >= context:
            return None
        fit = self.replica(q).started(1)
        if fit.max_concurrency(context) >= 1:
            return None
        if fit.kv_cache_gib < 0:
            return Message("memory.weights", needed=fit.weights_gib, usable=fit.usable_gib)
        return Message("memory.kv-cache", needed=fit.request_gib(context), free=fit.kv_cache_gib)

    def limit(self, question: Question, proven: int) -> tuple[int, int]:
        """Return the most requests in flight of one class on a replica, and how many fit."""
        q, most = question, self.most
        followed, tokens = most + most // FOLLOWED_BEYOND + 1, q.isl_tokens + q.osl_tokens
        replica = self.replica(q)
        computed = largest_holding(followed, lambda count: replica.started(count).max_concurrency(tokens) >= count)
        fits = max(proven, computed)
        return min(most, fits), fits
