"""What a buyer must know of the life of a product: remaining stock, used goods, delivery, end of support."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimizer.costs.owned import sold_as
from optimizer.load import Catalog
from optimizer.schema.catalog import OwnedNode

LONG_WEEKS = 8
"""A delivery time from which an answer names it."""


def lead_time_weeks(node: OwnedNode, catalog: Catalog) -> float | None:
    """Return the weeks from order to delivery: the machine's own, else its GPU's; None: unknown."""
    product = catalog.products.get(node.gpu_id)
    if node.lead_time_weeks is not None or product is None:
        return node.lead_time_weeks
    return product.lead_time_weeks


def product_warnings(machines: Iterable[OwnedNode], catalog: Catalog) -> Iterator[str]:
    """Yield what the life of the machines of a plan means for who orders them."""
    by_gpu = {machine.gpu_id: machine for machine in machines}
    for gpu_id, machine in sorted(by_gpu.items()):
        sold, product = sold_as(machine, catalog), catalog.products.get(gpu_id)
        if sold == "remaining":
            yield f"{gpu_id} is no longer made: new only from remaining stock. Have the stock confirmed."
        elif sold != "new":
            yield f"{gpu_id} is bought used: no maker's warranty; limits.used asks for it."
        weeks = lead_time_weeks(machine, catalog)
        if weeks is not None and weeks >= LONG_WEEKS:
            yield f"Delivery of {gpu_id} takes about {weeks:g} weeks ({product.as_of if product else 'own figure'})."
        if product is not None and product.support_until is not None:
            yield f"The maker supports {gpu_id} until {product.support_until}."
