"""The names of a problem, held against those of the catalog, and which offers its policy admits."""

from __future__ import annotations

from optimizer.costs import PricedOffer
from optimizer.demand import demand_of
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.problem import Limits, Problem, Service

KNOWN_MODEL = "an id of models.yaml (gpumix catalog list models), or a path to a config.json"


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
    routed = {service.service_id for service in problem.services if service.routes_classes}
    faults += [
        Fault("capacities.csv", f"{service_id}, {offer_id}", "one capacity for a service with routing: by_class",
              "a service with routing: mixed, whose classes all share it")
        for service_id, offer_id in catalog.capacities if service_id in routed
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
