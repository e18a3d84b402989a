"""How much a node costs an hour: every offer of the catalog, rented or owned, at one price in micro-dollars."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from optimizer.costs import owned, rented
from optimizer.costs.priced import PricedOffer, rate_per_usd
from optimizer.load import Catalog
from optimizer.schema.problem import Assumptions, Problem

CATALOG_S_OWN = Assumptions()
"""No figure in place of the catalog's."""

COST_MODELS: dict[str, Callable[[Catalog, Problem], Iterator[PricedOffer]]] = {
    "rented": rented.priced_offers,
    "owned": owned.priced_offers,
}
"""By the kind of supply."""


def price_of(offer_id: str, catalog: Catalog, problem: Problem) -> PricedOffer | None:
    """Price a single offer by its id, None when there is no such offer."""
    if offer_id in catalog.offers:
        offer = catalog.offers[offer_id]
        return rented.price_offer(offer, catalog, problem, rate_per_usd(catalog, problem, offer.currency))
    for node in catalog.owned.values():
        for site_id in node.sites:
            if offer_id == owned.owned_offer_id(node.offer_id, site_id):
                return owned.price_node(node, site_id, catalog, problem)
    return None


def pricing_of(problem: Problem) -> Hashable:
    """Return all of a problem that prices and stock depend on: two problems with the same have the same offers."""
    own, limits = problem.assumptions, problem.limits
    return (
        tuple(sorted(limits.stock.items())), limits.horizon_months, problem.currency, problem.fx,
        "" if own == CATALOG_S_OWN else own.model_dump_json(),
    )


def priced_offers(catalog: Catalog, problem: Problem) -> list[PricedOffer]:
    """Price every offer of the catalog for a problem, in the order of their ids."""
    priced = [offer for price in COST_MODELS.values() for offer in price(catalog, problem)]
    return sorted(priced, key=lambda offer: offer.offer_id)


__all__ = ["CATALOG_S_OWN", "COST_MODELS", "PricedOffer", "price_of", "priced_offers", "pricing_of", "rate_per_usd"]
