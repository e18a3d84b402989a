"""The names of a problem, held against those of the catalog."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from optimizer.candidates.market import Market
from optimizer.costs import CATALOG_S_OWN, PricedOffer
from optimizer.demand import demand_of
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.catalog import known_model_names
from optimizer.load.model_names import nearest
from optimizer.schema.catalog import LlmModel
from optimizer.schema.problem import Problem, Service

KNOWN_MODEL = "an id of models.yaml (gpumix catalog list models), or a path to a config.json"


def resolve_model(service: Service, catalog: Catalog, own_models: dict[str, LlmModel]) -> LlmModel | None:
    """Find a service's model: an own config.json, a catalog id, or another name of one."""
    if service.model in own_models:
        return own_models[service.model]
    return catalog.model(service.model)


def _all_stated(service: Service, catalog: Catalog, admitted: Sequence[PricedOffer]) -> bool:
    """Say whether `capacities.csv` states every admitted offer for a service, so that its model need not be known."""
    return bool(admitted) and all((service.service_id, offer.offer_id) in catalog.capacities for offer in admitted)


def _unknown_terms(problem: Problem, catalog: Catalog, providers: set[str]) -> list[Fault]:
    """List the nodes, offers and providers that own figures or contracts name and nothing in the catalog bears."""
    rented_from = providers - {"owned"}
    own, owned, rented = problem.assumptions, ", ".join(catalog.owned), "an offer_id (gpumix catalog list offers)"
    stated: tuple[tuple[str, Iterable[str], str, Container[str], str], ...] = (
        *((name, getattr(own, name), "no such owned node", catalog.owned, owned) for name in
          ("purchase_price_usd", "purchase_price_jpy", "purchase_price_eur", "running_usd_per_hour")),
        ("rent_usd_per_hour", own.rent_usd_per_hour, "no such rented node", catalog.offers, rented),
        ("adjustments", own.adjustments, "no such provider", rented_from, ", ".join(sorted(rented_from))),
    )
    return [
        Fault(problem.name, f"assumptions.{key}.{name}", found, allowed)
        for key, names, found, known, allowed in stated for name in names if name not in known
    ] + [
        Fault(problem.name, f"limits.contracts.{name}", "no such provider", ", ".join(sorted(rented_from)))
        for name in problem.limits.contracts if name not in rented_from
    ]


def check_names(
    problem: Problem, catalog: Catalog, market: Market, own_models: dict[str, LlmModel]
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
        if model is None and not _all_stated(service, catalog, market.admitted):
            near = nearest(service.model, known_model_names())
            allowed = f"{KNOWN_MODEL}; nearest: {', '.join(near)}" if near else KNOWN_MODEL
            faults.append(Fault(problem.name, f"{key}.model", repr(service.model), allowed))
        for name in service.precisions or ():
            if name not in catalog.precisions:
                faults.append(Fault(problem.name, f"{key}.precisions", repr(name), ", ".join(catalog.precisions)))
        for name in service.engines or ():
            if name not in catalog.engines:
                faults.append(Fault(problem.name, f"{key}.engines", repr(name), ", ".join(catalog.engines)))
    faults += [*_unknown_selections(problem, catalog, market), *_unknown_offers(problem, catalog, market)]
    if problem.assumptions != CATALOG_S_OWN or problem.limits.contracts:
        faults += _unknown_terms(problem, catalog, {offer.provider for offer in market.offers})
    faults += [*_stated_for_rates(problem, catalog), *_stated_for_classes(problem, catalog), *_unsplit_rules(problem)]
    if faults:
        raise InputError(faults)
    return models


def _unknown_selections(problem: Problem, catalog: Catalog, market: Market) -> Iterator[Fault]:
    """Yield the GPUs, providers and regions that are allowed or forbidden and nowhere offered."""
    limits = problem.limits
    for key, selection in (("gpus", limits.gpus), ("providers", limits.providers), ("regions", limits.regions)):
        if not (selection.allow or selection.forbid):
            continue
        names = set(catalog.gpus) if key == "gpus" else {getattr(offer, key[:-1]) for offer in market.offers}
        if key == "providers" and "api" in limits.kinds:
            names |= {provider for provider, _ in catalog.apis}
        for name in (*selection.allow, *selection.forbid):
            if name not in names:
                yield Fault(problem.name, f"limits.{key}", repr(name), f"one of {', '.join(sorted(names))}")


def _unknown_offers(problem: Problem, catalog: Catalog, market: Market) -> Iterator[Fault]:
    """Yield the offers whose stock or least number is stated and that do not exist."""
    limits = problem.limits
    if not (limits.stock or limits.at_least):
        return
    ids = {offer.offer_id for offer in market.offers}
    for key, named, known in (
        ("stock", limits.stock, ids | set(catalog.owned)), ("at_least", limits.at_least, ids - set(catalog.owned))
    ):
        allowed = "an offer_id (gpumix catalog list offers)"
        yield from (
            Fault(problem.name, f"limits.{key}.{name}", "no such offer", allowed) for name in named if name not in known
        )


def _stated_for_rates(problem: Problem, catalog: Catalog) -> Iterator[Fault]:
    """Yield the stated capacities, which are requests in flight, of services whose demand is a rate."""
    if not catalog.capacities:
        return
    rates = {service.service_id for service in problem.services if demand_of(service).unit == "rate"}
    for service_id, offer_id in catalog.capacities:
        if service_id in rates:
            yield Fault("capacities.csv", f"{service_id}, {offer_id}",
                        "requests in flight for a service whose demand is a rate",
                        "a service with demand.peak_concurrency")


def _stated_for_classes(problem: Problem, catalog: Catalog) -> Iterator[Fault]:
    """Yield the stated capacities, which are those of a mix, of services that route their classes apart."""
    routed = {service.service_id for service in problem.services if service.routes_classes}
    for service_id, offer_id in catalog.capacities:
        if service_id in routed:
            yield Fault("capacities.csv", f"{service_id}, {offer_id}",
                        "one capacity for all classes of a service with routing: by_class",
                        "a service with routing: mixed")


MOST_LOST_BY_CLASS = 5
"""Nodes lost at once that a split of classes is followed through: every combination of them is tried."""


def _unsplit_rules(problem: Problem) -> Iterator[Fault]:
    """Yield the rules that classes which are routed apart are not followed through."""
    limits = problem.limits
    if not any(service.routes_classes for service in problem.services):
        return
    if limits.survive.nodes > MOST_LOST_BY_CLASS:
        yield Fault(problem.name, "limits.survive.nodes", f"{limits.survive.nodes} beside routing: by_class",
                    f"at most {MOST_LOST_BY_CLASS}: every combination of lost nodes is tried")
    if limits.spot_share_fraction is not None:
        found = f"{limits.spot_share_fraction:g} beside routing: by_class"
        yield Fault(problem.name, "limits.spot_share_fraction", found,
                    "nothing there: it caps a share of all requests, not of a class")
