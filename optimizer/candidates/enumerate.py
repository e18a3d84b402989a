"""Offers x engines x precisions x tensor-parallel sizes, each a candidate or a rejection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from optimizer.candidates.rejection import Rejection, Step
from optimizer.candidates.replica import ClassSpeed, ReplicaSpeed, StatedCapacity
from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand, demand_of
from optimizer.engines import gpu_refusal, model_refusal, precision_refusal, split_refusal
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.memory import largest_fitting_concurrency, memory_fit
from optimizer.schema.base import Evidence
from optimizer.schema.catalog import Gpu, LlmModel
from optimizer.schema.problem import Limits, Problem, RequestClass, Service
from optimizer.throughput import Question, speed_curve

FOLLOWED_BEYOND = 4
"""How many fit is followed a quarter beyond the demand, so that an error of the memory figure can be tried out."""

KNOWN_MODEL = "an id of models.yaml (gpumix catalog list models), or a path to a config.json"

MOST_SEQUENCES = 1024
"""No replica is planned with more requests in flight (the largest default of the engines in the catalog)."""


@dataclass(frozen=True)
class Option:
    """One way to run a service on GPUs of one type."""

    service: int
    gpu_id: str
    engine_id: str
    precision: str
    tp_size: int
    gpu_count: int
    """GPUs of one replica; 0 for a stated capacity, which is that of the whole node."""
    speed: ReplicaSpeed | StatedCapacity

    def replicas_on(self, offer: PricedOffer) -> int:
        """Return how many replicas a node of an offer holds."""
        return 1 if self.gpu_count == 0 else offer.gpu_count // self.gpu_count

    @property
    def order(self) -> tuple[str, str, int, int]:
        """Engine, precision, tensor parallel: the last tie-break."""
        return (self.engine_id, self.precision, self.tp_size, self.gpu_count)


@dataclass(frozen=True)
class Candidate:
    """A node of an offer that serves one service with one option."""

    offer: PricedOffer
    option: Option
    capacity: int
    """Demand that one node carries at the speed target, in the demand's unit."""


@dataclass(frozen=True)
class CandidateSet:
    """All options of a problem on the offers that its policy admits."""

    services: tuple[Service, ...]
    demands: tuple[ServiceDemand, ...]
    offers: tuple[PricedOffer, ...]
    options: dict[tuple[int, str], tuple[Option, ...]]
    """(service, gpu_id) -> options by memory, engine and evidence, before speed."""
    stated: dict[tuple[int, str], Option]
    """(service, offer_id) -> a capacity that bypasses them."""
    rejections: tuple[Rejection, ...]

    def targets(self) -> tuple[float, ...]:
        """Return each service's speed target."""
        return tuple(service.slo.target_tokens_per_s for service in self.services)

    def options_on(self, service: int, offer: PricedOffer) -> Iterable[Option]:
        """List the options of a service that fit on a node."""
        stated = self.stated.get((service, offer.offer_id))
        if stated is not None:
            return (stated,)
        return (o for o in self.options.get((service, offer.gpu_id), ()) if o.gpu_count <= offer.gpu_count)

    def candidates(self, service: int, target: float, per_engine: bool = False) -> Iterator[Candidate]:
        """Yield the best candidate of each offer (and engine) at a speed target.

        The best has the highest capacity; ties go by engine, precision and tensor parallel. Exact for every rule that
        does not look at the engine; with `per_engine` for those that do.
        """
        amounts: dict[tuple[str, int], list[tuple[int, Option]]] = {}
        for offer in self.offers:
            key = (offer.gpu_id, offer.gpu_count)
            stated = self.stated.get((service, offer.offer_id))
            if stated is not None:
                best = [(stated.speed.amount(target), stated)]
            elif key in amounts:
                best = amounts[key]
            else:
                best = amounts[key] = self._best(service, offer, target, per_engine)
            for capacity, option in best:
                if capacity > 0:
                    yield Candidate(offer, option, capacity)

    def _best(self, service: int, offer: PricedOffer, target: float, per_engine: bool) -> list[tuple[int, Option]]:
        chosen: dict[str, tuple[int, Option]] = {}
        for option in self.options_on(service, offer):
            capacity = option.replicas_on(offer) * option.speed.amount(target)
            group = option.engine_id if per_engine else ""
            most, best = chosen.get(group, (-1, option))
            if capacity > most or (capacity == most and option.order < best.order):
                chosen[group] = (capacity, option)
        return [chosen[group] for group in sorted(chosen)]

    def every_candidate(self, service: int, target: float) -> Iterator[Candidate]:
        """Yield all candidates at a speed target, unreduced."""
        for offer in self.offers:
            for option in self.options_on(service, offer):
                capacity = option.replicas_on(offer) * option.speed.amount(target)
                if capacity > 0:
                    yield Candidate(offer, option, capacity)

    def under(self, least: Evidence) -> CandidateSet:
        """Return the same candidates on evidence no worse than `least`."""
        options = {
            key: kept for key, found in self.options.items()
            if (kept := tuple(replace(o, speed=s) for o in found if (s := o.speed.under(least)) is not None))
        }
        return replace(self, options=options)

    def next_speed(self, service: int, tokens_per_s: float) -> float | None:
        """Return the lowest speed above this one at which some option carries less."""
        found = [
            speed
            for (index, _), options in self.options.items() if index == service
            for option in options
            if (speed := option.speed.next_speed(tokens_per_s)) is not None
        ]
        found += [
            speed for (index, _), option in self.stated.items()
            if index == service and (speed := option.speed.next_speed(tokens_per_s)) is not None
        ]
        return min(found, default=None)


def policy_refusal(offer: PricedOffer, limits: Limits) -> str | None:
    """Say which rule of the problem keeps an offer out, or None."""
    if offer.kind not in limits.kinds:
        return f"kind {offer.kind} is not among limits.kinds"
    if offer.kind == "reserved" and offer.term_months > limits.max_term_months:
        return f"its term of {offer.term_months} months exceeds limits.max_term_months = {limits.max_term_months}"
    for selection, name, key in (
        (limits.gpus, offer.gpu_id, "gpus"), (limits.providers, offer.provider, "providers"),
        (limits.regions, offer.region, "regions"),
    ):
        refused = selection.refuses(name)
        if refused:
            return f"limits.{key}: {refused}"
    return "its stock is 0" if offer.stock == 0 else None


def resolve_model(service: Service, catalog: Catalog, own_models: dict[str, LlmModel]) -> LlmModel | None:
    """Find a service's model: an own config.json, a catalog id, or another name of one."""
    if service.model in own_models:
        return own_models[service.model]
    return catalog.models.get(service.model) or catalog.models.get(catalog.model_names.get(service.model.lower(), ""))


def _all_stated(service: Service, catalog: Catalog, offers: list[PricedOffer], limits: Limits) -> bool:
    """Say whether `capacities.csv` states every admitted offer for a service, so that its model need not be known."""
    admitted = [offer for offer in offers if policy_refusal(offer, limits) is None]
    return bool(admitted) and all((service.service_id, offer.offer_id) in catalog.capacities for offer in admitted)


def check_names(
    problem: Problem, catalog: Catalog, offers: list[PricedOffer], own_models: dict[str, LlmModel]
) -> list[LlmModel | None]:
    """Refuse names that nothing in the catalog bears, all at once; return the models of the services.

    A model is None where stated capacities make it needless.

    Raises:
        InputError: with every such name.
    """
    faults = []
    models = [resolve_model(service, catalog, own_models) for service in problem.services]
    for index, (service, model) in enumerate(zip(problem.services, models, strict=True)):
        key = f"services.{index}"
        if model is None and not _all_stated(service, catalog, offers, problem.limits):
            faults.append(Fault(problem.name, f"{key}.model", repr(service.model), KNOWN_MODEL))
        for name in service.precisions or ():
            if name not in catalog.precisions:
                faults.append(Fault(problem.name, f"{key}.precisions", repr(name), ", ".join(catalog.precisions)))
        for name in service.engines or ():
            if name not in catalog.engines:
                faults.append(Fault(problem.name, f"{key}.engines", repr(name), ", ".join(catalog.engines)))
    known = {
        "gpus": set(catalog.gpus), "providers": {offer.provider for offer in offers},
        "regions": {offer.region for offer in offers},
    }
    for key, names in known.items():
        selection = getattr(problem.limits, key)
        for name in (*selection.allow, *selection.forbid):
            if name not in names:
                faults.append(Fault(problem.name, f"limits.{key}", repr(name), f"one of {', '.join(sorted(names))}"))
    ids = {offer.offer_id for offer in offers} | set(catalog.owned)
    faults += [
        Fault(problem.name, f"limits.{key}.{name}", "no such offer", "an offer_id (gpumix catalog list offers)")
        for key, found in (("stock", ids), ("at_least", ids - set(catalog.owned)))
        for name in getattr(problem.limits, key) if name not in found
    ]
    faults += [
        Fault(problem.name, f"assumptions.purchase_price_usd.{name}", "no such owned node", ", ".join(catalog.owned))
        for name in problem.assumptions.purchase_price_usd if name not in catalog.owned
    ]
    rates = {service.service_id for service in problem.services if demand_of(service).unit == "rate"}
    faults += [
        Fault("capacities.csv", f"{service_id}, {offer_id}", "requests in flight for a service whose demand is a rate",
              "a service with demand.peak_concurrency")
        for service_id, offer_id in catalog.capacities if service_id in rates
    ]
    if faults:
        raise InputError(faults)
    return models


class _Enumerator:
    """Walks one service over GPUs, engines, precisions and sizes, and notes what falls out."""

    def __init__(self, index: int, service: Service, model: LlmModel, problem: Problem, catalog: Catalog,
                 demand: ServiceDemand, offer_ids: dict[str, dict[int, list[str]]]) -> None:
        self.index, self.service, self.model, self.problem, self.catalog = index, service, model, problem, catalog
        self.demand = demand
        self.offer_ids = offer_ids
        self.rejections: list[Rejection] = []

    def reject(self, gpu: Gpu, engine_id: str | None, precision: str | None, tp_size: int | None, step: Step,
               reason: str, footprint: int = 0) -> None:
        """Note a combination that falls out, with the offers on which it would have fitted."""
        ids = tuple(o for count, listed in self.offer_ids[gpu.gpu_id].items() if count >= footprint for o in listed)
        name = self.service.service_id
        self.rejections.append(Rejection(name, gpu.gpu_id, engine_id, precision, tp_size, ids, step, reason))

    def options(self, gpu: Gpu) -> Iterator[Option]:
        """Yield the options on one GPU type."""
        names = self.service.engines or tuple(e for e, engine in self.catalog.engines.items() if engine.default)
        context, most = self.service.full_context_tokens, self.model.context_limit_tokens
        if context > most:
            reason = f"context of {context} tokens exceeds the model's limit of {most}"
            self.reject(gpu, None, None, None, "memory", reason)
            return
        for engine_id in names:
            engine = self.catalog.engines[engine_id]
            refused = gpu_refusal(engine, gpu) or model_refusal(engine, self.model)
            if refused:
                self.reject(gpu, engine_id, None, None, "engine", refused)
                continue
            for precision in self.service.precisions or (self.model.native_precision,):
                refused = precision_refusal(engine, precision, gpu)
                if refused:
                    self.reject(gpu, engine_id, precision, None, "engine", refused)
                    continue
                for tp_size, footprint in self.footprints(gpu, engine_id, precision):
                    option = self.option(gpu, engine_id, precision, tp_size, footprint)
                    if option is not None:
                        yield option

    def footprints(self, gpu: Gpu, engine_id: str, precision: str) -> list[tuple[int, int]]:
        """List (tensor parallel, GPUs) of a replica: the engine's sizes, and what was measured otherwise."""
        largest, precisions = max(self.offer_ids[gpu.gpu_id]), self.catalog.precisions
        alike = {name for name, facts in precisions.items() if facts.runs_like == precisions[precision].runs_like}
        sizes = {(size, size) for size in self.catalog.engines[engine_id].tp_sizes if size <= largest}
        sizes |= {
            (point.tp_size, point.gpu_count)
            for point in self.catalog.points_on(self.model.runs_like, gpu.gpu_id, engine_id)
            if point.use == "curve" and point.tp_size and point.precision in alike and point.gpu_count <= largest
        }
        return sorted(sizes, key=lambda size: (size[1], size[0]))

    def option(self, gpu: Gpu, engine_id: str, precision: str, tp_size: int, footprint: int) -> Option | None:
        """Build one option, or note why there is none."""
        def drop(step: Step, reason: str) -> None:
            """Note why this combination falls out."""
            self.reject(gpu, engine_id, precision, tp_size, step, reason, footprint)

        engine, facts = self.catalog.engines[engine_id], self.catalog.precisions[precision]
        why = split_refusal(engine, self.model, tp_size)
        if why:
            drop("engine", why)
            return None
        classes: list[ClassSpeed] = []
        for request in self.service.workload:
            question = Question(self.model, precision, facts, gpu, engine_id, engine, tp_size, footprint,
                                request.isl_tokens, request.osl_tokens)
            one = self.class_speed(question, request, drop)
            if one is None:
                return None
            classes.append(one)
        speed = ReplicaSpeed(tuple(classes), self.demand)
        if speed.amount(self.service.slo.target_tokens_per_s) == 0:
            drop("speed", _speed_reason(speed, self.service))
            return None
        return Option(self.index, gpu.gpu_id, engine_id, precision, tp_size, footprint, speed)

    def class_speed(
        self, question: Question, request: RequestClass, drop: Callable[[Step, str], None]
    ) -> ClassSpeed | None:
        """Find how fast one request class is and how many fit, or say why it cannot be served."""
        curve = speed_curve(self.catalog, question)
        if curve is None:
            drop("evidence", "no measured row, and no calibration to estimate from")
            return None
        reason = self.memory_reason(question, curve.proven_concurrency)
        if reason:
            drop("memory", reason)
            return None
        limits = self.problem.limits
        limit, fits = self.limit(question, curve.proven_concurrency)
        one = ClassSpeed(request, curve, self.service.slo, limits.speed_confidence, limit, fits).under(limits.evidence)
        if one is None:
            drop("evidence", f"only estimated, and limits.evidence asks for {limits.evidence}")
        return one

    def memory_reason(self, question: Question, proven: int) -> str | None:
        """Say why not even one full-length request fits, or None; what was measured to fit needs no calculation."""
        q, context = question, self.service.full_context_tokens
        if proven * (q.isl_tokens + q.osl_tokens) >= context:
            return None
        fit = memory_fit(q.model, q.precision, q.engine, q.gpu, q.tp_size, max_num_seqs=1)
        if fit.max_concurrency(context) >= 1:
            return None
        if fit.kv_cache_gib < 0:
            return f"weights need {fit.weights_gib:.1f} GiB, {fit.usable_gib:.1f} GiB usable"
        needed = fit.request_gib(context)
        return f"KV cache of one full-length request needs {needed:.1f} GiB, {fit.kv_cache_gib:.1f} GiB free"

    def limit(self, question: Question, proven: int) -> tuple[int, int]:
        """Return the most requests in flight of one class on a replica (no more than the demand), and how many fit."""
        q, most = question, MOST_SEQUENCES
        if self.demand.unit == "concurrency":
            most = min(most, self.demand.amount)
        followed, tokens = most + most // FOLLOWED_BEYOND + 1, q.isl_tokens + q.osl_tokens
        computed = largest_fitting_concurrency(q.model, q.precision, q.engine, q.gpu, q.tp_size, tokens, followed)
        fits = max(proven, computed)
        return min(most, fits), fits


def _speed_reason(speed: ReplicaSpeed, service: Service) -> str:
    """Say which limit a single request breaks already."""
    target, slo = service.slo.target_tokens_per_s, service.slo
    for one in speed.classes:
        shown, ttft, whole = f"for a single request ({one.evidence(1)})", one.ttft_ms(1), one.latency_s(1) * 1000
        if one.speed(1) < target:
            return f"{one.speed(1):.1f} tok/s {shown}, {target:g} asked"
        if slo.ttft_ms is not None and ttft > slo.ttft_ms:
            return f"TTFT {ttft:.0f} ms {shown}, at most {slo.ttft_ms:g} ms asked"
        if slo.e2e_ms is not None and whole > slo.e2e_ms:
            return f"{whole:.0f} ms {shown} as a whole response, at most {slo.e2e_ms:g} ms asked"
    return "its request classes together leave no room for a single request"


def enumerate_candidates(
    problem: Problem, catalog: Catalog, priced: list[PricedOffer], own_models: dict[str, LlmModel]
) -> CandidateSet:
    """List every option of every service, and why the others fell out.

    Raises:
        InputError: the problem names a model, precision, engine, GPU, provider, region or offer that does not exist.
    """
    models = check_names(problem, catalog, priced, own_models)
    refused: dict[tuple[str, str], list[str]] = defaultdict(list)
    admitted = []
    for offer in priced:
        why = policy_refusal(offer, problem.limits)
        if why:
            refused[offer.gpu_id, why].append(offer.offer_id)
        else:
            admitted.append(offer)
    rejections = [
        Rejection("", gpu, None, None, None, tuple(ids), "policy", why) for (gpu, why), ids in sorted(refused.items())
    ]
    offer_ids: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for offer in admitted:
        offer_ids[offer.gpu_id][offer.gpu_count].append(offer.offer_id)
    options: dict[tuple[int, str], tuple[Option, ...]] = {}
    stated: dict[tuple[int, str], Option] = {}
    demands = tuple(demand_of(service) for service in problem.services)
    for index, (service, model) in enumerate(zip(problem.services, models, strict=True)):
        for offer in admitted:
            row = catalog.capacities.get((service.service_id, offer.offer_id))
            if row is not None:
                capacity = StatedCapacity(row.max_concurrency, service.slo.target_tokens_per_s, row.source_url or None)
                precision = (service.precisions or (model.native_precision if model else "stated",))[0]
                engine = row.engine_id or "stated"
                option = Option(index, offer.gpu_id, engine, precision, offer.gpu_count, 0, capacity)
                stated[index, offer.offer_id] = option
        if model is None:
            continue
        walker = _Enumerator(index, service, model, problem, catalog, demands[index], offer_ids)
        for gpu_id in sorted(offer_ids):
            if all((index, o) in stated for ids in offer_ids[gpu_id].values() for o in ids):
                continue
            found = tuple(walker.options(catalog.gpus[gpu_id]))
            if found:
                options[index, gpu_id] = found
        rejections += walker.rejections
    return CandidateSet(problem.services, demands, tuple(admitted), options, stated, tuple(rejections))
