"""What a problem asks for, one requirement a key of its YAML, each with the problem without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.costs import PricedOffer
from optimizer.costs.priced import stocks_of
from optimizer.demand import demand_key, quantity_of, with_quantity
from optimizer.load import Catalog
from optimizer.messages import Message
from optimizer.schema.base import GRADE_TOKENS_PER_S
from optimizer.schema.problem import Limits, NodeCount, Problem, Selection, Service, Survive
from optimizer.solve import Prepared
from optimizer.solve.variants import with_limits, with_service

EVERY_KIND = ("on_demand", "reserved", "spot", "marketplace", "owned")

ENDLESS = 1_000_000
"""Stock of an offer whose stock is lifted."""


@dataclass(frozen=True)
class Requirement:
    """One thing that the problem asks for."""

    key: str
    """Where it stands in the YAML: services.0.slo.ttft_ms."""
    asks: Message
    """What it asks, in the user's words and units."""
    lift: Callable[[Problem], Problem]
    """Return the problem without it."""
    service: int | None = None
    """Service that it belongs to, None for a limit of the whole plan."""


def speed_key(service: Service) -> str:
    """Return the key of the stricter of grade and number."""
    slo = service.slo
    by_grade = GRADE_TOKENS_PER_S[slo.grade] if slo.grade else 0.0
    return "slo.grade" if by_grade > (slo.tokens_per_s_per_user or 0.0) else "slo.tokens_per_s_per_user"


def without_speed(problem: Problem, index: int) -> Problem:
    """Return a problem in which a service asks for no speed."""
    slo = problem.services[index].slo.model_copy(update={"grade": None, "tokens_per_s_per_user": None})
    return with_service(problem, index, slo=slo)


def _slo(index: int, name: str) -> Callable[[Problem], Problem]:
    def lift(problem: Problem) -> Problem:
        """Take one promise out."""
        return with_service(problem, index, slo=problem.services[index].slo.model_copy(update={name: None}))

    return lift


def demand_at(problem: Problem, index: int, quantity: Fraction) -> Problem:
    """Return a problem in which a service has another demand, in its own unit."""
    asked = with_quantity(problem.services[index], quantity)
    return with_service(problem, index, demand=asked.demand, deadline=asked.deadline)


def _of_service(index: int, service: Service, catalog: Catalog) -> Iterator[Requirement]:
    base = f"services.{index}"

    def changed(**values: object) -> Callable[[Problem], Problem]:
        """Return the change of some fields of the service."""
        return lambda problem: with_service(problem, index, **values)

    every = tuple(catalog.precisions)
    listed = _listed(service.precisions) if service.precisions else Message("asks.own-precision")
    if set(service.precisions or ()) != set(every):
        yield Requirement(f"{base}.precisions", listed, changed(precisions=every), index)
    if service.engines is not None and set(service.engines) != set(catalog.engines):
        listed = _listed(service.engines)
        yield Requirement(f"{base}.engines", listed, changed(engines=tuple(catalog.engines)), index)
    slo, target = service.slo, service.slo.target_tokens_per_s
    if target:
        key = f"{base}.{speed_key(service)}"
        asks = Message("asks.speed", value=target)
        yield Requirement(key, asks, lambda problem: without_speed(problem, index), index)
    if slo.ttft_ms is not None:
        yield Requirement(f"{base}.slo.ttft_ms", Message("asks.ms", value=slo.ttft_ms), _slo(index, "ttft_ms"), index)
    if slo.e2e_ms is not None:
        yield Requirement(f"{base}.slo.e2e_ms", Message("asks.ms", value=slo.e2e_ms), _slo(index, "e2e_ms"), index)
    longest = max(request.isl_tokens + request.osl_tokens for request in service.workload)
    if service.full_context_tokens > longest:
        asks = Message("asks.tokens", value=service.full_context_tokens)
        yield Requirement(f"{base}.context_tokens", asks, changed(context_tokens=None), index)
    demand = demand_key(service)
    asks = Message("asks.demand", value=float(quantity_of(service)), unit=demand.words)
    yield Requirement(f"{base}.{demand.path}", asks, lambda problem: demand_at(problem, index, demand.step), index)
    if service.headroom_fraction:
        asks = _figure(service.headroom_fraction)
        yield Requirement(f"{base}.headroom_fraction", asks, changed(headroom_fraction=0.0), index)


def _listed(names: Iterable[str]) -> Message:
    return Message("asks.names", names=tuple(names))


def _figure(value: float) -> Message:
    return Message.quoted(f"{value:g}")


def _limit(key: str, asks: Message, **change: object) -> Requirement:
    return Requirement(f"limits.{key}", asks, lambda problem: with_limits(problem, **change))


def _node_limit(end: str, nodes: int) -> Requirement:
    """Return one end of the number of nodes; the other stays as the problem has it by then."""

    def lift(problem: Problem) -> Problem:
        """Take this end out."""
        kept = {"min": problem.limits.nodes.min, "max": problem.limits.nodes.max} | {end: NodeCount().model_dump()[end]}
        return with_limits(problem, nodes=NodeCount(**kept))

    return Requirement(f"limits.nodes.{end}", Message("asks.nodes", n=nodes), lift)


def _plan_limits(limits: Limits) -> Iterator[Requirement]:
    """Yield the limits of the plan as a whole."""
    if limits.budget is not None:
        budget = limits.budget
        asks = Message("asks.budget", amount=budget.amount, currency=budget.currency, per=budget.per)
        yield _limit("budget", asks, budget=None)
    if limits.at_least:
        asks = _listed(f"{count} x {name}" for name, count in limits.at_least.items())
        yield _limit("at_least", asks, at_least={})
    if limits.max_gpu_types is not None:
        yield _limit("max_gpu_types", Message.quoted(f"{limits.max_gpu_types}"), max_gpu_types=None)
    if limits.nodes.max is not None:
        yield _node_limit("max", limits.nodes.max)
    if limits.nodes.min:
        yield _node_limit("min", limits.nodes.min)
    if limits.engine_policy != "any":
        yield _limit("engine_policy", _listed([limits.engine_policy]), engine_policy="any")
    lost = [Message("asks.nodes", n=limits.survive.nodes)] if limits.survive.nodes else []
    lost += [Message("asks.provider")] if limits.survive.provider else []
    lost += [Message("asks.region")] if limits.survive.region else []
    if lost:
        yield _limit("survive", Message("asks.all-of", parts=tuple(lost)), survive=Survive())
    if limits.max_utilisation_fraction < 1:
        yield _limit("max_utilisation_fraction", _figure(limits.max_utilisation_fraction), max_utilisation_fraction=1.0)
    if limits.spot_share_fraction is not None:
        asks = Message("asks.spot", share=limits.spot_share_fraction)
        yield _limit("spot_share_fraction", asks, spot_share_fraction=None)
    if limits.contracts:
        yield _limit("contracts", Message("asks.contracts", names=tuple(limits.contracts)), contracts={})
    if limits.power_kw is not None:
        yield _limit("power_kw", Message("asks.kw", value=limits.power_kw), power_kw=None)


def _supply_limits(limits: Limits, offers: tuple[PricedOffer, ...], stocks: dict[str, int]) -> Iterator[Requirement]:
    """Yield the limits that decide which nodes and speeds may be used at all."""
    if stocks:
        named = tuple(f"{count} x {name}" for name, count in list(stocks.items())[:3])
        more = len(stocks) - len(named)
        asks = Message("asks.names-more", names=named, count=more) if more else _listed(named)
        yield _limit("stock", asks, stock={**limits.stock, **dict.fromkeys(stocks, ENDLESS)})
    if limits.speed_confidence is not None:
        yield _limit("speed_confidence", _figure(limits.speed_confidence), speed_confidence=None)
    if limits.evidence != "estimated":
        yield _limit("evidence", _listed([limits.evidence]), evidence="estimated")
    for key in ("gpus", "providers", "regions"):
        selection: Selection = getattr(limits, key)
        if selection != Selection():
            parts = [Message("asks.only", names=selection.allow)] if selection.allow else []
            parts += [Message("asks.not", names=selection.forbid)] if selection.forbid else []
            yield _limit(key, Message("asks.all-of", parts=tuple(parts)), **{key: Selection()})
    if set(limits.kinds) != set(EVERY_KIND):
        yield _limit("kinds", _listed(limits.kinds), kinds=EVERY_KIND)
    if not limits.used and "owned" in limits.kinds and any(not offer.sold_new for offer in offers):
        yield _limit("used", Message("asks.nothing-used"), used=True)
    longest = max((offer.term_months for offer in offers), default=0)
    if "reserved" in limits.kinds and longest > limits.max_term_months:
        yield _limit("max_term_months", Message("asks.months", value=limits.max_term_months), max_term_months=longest)


def requirements(prepared: Prepared, offers: tuple[PricedOffer, ...]) -> tuple[Requirement, ...]:
    """List what a problem asks for, in the order of its YAML.

    Args:
        offers: every priced offer, admitted or not.
    """
    problem = prepared.problem
    stocks = stocks_of(tuple(offer for offer in offers if problem.limits.used or offer.sold_new))
    found = [
        requirement
        for index, service in enumerate(problem.services)
        for requirement in _of_service(index, service, prepared.catalog)
    ]
    return (*found, *_plan_limits(problem.limits), *_supply_limits(problem.limits, offers, stocks))
